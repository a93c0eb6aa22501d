/** Which of a message's parts are shown, and how. */
import type { BodyPart } from '../jmap/types';
import type { FullEmail } from './reply';
import { escapeHtml } from './text';

export interface ShownBody {
  kind: 'html' | 'text';
  source: string;
  isTruncated: boolean;
}

export function bodyOf(email: FullEmail): ShownBody {
  const isHtml = email.htmlBody.some((part) => part.type === 'text/html');
  const parts = isHtml ? email.htmlBody : email.textBody;
  const values = parts.map((part) => email.bodyValues[part.partId ?? '']);
  const source = parts.map((part, index) => {
    const text = values[index]?.value ?? '';
    if (part.type === 'text/html') return text;
    if (part.type.startsWith('image/')) return isHtml ? imageTag(part) : '';
    return isHtml ? `<pre>${escapeHtml(text)}</pre>` : text;
  });
  return {
    kind: isHtml ? 'html' : 'text',
    source: source.join(isHtml ? '' : '\n'),
    isTruncated: values.some((value) => value?.isTruncated),
  };
}

/** An image between two texts (RFC 8621 §4.1.4) is found by its part's own name. */
function imageTag(part: BodyPart): string {
  return `<p><img src="cid:${escapeHtml(cidOf(part))}" alt="${escapeHtml(part.name ?? '')}"></p>`;
}

export function cidOf(part: BodyPart): string {
  return part.cid?.replace(/^<|>$/g, '') ?? `part-${part.blobId}`;
}

/** Pictures that hold nothing but pixels: a document of SVG could be opened, and would be one of ours then. */
export function isPicture(part: BodyPart): boolean {
  return /^image\/(?:png|jpe?g|gif|webp|avif|bmp|x-icon)$/i.test(part.type);
}

/** Parts that the HTML may name by Content-ID. */
export function inlineParts(email: FullEmail): Map<string, BodyPart> {
  const parts = [...email.attachments, ...email.htmlBody].filter(isPicture);
  return new Map(parts.map((part) => [cidOf(part), part]));
}

/** What is offered as attachments: all but what the HTML shows itself. */
export function listedAttachments(email: FullEmail, shownCids: ReadonlySet<string>): BodyPart[] {
  return email.attachments.filter((part) => !(part.cid !== null && shownCids.has(cidOf(part))));
}
