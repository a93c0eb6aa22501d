import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { allows, query } from '../../console/src/api';
import { differences } from '../../console/src/differences';
import { added, bars, hues, lines, roundUp } from '../../console/src/figures';

const folder = fileURLToPath(new URL('../../console/src/messages', import.meta.url));
const read = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Record<string, string>;
const english = read('en.json');
const variables = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test.each(readdirSync(folder))('%s has each message of the console, with its variables', (name) => {
  const messages = read(name);
  expect(Object.keys(messages)).toEqual(Object.keys(english));
  for (const [key, text] of Object.entries(messages)) {
    expect(text.trim(), key).not.toBe('');
    expect(variables(text), key).toEqual(variables(english[key] ?? ''));
  }
});

test('each message of the console is used', () => {
  const source = fileURLToPath(new URL('../../console/src', import.meta.url));
  const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(`${source}/${name}`, 'utf8'))
    .join('\n');
  const made = /^(?:verdict|state|mode|room|queue)\./;
  const unused = Object.keys(english).filter((key) => !made.test(key) && !code.includes(`'${key}'`));
  expect(unused).toEqual([]);
});

test('a scope covers what the server thinks that it covers', () => {
  const token = (scopes: string[]) => ({ name: 'x', scopes, expires: null });
  const cases: [string, string, 'read' | 'write', boolean][] = [
    ['*', 'queue', 'write', true],
    ['*:read', 'queue', 'read', true],
    ['*:read', 'queue', 'write', false],
    ['queue:write', 'queue', 'read', true],
    ['queue:read', 'queue', 'write', false],
    ['queue:write', 'policy', 'read', false],
  ];
  for (const [scope, area, right, expected] of cases) {
    expect(allows(token([scope]), area, right), `${scope} ${area}:${right}`).toBe(expected);
  }
});

test('a query has what is given', () => {
  expect(query({ a: 'x y&z', b: undefined, c: '', d: 0, e: false })).toBe('?a=x+y%26z&d=0&e=false');
  expect(query({})).toBe('');
});

const flow = (series: [string, string, number[]][]) => ({
  ...{ since: 0, first: 60_000, interval: 60, minutes: 3 },
  series: series.map(([group, name, values]) => ({ group, name, values })),
});

test('what happens goes into its minute', () => {
  const before = flow([['verdict', 'junk', [1, 0, 0]]]);
  const sample = (at: number) => ({
    at,
    values: [
      { group: 'verdict', name: 'junk', value: 2 },
      { group: 'sent', name: 'relayed', value: 1 },
    ],
  });
  expect(added(before, sample(185_000)).series).toEqual(
    flow([
      ['verdict', 'junk', [1, 0, 2]],
      ['sent', 'relayed', [0, 0, 1]],
    ]).series,
  );
  expect(added(before, sample(1_000))).toEqual(before);
  expect(added(before, sample(999_000))).toEqual(before);
});

test('the series with the most come first, and the rest is one', () => {
  const many = Array.from({ length: 9 }, (_, at): [string, string, number[]] => ['verdict', `v${at}`, [at, 0, 1]]);
  const shown = lines(flow(many), 'verdict', (name) => name.toUpperCase(), 'others');
  expect(shown.map(({ label }) => label)).toEqual(['V8', 'V7', 'V6', 'V5', 'V4', 'V3', 'others']);
  expect(shown.at(-1)?.values).toEqual([3, 0, 3]);
  expect(lines(flow(many), 'sent', (name) => name, 'others')).toEqual([]);
});

test('minutes are put together until they fit, and scales are round', () => {
  expect(bars([1, 2, 3, 4, 5], 2)).toEqual([6, 9]);
  expect(bars([1, 2], 72)).toEqual([1, 2]);
  expect([0, 0.4, 1, 1.1, 7, 42, 100].map(roundUp)).toEqual([1, 0.4, 1, 1.5, 8, 50, 100]);
});

test('outcomes have their colours, and no two lines the same', () => {
  expect(hues(['failed', 'relayed', 'deferred'])).toEqual([2, 0, 1]);
  expect(hues(['rules', 'pass', 'accept', 'reject'])).toEqual([1, 0, 3, 2]);
  expect(new Set(hues(['a', 'b', 'c', 'd', 'e', 'f', ''])).size).toBe(7);
});

test('differences are what is new, gone, or counts otherwise', () => {
  const side = (findings: Record<string, number>) => ({ findings, score: 0, verdict: '' });
  expect(differences(side({ A: 1, B: 2, C: 3 }), side({ A: 1, B: 4, D: 5 }))).toEqual(['B 2 → 4', '−C 3', '+D 5']);
});
