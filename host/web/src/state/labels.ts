/** Keywords that are people's own. Those that begin with a sign mean something to programs (RFC 8621 §4.1.1). */
import type { EmailSummary } from '../jmap/types';
import type { MailStore } from './store';

const PROGRAMS = new Set(['junk', 'nonjunk', 'notjunk', 'forwarded', 'mdnsent']);

export function userKeywords(email: EmailSummary): string[] {
  return Object.keys(email.keywords)
    .filter((keyword) => /^[^$\\]/.test(keyword) && !PROGRAMS.has(keyword))
    .sort();
}

/** Those of all messages that are known here. */
export function knownKeywords(store: MailStore): string[] {
  return [...new Set(store.emails.all().flatMap(userKeywords))].sort();
}

/** RFC 8621 §4.1.1: what a keyword may be made of; it is kept in lower case. */
export function asKeyword(text: string): string | null {
  const keyword = text.trim().toLowerCase().replaceAll(' ', '-');
  return /^[\x21-\x7e]{1,255}$/.test(keyword) && !/[(){\]%*"\\]/.test(keyword) && !keyword.startsWith('$')
    ? keyword
    : null;
}
