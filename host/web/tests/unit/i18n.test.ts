import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { languages, pickLanguage } from '../../src/i18n';
import type { Mailbox } from '../../src/jmap/types';
import { mailboxTree } from '../../src/state/mailboxes';

const folder = fileURLToPath(new URL('../../src/i18n/messages', import.meta.url));
const read = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Record<string, string>;
const english = read('en.json');
const variables = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

test.each(readdirSync(folder))('%s has each message, with its variables', (name) => {
  const messages = read(name);
  const forms = /\.(?:zero|two|few|many)$/; // of languages with more plural forms than English
  expect(
    Object.keys(messages)
      .filter((key) => !forms.test(key))
      .sort(),
  ).toEqual(Object.keys(english).sort());
  for (const [key, text] of Object.entries(messages)) {
    expect(text.trim(), key).not.toBe('');
    expect(variables(text), key).toEqual(variables(english[key.replace(forms, '.other')] ?? ''));
  }
});

test('each message is used', () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url));
  const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(`${source}/${name}`, 'utf8'))
    .join('\n');
  const unused = Object.keys(english).filter((key) => {
    const base = key.replace(/\.(?:one|other)$/, '');
    return !key.startsWith('role.') && !code.includes(`'${key}'`) && !code.includes(`'${base}'`);
  });
  expect(unused).toEqual([]);
});

test('a file is a language', () => {
  expect(languages).toEqual(
    readdirSync(folder)
      .map((name) => name.replace('.json', ''))
      .sort(),
  );
});

test('the reader has the first language that there is', () => {
  const offered = ['de', 'en', 'id', 'pt-BR'];
  expect(pickLanguage(['fr', 'de-AT', 'en'], offered)).toBe('de');
  expect(pickLanguage(['pt-BR'], offered)).toBe('pt-BR');
  expect(pickLanguage(['fr'], offered)).toBe('en');
});

test('mailboxes stand in the order that people look for them', () => {
  const box = (id: string, role: Mailbox['role'], parentId: string | null = null, name = id) =>
    ({ id, name, role, parentId, sortOrder: 0 }) as Mailbox;
  const tree = mailboxTree([
    ...[
      box('z', null),
      box('trash', 'trash'),
      box('child', null, 'a'),
      box('a', null),
      box('in', 'inbox'),
      box('drafts', 'drafts'),
    ],
    ...[box('lost', null, 'nobody'), box('loop', null, 'loop')],
  ]);
  expect(tree.map(({ mailbox, depth }) => `${mailbox.id}${depth}`)).toEqual([
    'in0',
    'drafts0',
    'trash0',
    'a0',
    'child1',
    'lost0',
    'z0',
  ]);
});
