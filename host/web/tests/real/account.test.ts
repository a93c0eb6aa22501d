/** Erin looks after what she is known by. */
import { createConnection } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { picture, startBrowser, stopBrowser } from '../browser/browser';
import { codeOf, enter, logIn, PASSWORD, type Sitting, sitDown } from './people';

let erin: Sitting;
let secret = '';
let recovery: string[] = [];

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
  recovery = await codes.locator('.recovery-codes code').allTextContents();
  expect(recovery).toHaveLength(10);
  await codes.scrollIntoViewIfNeeded();
  await picture(page, 'real-recovery-codes');
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

test('a recovery code lets in once who has lost the authenticator', async () => {
  const [code = ''] = recovery;
  const tried = async () => {
    const { page } = await sitDown();
    await enter(page, 'erin');
    await page.getByRole('button', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(code.toUpperCase().replaceAll('-', ' '));
    await picture(page, 'real-recovery-code');
    await page.getByRole('button', { name: 'Log in' }).click();
    return page;
  };
  await (await tried()).getByRole('heading', { name: 'Inbox' }).waitFor();
  await (await tried()).getByText('The address or the password is not right.').waitFor();
  await erin.page.reload();
  await erin.page.getByText('9 recovery codes are left').waitFor();
});

test('mail is brought along and taken along', async () => {
  const { page } = erin;
  await page.evaluate(() => void (location.hash = '#/settings/transfer'));
  const bring = page.getByRole('region', { name: 'Bring mail along' });
  const one = 'From a@example.org Fri Nov 27 10:00:00 2026\nSubject: Brought\nFrom: a@example.org\n\n>From afar.\n\n';
  const mbox = one + one.replace('Brought', 'Brought, too');
  const eml = 'Subject: A single one\r\nFrom: a@example.org\r\n\r\nHere.\r\n';
  const files = [
    { name: 'old.mbox', mimeType: 'application/mbox', buffer: Buffer.from(mbox) },
    { name: 'one.eml', mimeType: 'message/rfc822', buffer: Buffer.from(eml) },
  ];
  await bring.getByLabel('Files').setInputFiles(files);
  await bring.getByRole('button', { name: 'Import' }).click();
  await bring.getByText('2 messages were taken.').waitFor();
  await bring.getByText('1 message was taken.').waitFor();
  // Once more, and nothing comes twice.
  await bring.getByLabel('Files').setInputFiles(files.slice(0, 1));
  await bring.getByRole('button', { name: 'Import' }).click();
  await bring.getByText('2 were there already.').waitFor();
  await picture(page, 'real-transfer');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download Inbox' }).click();
  const chunks: Buffer[] = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer);
  const taken = Buffer.concat(chunks).toString();
  expect(taken.match(/^From /gm)).toHaveLength(3);
  expect(taken).toContain('\n>From afar.\n');
  await page.getByRole('button', { name: 'Close' }).click();
  await page.locator('.row', { hasText: 'Brought, too' }).waitFor();
});
