/** Erin looks after what she is known by. */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { picture, startBrowser, stopBrowser } from '../browser/browser';
import { codeOf, enter, logIn, PASSWORD, type Sitting, sitDown } from './people';

let erin: Sitting;
let secret = '';

beforeAll(async () => {
  await startBrowser();
  erin = await logIn('erin');
});
afterAll(stopBrowser);

const settings = async ({ page }: Sitting) => {
  await page.evaluate(() => void (location.hash = '#/settings/security'));
  await page.getByText('This browser').waitFor();
};

/** What an IMAP server says to a login. */
function imap(password: string): Promise<string> {
  const [host = '', port = ''] = (process.env.WAXWING_IMAP ?? '').split(':');
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = createConnection(Number(port), host, () => {
      socket.write(`a LOGIN erin@waxwing.test "${password}"\r\nb LOGOUT\r\n`);
    });
    socket.on('data', (octets) => void (said += octets));
    socket.on('error', reject);
    socket.on('close', () => resolve(/^a (\w+)/m.exec(said)?.[1] ?? said));
  });
}

test('who logs out everywhere is in here and out there', async () => {
  const others = [await logIn('erin'), await logIn('erin')];
  await settings(erin);
  await erin.page.getByRole('button', { name: 'Log out everywhere else' }).click();
  for (const other of others) await other.page.getByRole('button', { name: 'Log in' }).waitFor();
  await erin.page.locator('.known li').first().waitFor();
  await picture(erin.page, 'real-logins');
  expect(erin.complaints).toEqual([]);
});

test('a password for programs opens IMAP until it is taken back', async () => {
  const { page } = erin;
  const programs = page.getByRole('region', { name: 'Passwords for programs', exact: true });
  await programs.getByLabel('What it is for').fill('Telephone');
  await programs.getByLabel('Your password').fill(PASSWORD);
  await programs.getByRole('button', { name: 'Make a password' }).click();
  const password = (await programs.locator('.secret code').textContent()) ?? '';
  await programs.scrollIntoViewIfNeeded();
  await picture(page, 'real-app-password');
  expect(await imap(password)).toBe('OK');
  await programs.getByRole('button', { name: 'Take back' }).click();
  await programs.locator('.known li').waitFor({ state: 'detached' });
  expect(await imap(password)).toBe('NO');
});

test('codes of an authenticator are turned on', async () => {
  const { page } = erin;
  const codes = page.getByRole('region', { name: 'One-time codes', exact: true });
  await codes.getByRole('button', { name: 'Turn on' }).click();
  await codes.locator('.qr').waitFor();
  secret = (await codes.locator('.secret code').textContent()) ?? '';
  await codes.scrollIntoViewIfNeeded();
  await picture(page, 'real-totp');
  await codes.getByLabel('The code that it shows then').fill(codeOf(secret));
  await codes.getByLabel('Your password').fill(PASSWORD);
  await codes.getByRole('button', { name: 'Turn on' }).click();
  await codes.getByRole('button', { name: 'Turn off' }).waitFor();
  expect(erin.complaints).toEqual([]);
});

test('a login asks for a code from then on', async () => {
  const { page } = await sitDown();
  await enter(page, 'erin');
  await page.getByLabel('One-time code').waitFor();
  await picture(page, 'real-code');
  await page.getByLabel('One-time code').fill(codeOf(secret, 1));
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  expect(await imap(PASSWORD)).toBe('NO');
});
