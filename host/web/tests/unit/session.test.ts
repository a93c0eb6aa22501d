import { expect, test } from 'vitest';
import { expand, Features, ownOrigin } from '../../src/jmap/session';
import type { Session } from '../../src/jmap/types';

test('variables of templates are filled in and encoded', () => {
  expect(
    expand('/d/{accountId}/{blobId}/{name}?type={type}', { accountId: 'A', blobId: 'B', name: 'ä b/c', type: 'a/b' }),
  ).toBe('/d/A/B/%C3%A4%20b%2Fc?type=a%2Fb');
  expect(expand('/{unknown}', {})).toBe('/');
});

test('URLs of other origins become paths of this one', () => {
  const base = 'https://mail.example/mail';
  expect(ownOrigin('https://other.example/jmap/{accountId}?x={type}', base)).toBe('/jmap/{accountId}?x={type}');
  expect(ownOrigin('/jmap', base)).toBe('/jmap');
  expect(ownOrigin('//evil.example/jmap', base)).toBe('/jmap');
  expect(ownOrigin('jmap/', base)).toBe('/jmap/');
});

const session = (accountCapabilities: Record<string, unknown>, isReadOnly = false): Session => ({
  capabilities: {
    'urn:ietf:params:jmap:core': { maxObjectsInGet: 10 },
    'urn:ietf:params:jmap:mail': {},
    'urn:example': {},
  },
  accounts: { A: { name: 'a', isPersonal: true, isReadOnly, accountCapabilities } },
  primaryAccounts: { 'urn:ietf:params:jmap:mail': 'A' },
  ...{ username: 'a', apiUrl: '', downloadUrl: '', uploadUrl: '', eventSourceUrl: '', state: '' },
});

test('what the account has not, it cannot do', () => {
  const mail = { 'urn:ietf:params:jmap:mail': {} };
  const submission = { 'urn:ietf:params:jmap:submission': { maxDelayedSend: 60 } };
  expect(new Features(session(mail)).canSubmit).toBe(false);
  expect(new Features(session({ ...mail, ...submission })).canSubmit).toBe(true);
  expect(new Features(session({ ...mail, ...submission }, true)).canSubmit).toBe(false);
  expect(new Features(session({ ...mail, ...submission })).submission.maxDelayedSend).toBe(60);
});

test('a request names what both sides know', () => {
  expect(new Features(session({})).using).toEqual(['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail']);
});

test('limits that are not named are guessed low', () => {
  const { core } = new Features(session({}));
  expect([core.maxObjectsInGet, core.maxObjectsInSet]).toEqual([10, 500]);
});
