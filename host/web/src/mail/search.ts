/** What is typed into the search field, as a filter of RFC 8621 §4.4.1. */
import type { Filter, FilterCondition, Id } from '../jmap/types';

export interface SearchScope {
  /** Finds a mailbox by what a person calls it. */
  mailbox: (name: string) => Id | null;
  /** Searched only when asked for by `in:`. */
  exclude: Id[];
}

const TOKEN = /(-)?(?:(\w+):)?(?:"([^"]*)"?|(\S+))/g;

/** `from:ada subject:"the engine" has:attachment is:unread in:archive before:2026-01-31 -draft words`. */
export function parseSearch(query: string, scope: SearchScope): Filter | null {
  const conditions: Filter[] = [];
  const words: string[] = [];
  let placed = false;
  for (const [whole, minus, operator, quoted, bare] of query.matchAll(TOKEN)) {
    const value = quoted ?? bare ?? '';
    const condition = operator === undefined ? null : conditionOf(operator.toLowerCase(), value, scope);
    if (condition === null && minus === undefined) words.push(quoted !== undefined && !operator ? quoted : whole);
    else {
      const found = condition ?? { text: value };
      placed ||= 'inMailbox' in found;
      conditions.push(minus === undefined ? found : { operator: 'NOT', conditions: [found] });
    }
  }
  if (words.length > 0) conditions.unshift(...words.map((text) => ({ text })));
  if (conditions.length === 0) return null;
  if (!placed && scope.exclude.length > 0) conditions.push({ inMailboxOtherThan: scope.exclude });
  return conditions.length === 1 ? (conditions[0] ?? null) : { operator: 'AND', conditions };
}

const KEYWORDS: Record<string, FilterCondition> = {
  unread: { notKeyword: '$seen' },
  read: { hasKeyword: '$seen' },
  starred: { hasKeyword: '$flagged' },
  flagged: { hasKeyword: '$flagged' },
  answered: { hasKeyword: '$answered' },
  draft: { hasKeyword: '$draft' },
};

function conditionOf(operator: string, value: string, scope: SearchScope): FilterCondition | null {
  if (value === '') return null;
  switch (operator) {
    case 'from':
    case 'to':
    case 'subject':
    case 'body':
      return { [operator]: value };
    case 'has':
      return value.toLowerCase().startsWith('attach') ? { hasAttachment: true } : null;
    case 'is':
      return KEYWORDS[value.toLowerCase()] ?? null;
    case 'label':
      return { hasKeyword: value.toLowerCase() };
    case 'before':
    case 'after': {
      const date = new Date(`${value}T00:00:00`);
      return Number.isNaN(date.getTime()) ? null : { [operator]: utc(date) };
    }
    case 'in': {
      const id = scope.mailbox(value);
      return id === null ? null : { inMailbox: id };
    }
    default:
      return null;
  }
}

/** RFC 8620 §1.4: without fractions of a second. */
export function utc(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
