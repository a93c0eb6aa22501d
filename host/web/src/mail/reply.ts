/** What an answer or a forwarded message begins as. */
import type { EmailAddress, EmailContent, EmailSummary, Identity } from '../jmap/types';
import { formatAddress, sameAddress, unique } from './addresses';
import { escapeHtml } from './text';

export type FullEmail = EmailSummary & EmailContent;

/** RFC 5322 §3.6.5, and what others put before a subject. */
const REPLY_PREFIX = /^\s*(?:(?:re|aw|sv|vs|antw|bls|balas)(?:\[\d+\])?\s*:\s*)+/i;
const FORWARD_PREFIX = /^\s*(?:(?:fwd?|wg|tr|trs|rv)\s*:\s*)+/i;

export function replySubject(subject: string | null): string {
  return `Re: ${(subject ?? '').replace(REPLY_PREFIX, '')}`.trim();
}

export function forwardSubject(subject: string | null): string {
  return `Fwd: ${(subject ?? '').replace(FORWARD_PREFIX, '')}`.trim();
}

export interface Recipients {
  to: EmailAddress[];
  cc: EmailAddress[];
}

/** Whom an answer goes to. An answer to oneself goes where the message went. */
export function replyRecipients(email: FullEmail, own: EmailAddress[], all: boolean): Recipients {
  const isOwn = (address: EmailAddress) => own.some((mine) => sameAddress(mine, address));
  const authors = email.replyTo?.length ? email.replyTo : (email.from ?? []);
  const toSelf = authors.every(isOwn);
  const to = unique(toSelf ? (email.to ?? []) : authors);
  if (!all) return { to, cc: [] };
  const others = toSelf ? (email.cc ?? []) : [...(email.to ?? []), ...(email.cc ?? [])];
  const cc = unique(others).filter((address) => !isOwn(address) && !to.some((one) => sameAddress(one, address)));
  return { to, cc };
}

/** The identity that a message was sent to. */
export function identityFor(email: FullEmail, identities: Identity[]): Identity | undefined {
  const places = [...(email.to ?? []), ...(email.cc ?? []), ...(email.bcc ?? []), ...(email.from ?? [])];
  return identities.find((identity) =>
    places.some((place) => sameAddress(place, { name: null, email: identity.email })),
  );
}

/** RFC 5322 §3.6.4. */
export function threading(email: FullEmail): { inReplyTo: string[] | null; references: string[] | null } {
  if (!email.messageId?.length) return { inReplyTo: null, references: null };
  const before = email.references?.length ? email.references : email.inReplyTo?.length === 1 ? email.inReplyTo : [];
  return { inReplyTo: email.messageId, references: [...before, ...email.messageId] };
}

/** The quoted original, under a line that says whose it is. */
export function quoteHtml(intro: string, html: string): string {
  return `<div><br></div><div>${escapeHtml(intro)}</div><blockquote type="cite">${html}</blockquote>`;
}

export function quoteText(intro: string, text: string): string {
  const quoted = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => (line.startsWith('>') ? `>${line}` : `> ${line}`.trimEnd()));
  return `\n\n${intro}\n${quoted.join('\n')}\n`;
}

/** The header lines that stand before a forwarded message: label and value. */
export function forwardedHeader(
  email: FullEmail,
  labels: Record<'from' | 'to' | 'cc' | 'date' | 'subject', string>,
  date: string,
): string[] {
  const list = (addresses: EmailAddress[] | null) => (addresses ?? []).map(formatAddress).join(', ');
  const lines = [
    [labels.from, list(email.from)],
    [labels.date, date],
    [labels.to, list(email.to)],
    [labels.cc, list(email.cc)],
    [labels.subject, email.subject ?? ''],
  ];
  return lines.filter(([, value]) => value !== '').map(([label, value]) => `${label}: ${value}`);
}
