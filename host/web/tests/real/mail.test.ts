/** Carol and Dan write to each other, each at a page that is never loaded again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { picture, startBrowser, stopBrowser } from '../browser/browser';
import { logIn, type Sitting } from './people';

let carol: Sitting;
let dan: Sitting;
const TEXT = 'Page one.\nPage two.\n';

beforeAll(async () => {
  await startBrowser();
  carol = await logIn('carol');
  dan = await logIn('dan');
});
afterAll(stopBrowser);

test('a message with an attachment is written, kept as a draft, and found again', async () => {
  const { page } = carol;
  await page.getByRole('button', { name: 'New message' }).click();
  await page.getByRole('combobox', { name: 'To' }).fill('dan@waxwing.test');
  await page.getByLabel('Subject').fill('The log book');
  await page.getByRole('textbox', { name: 'Message text' }).click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('Here it is.');
  const file = { name: 'log book.txt', mimeType: 'text/plain', buffer: Buffer.from(TEXT) };
  await page.locator('.composer input[type=file]').setInputFiles(file);
  await page.locator('.compose-attachment', { hasText: 'log book.txt' }).waitFor();
  await page.getByText('Draft saved').waitFor();
  await picture(page, 'real-compose');
  await page.getByRole('button', { name: 'Close and keep as draft' }).click();
  await page.getByRole('link', { name: /^Drafts/ }).click();
  await page.locator('.row-link', { hasText: 'The log book' }).click();
  await page.locator('.compose-attachment', { hasText: 'log book.txt' }).waitFor();
  expect(await page.getByLabel('Subject').inputValue()).toBe('The log book');
  await picture(page, 'real-draft');
});

test('sending is undone, and then done', async () => {
  const { page } = carol;
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('.toast', { hasText: 'Sending message' }).waitFor();
  await picture(page, 'real-undo-send');
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await page.locator('.compose-attachment', { hasText: 'log book.txt' }).waitFor();
  await page.locator('.row', { hasText: 'The log book' }).waitFor();
  expect(await dan.page.locator('.row', { hasText: 'The log book' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('.toast', { hasText: 'Sending message' }).waitFor();
  await page.locator('.row', { hasText: 'The log book' }).waitFor({ state: 'detached', timeout: 30_000 });
  await page.getByRole('link', { name: /^Sent/ }).click();
  await page.locator('.row', { hasText: 'The log book' }).waitFor();
});

test('who it was for sees it come, and what is attached is as it was', async () => {
  const { page } = dan;
  await page.locator('.row-link', { hasText: 'The log book' }).click({ timeout: 30_000 });
  await page.frameLocator('.mail-frame').getByText('Here it is.').waitFor();
  const download = page.waitForEvent('download');
  await page.getByText('log book.txt').first().click();
  const chunks: Buffer[] = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe(TEXT);
  await picture(page, 'real-received');
});

test('the answer comes by push, into the conversation', async () => {
  await carol.page.getByRole('link', { name: /^Inbox/ }).click();
  const { page } = dan;
  await page.locator('.answer-bar button').first().click();
  await page.locator('.rich-editor blockquote').waitFor();
  await page.keyboard.type('Read with pleasure.');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await carol.page.locator('.row-link', { hasText: 'Read with pleasure.' }).click({ timeout: 30_000 });
  await carol.page.frameLocator('.mail-frame').last().getByText('Read with pleasure.').waitFor();
  expect(await carol.page.locator('.message').count()).toBe(2);
  await picture(carol.page, 'real-answer');
});

test('what is junk goes there and comes back', async () => {
  const { page } = carol;
  await page.getByRole('link', { name: /^Inbox/ }).click();
  await page.locator('.row-link', { hasText: 'You have won' }).click();
  await page.getByRole('button', { name: 'Junk', exact: true }).click();
  await page.locator('.row', { hasText: 'You have won' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: /^Junk/ }).click();
  await page.locator('.row-link', { hasText: 'You have won' }).click();
  await page.getByRole('button', { name: 'Not junk' }).waitFor();
  await picture(page, 'real-junk');
  await page.getByRole('button', { name: 'Not junk' }).click();
  await page.locator('.row', { hasText: 'You have won' }).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: /^Inbox/ }).click();
  await page.locator('.row', { hasText: 'You have won' }).waitFor();
});

test('what was archived comes back when it is undone', async () => {
  const { page } = carol;
  await page.locator('.row-link', { hasText: 'You have won' }).click();
  await page.getByRole('button', { name: 'Archive', exact: true }).click();
  await page.locator('.row', { hasText: 'You have won' }).waitFor({ state: 'detached' });
  await picture(page, 'real-undo');
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await page.locator('.row', { hasText: 'You have won' }).waitFor();
  expect([...carol.complaints, ...dan.complaints]).toEqual([]);
});
