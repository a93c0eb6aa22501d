/** Email/query of RFC 8621 §4.4, as far as the client asks. */
import type { Filter, FilterCondition } from '../../src/jmap/types';
import type { FakeEmail, Model } from './model';

export function matches(email: FakeEmail, filter: Filter | null): boolean {
  if (filter === null) return true;
  if ('operator' in filter) {
    const results = filter.conditions.map((condition) => matches(email, condition));
    if (filter.operator === 'AND') return results.every(Boolean);
    return filter.operator === 'OR' ? results.some(Boolean) : !results.some(Boolean);
  }
  return Object.entries(filter).every(([name, value]) => test(email, name as keyof FilterCondition, value));
}

const addresses = (email: FakeEmail, name: 'from' | 'to') =>
  (email[name] ?? []).map((one) => `${one.name} ${one.email}`).join(' ');

export function textOf(email: FakeEmail): string {
  return email.html === null ? email.text : email.html.replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ');
}

function test(email: FakeEmail, name: keyof FilterCondition, value: unknown): boolean {
  const has = (text: string) => text.toLowerCase().includes(String(value).toLowerCase());
  switch (name) {
    case 'inMailbox':
      return email.mailboxIds[String(value)] === true;
    case 'inMailboxOtherThan':
      return Object.keys(email.mailboxIds).some((id) => !(value as string[]).includes(id));
    case 'hasKeyword':
      return email.keywords[String(value)] === true;
    case 'notKeyword':
      return email.keywords[String(value)] !== true;
    case 'hasAttachment':
      return listed(email) === value;
    case 'before':
      return email.receivedAt < String(value);
    case 'after':
      return email.receivedAt >= String(value);
    case 'from':
    case 'to':
      return has(addresses(email, name));
    case 'subject':
      return has(email.subject);
    case 'body':
      return has(textOf(email));
    case 'text':
      return [addresses(email, 'from'), addresses(email, 'to'), email.subject, textOf(email)].some(has);
    default:
      throw new Error(`unsupportedFilter ${name}`);
  }
}

export const listed = (email: FakeEmail) => email.attachments.some(({ disposition }) => disposition !== 'inline');

/** The ids of a query, newest first, of a thread only the first if threads are collapsed. */
export function run(model: Model, filter: Filter | null, collapse: boolean): string[] {
  const ids: string[] = [];
  const threads = new Set<string>();
  for (const email of model.sorted) {
    if (!matches(email, filter)) continue;
    if (collapse && threads.has(email.threadId)) continue;
    threads.add(email.threadId);
    ids.push(email.id);
  }
  return ids;
}

export function snippet(email: FakeEmail, filter: Filter | null): { subject: string | null; preview: string | null } {
  const words = wordsOf(filter);
  const mark = (text: string) => {
    const escaped = text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign);
    const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const marked = escaped.replace(new RegExp(pattern, 'gi'), '<mark>$&</mark>');
    return marked === escaped ? null : marked;
  };
  return words.length === 0
    ? { subject: null, preview: null }
    : { subject: mark(email.subject), preview: mark(textOf(email)) };
}

function wordsOf(filter: Filter | null): string[] {
  if (filter === null) return [];
  if ('operator' in filter) return filter.operator === 'NOT' ? [] : filter.conditions.flatMap(wordsOf);
  return [filter.text, filter.subject, filter.body].filter((word) => word !== undefined);
}
