/** The answer for the time that one is away, set at the page and kept by the server. */
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

test('an answer is set, kept, and shown again', async () => {
  await page.goto(URL_OF_MAIL);
  await page.getByLabel('Email address').fill('bob@waxwing.test');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await page.evaluate(() => void (location.hash = '#/settings/vacation'));
  await page.getByLabel('Answer on my behalf').check();
  await page.getByLabel('First day').fill('2026-12-01');
  await page.getByLabel('Last day').fill('2026-12-24');
  await page.getByLabel('Subject').fill('Away until Christmas');
  await page.getByRole('textbox', { name: 'Message' }).fill('I read mail again on the 25th.\nBob');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').waitFor();
  await page.reload();
  await expect.poll(() => page.getByLabel('Last day').inputValue()).toBe('2026-12-24');
  expect(await page.getByLabel('First day').inputValue()).toBe('2026-12-01');
  expect(await page.getByLabel('Answer on my behalf').isChecked()).toBe(true);
  expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('I read mail again on the 25th.\nBob');
  await picture(page, 'real-vacation');
  expect(complaints).toEqual([]);
});
