import { expect, test } from 'vitest';
import { CookieAuthenticator } from '../../src/jmap/auth';
import { errorType } from '../../src/jmap/errors';
import { Owner } from '../../src/jmap/owner';
import { Transport } from '../../src/jmap/transport';

/** An owner's API whose requests are answered so, and what was asked. */
function answering(status: number, body: object) {
  const asked: [string, RequestInit][] = [];
  const transport = new Transport(new CookieAuthenticator(), {
    fetch: async (url, init) => {
      asked.push([url, init]);
      return new Response(status === 204 ? null : JSON.stringify(body), { status });
    },
    sleep: async () => {},
  });
  return { owner: new Owner(transport), asked };
}

test('a login sends what was typed, once, with the field that only our pages send', async () => {
  const { owner, asked } = answering(200, { username: 'a@b' });
  await owner.logIn('a@b', { password: 'secret', code: '123456' });
  const [[url, init] = ['', {}]] = asked;
  expect([url, init.method, init.credentials]).toEqual(['/account/login', 'POST', 'same-origin']);
  expect(init.headers).toMatchObject({ 'X-Waxwing': '1', 'Content-Type': 'application/json' });
  expect(JSON.parse(String(init.body))).toEqual({ username: 'a@b', password: 'secret', code: '123456' });
});

test('a login that was lost is not sent again: a code is good once', async () => {
  let count = 0;
  const transport = new Transport(new CookieAuthenticator(), {
    fetch: async () => {
      count++;
      throw new TypeError('Failed to fetch');
    },
    sleep: async () => {},
  });
  await expect(new Owner(transport).logIn('a@b', { password: 'x' })).rejects.toThrow();
  expect(count).toBe(1);
});

test('refusals have the names that the server gives them', async () => {
  const { owner } = answering(403, { type: 'urn:waxwing:error:codeRequired' });
  const failure = await owner.logIn('a@b', { password: 'x' }).catch((error: unknown) => error);
  expect(errorType(failure)).toBe('codeRequired');
});

test('nobody is logged in, or somebody', async () => {
  expect(await answering(200, { username: null }).owner.who()).toBeNull();
  expect(await answering(200, { username: 'a@b' }).owner.who()).toBe('a@b');
});

test('ids go into paths as they are, and nowhere else', async () => {
  const { owner, asked } = answering(204, {});
  await owner.endLogin('../7?x');
  await owner.removeAppPassword('8');
  expect(asked.map(([url, init]) => `${init.method} ${url}`)).toEqual([
    'DELETE /account/logins/..%2F7%3Fx',
    'DELETE /account/app-passwords/8',
  ]);
});
