import { expect, test } from 'vitest';
import { applyChanges, missingPages, type SparseIds, without, writePage } from '../../src/state/window';

const changes = (removed: string[], added: [string, number][], total: number) => ({
  ...{ oldQueryState: '1', newQueryState: '2', total, removed },
  added: added.map(([id, index]) => ({ id, index })),
});

test('a page is written where it belongs', () => {
  const ids = writePage([], 2, ['c', 'd'], 6);
  expect(ids.length).toBe(6);
  expect([ids[1], ids[2], ids[3], ids[4]]).toEqual([undefined, 'c', 'd', undefined]);
});

test('pages that are missing, within what there is', () => {
  const ids = writePage([], 0, ['a', 'b'], 5);
  expect(missingPages(ids, 0, 1, 2, 5)).toEqual([]);
  expect(missingPages(ids, 0, 90, 2, 5)).toEqual([1, 2]);
  expect(missingPages([], 0, 1, 2, null)).toEqual([0]);
  expect(missingPages([], -4, 0, 2, 0)).toEqual([]);
});

test('new ones come in, old ones go, the rest keeps its order', () => {
  const ids = ['a', 'b', 'c', 'd'];
  expect(applyChanges(ids, changes(['b'], [['n', 0]], 4))).toEqual(['n', 'a', 'c', 'd']);
  expect(applyChanges(ids, changes(['d', 'never'], [['d', 0]], 4))).toEqual(['d', 'a', 'b', 'c']);
});

test('behind a hole nothing is sure when one left that was not known', () => {
  const ids: SparseIds = ['a', 'b', undefined, 'd'];
  expect([...applyChanges(ids, changes(['x'], [], 3))]).toEqual(['a', 'b', undefined]);
});

test('rows are taken out and holes stay', () => {
  const ids = writePage([], 0, ['a', 'b'], 4);
  const rest = without(ids, new Set(['a']));
  expect([rest.length, rest[0], rest[1]]).toEqual([3, 'b', undefined]);
});

/** Small, and the same at each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

test('after any history, what is known is what is true', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const pick = random(seed);
    let truth = Array.from({ length: pick(30) }, (_, index) => `m${index}`);
    let known: SparseIds = writePage([], 0, truth.slice(0, pick(truth.length + 1)), truth.length);
    if (pick(2) === 0) known = writePage(known, 10, truth.slice(10, 10 + pick(10)), truth.length);
    for (let step = 0; step < 8; step++) {
      const next = truth.filter(() => pick(6) !== 0);
      const removed = truth.filter((id) => !next.includes(id));
      for (let count = pick(3); count > 0; count--) next.splice(pick(next.length + 1), 0, `s${seed}-${step}-${count}`);
      const added = next.flatMap((id, index): [string, number][] => (truth.includes(id) ? [] : [[id, index]]));
      known = applyChanges(known, changes(removed, added, next.length));
      truth = next;
      expect(known.length).toBe(truth.length);
      for (let index = 0; index < truth.length; index++) expect([undefined, truth[index]]).toContain(known[index]);
    }
  }
});
