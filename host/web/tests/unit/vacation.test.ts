import { expect, test } from 'vitest';
import { daysOf, windowOf } from '../../src/state/vacation';

test('days are whole: the last one ends where the next begins', () => {
  const { fromDate, toDate } = windowOf('2026-12-01', '2026-12-24');
  expect(new Date(fromDate ?? '').getTime()).toBe(new Date('2026-12-01T00:00:00').getTime());
  expect(new Date(toDate ?? '').getTime()).toBe(new Date('2026-12-25T00:00:00').getTime());
  expect(toDate).toMatch(/^[0-9-]+T[0-9:]+Z$/);
  expect(windowOf('', 'never')).toEqual({ fromDate: null, toDate: null });
});

test('what was set is shown as the days that it was set as', () => {
  for (const [first, last] of [
    ['2026-12-01', '2026-12-24'],
    ['2026-03-28', '2026-03-29'],
    ['2026-02-28', '2026-02-28'],
    ['', '2026-12-31'],
    ['2026-10-25', ''],
  ] as const) {
    expect(daysOf(windowOf(first, last))).toEqual([first, last]);
  }
});

test('another program may have set a moment within a day', () => {
  const toDate = new Date('2026-12-24T12:00:00').toISOString();
  expect(daysOf({ fromDate: null, toDate })).toEqual(['', '2026-12-24']);
});
