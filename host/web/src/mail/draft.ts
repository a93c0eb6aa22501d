/** A message being written, as what Email/set creates (RFC 8621 §4.6). */
import type { Patch } from '../jmap/methods';
import type { EmailAddress, Id, Identity } from '../jmap/types';

export interface DraftAttachment {
  blobId: Id;
  name: string;
  type: string;
  size: number;
  /** Set if the HTML names it. */
  cid: string | null;
}

export interface Draft {
  to: EmailAddress[];
  cc: EmailAddress[];
  bcc: EmailAddress[];
  subject: string;
  /** Null if it is written as plain text. */
  html: string | null;
  text: string;
  attachments: DraftAttachment[];
  inReplyTo: string[] | null;
  references: string[] | null;
}

export function draftObject(draft: Draft, identity: Identity | undefined, draftsId: Id): Patch {
  const optional = <T>(value: T[] | null) => (value !== null && value.length > 0 ? value : undefined);
  const object: Patch = {
    mailboxIds: { [draftsId]: true },
    keywords: { $draft: true, $seen: true },
    from: identity === undefined ? undefined : [{ name: identity.name || null, email: identity.email }],
    replyTo: optional(identity?.replyTo ?? null),
    to: optional(draft.to),
    cc: optional(draft.cc),
    bcc: optional(draft.bcc),
    subject: draft.subject,
    inReplyTo: optional(draft.inReplyTo),
    references: optional(draft.references),
    bodyValues: { text: { value: draft.text } },
    textBody: [{ partId: 'text', type: 'text/plain' }],
    attachments: optional(draft.attachments.map(attachmentPart)),
  };
  if (draft.html !== null) {
    object.bodyValues = { text: { value: draft.text }, html: { value: draft.html } };
    object.htmlBody = [{ partId: 'html', type: 'text/html' }];
  }
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function attachmentPart(attachment: DraftAttachment): Patch {
  const { blobId, type, name, cid } = attachment;
  return { blobId, type, name, disposition: cid === null ? 'attachment' : 'inline', ...(cid === null ? {} : { cid }) };
}

export function recipientsOf(draft: Pick<Draft, 'to' | 'cc' | 'bcc'>): EmailAddress[] {
  const seen = new Set<string>();
  return [...draft.to, ...draft.cc, ...draft.bcc].filter(({ email }) => {
    const key = email.toLowerCase();
    return !seen.has(key) && seen.add(key);
  });
}

/** Words that promise an attachment, in the languages that people here write. */
const PROMISES =
  /\b(?:attach(?:ed|ment|ments|ing)|enclosed|anhang|anbei|angehängt|beigefügt|terlampir|lampiran|dilampirkan)\b/i;

/** Whether the writer, not whom they quote, speaks of an attachment. */
export function promisesAttachment(text: string): boolean {
  const own = text.split('\n').filter((line) => !line.startsWith('>'));
  return PROMISES.test(own.join('\n'));
}
