/**
 * The page against the server that serves it. The suite of the server starts one with mail for Alice and names it in
 * WAXWING_WEBMAIL (`tests/suite/webmail_chromium.rs`).
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newPage, picture, startBrowser, stopBrowser } from '../browser/browser';

const URL_OF_MAIL = process.env.WAXWING_WEBMAIL ?? '';
const PASSWORD = process.env.WAXWING_PASSWORD ?? '';

let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  await startBrowser();
  page = await newPage(URL_OF_MAIL, complaints);
});
afterAll(stopBrowser);

/** One after the other, by one browser: what a person does in a sitting. */
test('a wrong password is told, and a right one shows the inbox', async () => {
  await page.goto(URL_OF_MAIL);
  await page.getByLabel('Email address').fill('alice@waxwing.test');
  await page.getByLabel('Password').fill('guess');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('The address or the password is not right.').waitFor();
  complaints.length = 0; // the browser's word for a 403
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await page.locator('.row', { hasText: 'Notes on the engine' }).waitFor();
  await picture(page, 'real-inbox');
});

test('the cookie is out of reach of scripts, and a reload stays logged in', async () => {
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await page.reload();
  await page.locator('.row', { hasText: 'Notes on the engine' }).waitFor();
});

test('a message in HTML is read in its frame, and its pictures from elsewhere are not fetched', async () => {
  await page.locator('.row-link', { hasText: 'Notes on the engine' }).click();
  await page.frameLocator('.mail-frame').getByText('A carry that meets a nine').waitFor();
  await picture(page, 'real-message');
  await expect.poll(() => page.locator('.row.unread', { hasText: 'Notes on the engine' }).count()).toBe(0);
});

test('why it is here is told', async () => {
  await page.getByText('Why is this here?').first().click();
  await page.getByText(/^Score /).waitFor();
  await page.locator('.why li', { hasText: 'verdict' }).first().waitFor();
  await picture(page, 'real-why');
});

test('an attachment is fetched as it was sent', async () => {
  await page.locator('.row-link', { hasText: 'Plans' }).click();
  const download = page.waitForEvent('download');
  await page.getByText('plan.txt').click();
  const stream = await (await download).createReadStream();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('two wheels\n');
});

test('what is searched for is found', async () => {
  await page.locator('.search input').fill('carry');
  await page.locator('.row', { hasText: 'Notes on the engine' }).waitFor();
  await expect.poll(() => page.locator('.row').count()).toBe(1);
  await picture(page, 'real-search');
  await page.locator('.search input').fill('');
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
});

test('settings show who is logged in', async () => {
  await page.evaluate(() => void (location.hash = '#/settings/security'));
  await page.getByText('This browser').waitFor();
  await page.getByText('Chrome · Linux').first().waitFor();
  const programs = page.getByRole('region', { name: 'Passwords for programs', exact: true });
  await programs.getByLabel('What it is for').fill('Telephone');
  await programs.getByLabel('Your password').fill(PASSWORD);
  await programs.getByRole('button', { name: 'Make a password' }).click();
  await programs.locator('.secret code').waitFor();
  await picture(page, 'real-security');
  await programs.getByRole('button', { name: 'Take back' }).click();
  await programs.locator('.known li').waitFor({ state: 'detached' });
});

test('who logs out is out, in every tab', async () => {
  const [cookie] = await page.context().cookies();
  const other = await page.context().newPage();
  await other.goto(URL_OF_MAIL);
  await other.locator('.row').first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).first().click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await other.getByRole('button', { name: 'Log in' }).waitFor();
  expect(await page.context().cookies()).toEqual([]);
  // Nor by the cookie of before.
  const refused = await fetch(new URL('/.well-known/jmap', URL_OF_MAIL), {
    headers: { 'X-Waxwing': '1', Cookie: `${cookie?.name}=${cookie?.value}` },
  });
  expect(refused.status).toBe(401);
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
});
