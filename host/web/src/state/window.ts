/** The part of a long query's result that is known: an array with holes, as long as the result. */
import type { QueryChangesResult } from '../jmap/methods';
import type { Id } from '../jmap/types';

export type SparseIds = (Id | undefined)[];

/** Writes a page of a result into what is known. */
export function writePage(ids: SparseIds, position: number, page: readonly Id[], total: number): SparseIds {
  const next = ids.slice(0, total);
  next.length = total;
  page.forEach((id, index) => {
    if (position + index < total) next[position + index] = id;
  });
  return next;
}

/**
 * RFC 8620 §5.6: removed ids leave, added ones come in by rising index. Where an id left that was not known, all
 * that stands behind the first hole may have moved, and is forgotten.
 */
export function applyChanges(ids: SparseIds, changes: QueryChangesResult): SparseIds {
  const removed = new Set(changes.removed);
  const known = new Set(ids.filter((id) => id !== undefined));
  const isSure = [...removed].every((id) => known.has(id)) || known.size === ids.length;
  let next = ids.slice();
  if (!isSure) {
    // biome-ignore lint/complexity/useIndexOf: indexOf() passes over holes
    const hole = next.findIndex((id) => id === undefined);
    if (hole >= 0) next = next.slice(0, hole);
  }
  // Not by filter(), which would close the holes.
  for (let index = next.length - 1; index >= 0; index--) {
    const id = next[index];
    if (id !== undefined && removed.has(id)) next.splice(index, 1);
  }
  for (const { id, index } of [...changes.added].sort((a, b) => a.index - b.index)) {
    if (index <= next.length) next.splice(index, 0, id);
    else if (isSure) next[index] = id;
  }
  if (changes.total !== undefined) next.length = changes.total;
  return next;
}

export function without(ids: SparseIds, gone: ReadonlySet<Id>): SparseIds {
  const next = ids.slice();
  for (let index = next.length - 1; index >= 0; index--) {
    const id = next[index];
    if (id !== undefined && gone.has(id)) next.splice(index, 1);
  }
  return next;
}

/** The first pages of `size`, of those that hold positions `first` to `last`, of which something is missing. */
export function missingPages(
  ids: SparseIds,
  first: number,
  last: number,
  size: number,
  total: number | null,
): number[] {
  const pages: number[] = [];
  const end = total === null ? last : Math.min(last, total - 1);
  for (let page = Math.floor(Math.max(first, 0) / size); page * size <= end; page++) {
    const stop = Math.min((page + 1) * size, total ?? Number.POSITIVE_INFINITY);
    for (let position = page * size; position < stop; position++) {
      if (ids[position] === undefined) {
        pages.push(page);
        break;
      }
    }
  }
  return pages;
}
