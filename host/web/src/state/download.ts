/** Blobs as files. By fetch and not by a link, since a link can prove nothing of who asks. */
import type { Client } from '../jmap/client';
import type { BodyPart } from '../jmap/types';
import { showError } from './toasts';

const KEPT = 60_000;

export async function saveBlob(client: Client, part: Pick<BodyPart, 'blobId' | 'name' | 'type'>): Promise<void> {
  try {
    const blob = await client.download(part);
    // Never of its own type: a page would run as ours if it were opened and not saved.
    const url = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = part.name ?? 'attachment';
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), KEPT);
  } catch (error) {
    showError(error);
  }
}
