/** Patches of messages (RFC 8620 §5.3): what is sent is applied here, too, before the answer is there. */
import type { Patch } from '../jmap/methods';
import type { EmailSummary, Id } from '../jmap/types';

export type EmailPatches = Record<Id, Patch>;

/** Only paths into `keywords` and `mailboxIds`: nothing else of a message can change. */
export function applyPatch(email: EmailSummary, patch: Patch): EmailSummary {
  const next = { ...email, keywords: { ...email.keywords }, mailboxIds: { ...email.mailboxIds } };
  for (const [path, value] of Object.entries(patch)) {
    const [property, key] = split(path);
    const map = property === 'keywords' ? next.keywords : next.mailboxIds;
    if (value === true) map[key] = true;
    else delete map[key];
  }
  return next;
}

/** The patch that takes another back. */
export function inverse(email: EmailSummary, patch: Patch): Patch {
  const back: Patch = {};
  for (const path of Object.keys(patch)) {
    const [property, key] = split(path);
    back[path] = (property === 'keywords' ? email.keywords : email.mailboxIds)[key] === true ? true : null;
  }
  return back;
}

export function keywordPath(keyword: string): string {
  return `keywords/${pointer(keyword)}`;
}

export function mailboxPath(id: Id): string {
  return `mailboxIds/${pointer(id)}`;
}

/** RFC 6901 §3. */
function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function split(path: string): [string, string] {
  const slash = path.indexOf('/');
  return [
    path.slice(0, slash),
    path
      .slice(slash + 1)
      .replaceAll('~1', '/')
      .replaceAll('~0', '~'),
  ];
}
