/** Logging in with a code, and what an account's owner changes of what he is known by. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CODE } from '../fake/owner';
import { login, picture, startBrowser, stopBrowser, type Visit, visit } from './browser';

let visiting: Visit;
const open = async () => {
  visiting = await visit({ messages: 20 });
  return visiting;
};
const goTo = async () => {
  await login(visiting);
  await visiting.page.evaluate(() => void (location.hash = '#/settings/security'));
  await visiting.page.locator('.known li').first().waitFor();
};
const section = (name: string) => visiting.page.getByRole('region', { name, exact: true });

beforeAll(startBrowser);
afterAll(stopBrowser);
afterEach(() => visiting.end());

test('a code is asked for once the password was right', async () => {
  const { page, url, server } = await open();
  server.owner.isCodeWanted = true;
  await page.goto(`${url}/mail`);
  await page.getByLabel('Email address').fill('alice@waxwing.test');
  await page.getByLabel('Password').fill('waxwing-demo');
  expect(await page.getByLabel('One-time code').count()).toBe(0);
  await page.getByRole('button', { name: 'Log in' }).click();
  const code = page.getByLabel('One-time code');
  await code.waitFor();
  await expect.poll(() => code.evaluate((input) => input === document.activeElement)).toBe(true);
  await picture(page, 'login-code');
  await code.fill('654321');
  await code.press('Enter');
  await page.getByText('The address or the password is not right.').waitFor();
  await code.fill(CODE);
  await code.press('Enter');
  await page.locator('.row:not(.loading)').first().waitFor();
});

test('nothing of the login is where a script could read it', async () => {
  const { page, context } = await open();
  await login(visiting);
  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]));
  expect(kept).not.toContain('waxwing-demo');
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  expect(kept).not.toContain(cookie?.value);
});

test('other logins are seen and ended, and a tab that was ended asks for a password', async () => {
  const { page, context, server, url } = await open();
  server.owner.begin('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0');
  await goTo();
  await page.getByText('Firefox · Linux').waitFor();
  await section('Where you are logged in').getByRole('button', { name: 'Log out' }).click();
  await page.getByText('Logged out there.').waitFor();
  await expect.poll(() => server.owner.logins.size).toBe(1);
  const other = await context.newPage();
  await other.goto(`${url}/mail`);
  await other.locator('.row:not(.loading)').first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).first().click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  expect(server.owner.logins.size).toBe(0);
  await other.getByRole('button', { name: 'Log in' }).waitFor();
});

test('a password for a program is shown once and taken back', async () => {
  const { page, server } = await open();
  await goTo();
  const programs = section('Passwords for programs');
  await programs.getByLabel('What it is for').fill('Telephone');
  await programs.getByLabel('Your password').fill('wrong');
  await programs.getByRole('button', { name: 'Make a password' }).click();
  await page.getByText('The address or the password is not right.').waitFor();
  await programs.getByLabel('Your password').fill('waxwing-demo');
  await programs.getByRole('button', { name: 'Make a password' }).click();
  await programs.getByText('abcd-efgh-jkmn-pqrs-tuvw-xyz2').waitFor();
  expect(server.owner.appPasswords).toHaveLength(1);
  await programs.getByRole('button', { name: 'Take back' }).click();
  await expect.poll(() => server.owner.appPasswords).toHaveLength(0);
});

test('one-time codes are turned on by a code of them, and off', async () => {
  const { page, server } = await open();
  await goTo();
  const codes = section('One-time codes');
  await codes.getByRole('button', { name: 'Turn on' }).click();
  await codes.getByRole('img', { name: 'The secret as a QR code' }).waitFor();
  await codes.getByText('JBSW Y3DP').waitFor();
  const confirm = async (code: string) => {
    await codes.getByLabel('The code that it shows then').fill(code);
    await codes.getByLabel('Your password').fill('waxwing-demo');
    await codes.getByRole('button', { name: 'Turn on' }).click();
  };
  await confirm('000000');
  await page.getByText('That code is not right.').waitFor();
  expect(server.owner.isCodeWanted).toBe(false);
  await confirm(CODE);
  await page.getByText('One-time codes are on.').waitFor();
  expect(await codes.locator('.recovery-codes code').allTextContents()).toEqual(server.owner.recoveryCodes);
  await codes.getByText('10 recovery codes are left').waitFor();
  await picture(page, 'recovery-codes');
  // New ones, for a code of before.
  const [, used = ''] = server.owner.recoveryCodes;
  await codes.getByRole('button', { name: 'New recovery codes' }).click();
  await codes.getByLabel('Your password').fill('waxwing-demo');
  await codes.getByRole('button', { name: 'Use a recovery code' }).click();
  await codes.getByLabel('Recovery code').fill(used);
  await codes.getByRole('button', { name: 'New recovery codes' }).last().click();
  await expect.poll(() => server.owner.recoveryCodes).not.toContain(used);
  await expect.poll(() => codes.locator('.recovery-codes code').allTextContents()).toEqual(server.owner.recoveryCodes);
  await codes.getByRole('button', { name: 'Turn off' }).click();
  await codes.getByLabel('Your password').fill('waxwing-demo');
  await codes.getByRole('textbox', { name: 'One-time code' }).fill(CODE);
  await codes.getByRole('button', { name: 'Turn off' }).last().click();
  await page.getByText('One-time codes are off.').waitFor();
});

test('the password is changed', async () => {
  const { page, server } = await open();
  server.owner.begin('elsewhere');
  await goTo();
  const password = section('Password');
  await password.getByLabel('New password').fill('correct horse');
  await password.getByLabel('Your password until now').fill('waxwing-demo');
  await password.getByRole('button', { name: 'Change the password' }).click();
  await page.getByText('The password is changed.').waitFor();
  expect(server.owner.password).toBe('correct horse');
  expect(server.owner.logins.size).toBe(1);
});
