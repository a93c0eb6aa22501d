/** Files on their way to the server, and those that are there. */
import { type Signal, signal } from '@preact/signals';
import { t } from '../i18n';
import { formatSize } from '../i18n/format';
import type { Client } from '../jmap/client';
import type { BodyPart } from '../jmap/types';
import type { DraftAttachment } from '../mail/draft';
import { explain, showToast } from './toasts';

export interface Attachment {
  key: number;
  name: string;
  type: string;
  size: number;
  /** Null until the server has it. */
  blobId: Signal<string | null>;
  cid: string | null;
  /** Of the upload, from 0 to 1. */
  progress: Signal<number>;
  error: Signal<string | null>;
  cancel: () => void;
}

let nextKey = 1;

export class Attachments {
  readonly list = signal<Attachment[]>([]);
  readonly #client: Client;
  readonly #onChange: () => void;

  constructor(client: Client, onChange: () => void) {
    this.#client = client;
    this.#onChange = onChange;
  }

  /** Parts of another message, which the server has already. */
  addParts(parts: readonly BodyPart[]): void {
    const added = parts.map((part) => ({
      ...{ key: nextKey++, name: part.name ?? t('attachment.unnamed'), type: part.type, size: part.size },
      ...{ blobId: signal(part.blobId), cid: null, progress: signal(1), error: signal(null), cancel: () => {} },
    }));
    this.list.value = [...this.list.peek(), ...added];
  }

  addFiles(files: Iterable<File>): void {
    const limit = this.#client.features.core.maxSizeUpload;
    for (const file of files) {
      if (file.size > limit) {
        showToast(t('attachment.tooLarge', { name: file.name, limit: formatSize(limit) }), { isError: true });
      } else this.#upload(file);
    }
  }

  #upload(file: File): void {
    const stop = new AbortController();
    const type = file.type || 'application/octet-stream';
    const attachment: Attachment = {
      ...{ key: nextKey++, name: file.name, type, size: file.size, cid: null, blobId: signal<string | null>(null) },
      ...{ progress: signal(0), error: signal<string | null>(null), cancel: () => stop.abort() },
    };
    this.list.value = [...this.list.peek(), attachment];
    const onProgress = (fraction: number) => void (attachment.progress.value = fraction);
    this.#client.upload(file, type, onProgress, stop.signal).then(
      (result) => {
        attachment.progress.value = 1;
        attachment.blobId.value = result.blobId;
        this.#onChange();
      },
      (error) => {
        if (!stop.signal.aborted) attachment.error.value = explain(error);
      },
    );
  }

  remove(key: number): void {
    this.list
      .peek()
      .find((one) => one.key === key)
      ?.cancel();
    this.list.value = this.list.peek().filter((one) => one.key !== key);
    this.#onChange();
  }

  /** What was put into a message are parts of it, in its order. */
  follow(sent: readonly DraftAttachment[], parts: readonly Pick<BodyPart, 'blobId' | 'size'>[]): void {
    if (sent.length !== parts.length) return;
    sent.forEach(({ blobId, size }, index) => {
      const part = parts[index];
      const known = this.list.peek().find((one) => one.blobId.peek() === blobId && one.size === size);
      if (known !== undefined && part?.size === size) known.blobId.value = part.blobId;
    });
  }

  get isUploading(): boolean {
    return this.list.value.some((one) => one.blobId.value === null && one.error.value === null);
  }

  get ready(): DraftAttachment[] {
    return this.list.peek().flatMap(({ blobId: { value: blobId }, ...rest }) => {
      const { name, type, size, cid } = rest;
      return blobId === null ? [] : [{ blobId, name, type, size, cid }];
    });
  }
}
