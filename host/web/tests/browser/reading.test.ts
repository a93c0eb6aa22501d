import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { message } from '../fake/generate';
import { login, picture, startBrowser, stopBrowser, type Visit, type VisitOptions, visit } from './browser';

let visiting: Visit;
const open = async (options: VisitOptions = {}) => {
  visiting = await visit(options);
  return visiting;
};

beforeAll(startBrowser);
afterAll(stopBrowser);
afterEach(() => visiting.end());

test('a wrong password is told, a right one shows the inbox, a reload stays logged in', async () => {
  const { page, url, complaints } = await open();
  await page.goto(`${url}/mail`);
  await page.getByLabel('Email address').fill('alice@waxwing.test');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('The address or the password is not right.').waitFor();
  complaints.length = 0; // the browser's word for a 401
  await login(visiting);
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await page.reload();
  await page.locator('.row:not(.loading)').first().waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  expect(complaints).toEqual([]);
});

test('a thread opens with what is unread, is marked as read, and shows both kinds of text', async () => {
  const { page, server, complaints } = await open();
  await login(visiting);
  const row = page.locator('.row', { hasText: 'Notes on the engine' }).first();
  expect(await row.getAttribute('class')).toContain('unread');
  await row.locator('.row-link').click();
  await page.locator('.message .plain', { hasText: 'A carry that meets a nine' }).waitFor();
  await page.frameLocator('.mail-frame').getByText('one question').waitFor();
  await expect.poll(() => row.getAttribute('class')).not.toContain('unread');
  const thread = [...server.model.emails.values()].filter(({ subject }) => subject.endsWith('Notes on the engine'));
  await expect.poll(() => thread.slice(-3).every(({ keywords }) => keywords.$seen)).toBe(true);
  await page.getByRole('button', { name: /Charles Babbage Dear both/ }).click();
  await page.getByText('Plans of the store.pdf').waitFor();
  const download = page.waitForEvent('download');
  await page.getByText('Plans of the store.pdf').click();
  expect((await download).suggestedFilename()).toBe('Plans of the store.pdf');
  expect(complaints).toEqual([]);
});

test('images from elsewhere are asked for only when one says so', async () => {
  const { page, foreign } = await open();
  await login(visiting);
  await page.locator('.row-link', { hasText: 'What to plant in March' }).click();
  const frame = page.frameLocator('.mail-frame');
  await frame.getByText('Broad beans').waitFor();
  await frame.locator('img[src^="blob:"]').waitFor();
  expect(foreign).toEqual([]);
  await page.getByRole('button', { name: 'Show images' }).click();
  await expect.poll(() => foreign).toContain('https://tracker.test/banner.png');
  await page.frameLocator('.mail-frame').getByText('Broad beans').waitFor();
});

test('search follows typing, marks what was found, and opens it', async () => {
  const { page, complaints } = await open();
  await login(visiting);
  await page.keyboard.press('/');
  await page.keyboard.type('carry nine', { delay: 15 });
  await page.getByRole('heading', { name: 'Search results' }).waitFor();
  await page.locator('.row mark', { hasText: 'carry' }).first().waitFor();
  await picture(page, 'search');
  await page.locator('.row-link').first().click();
  await page.locator('.message .plain', { hasText: 'A carry that meets a nine' }).waitFor();
  await page.getByRole('button', { name: 'Clear search' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  await page.getByLabel('Search mail').fill('from:grace is:starred');
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).waitFor();
  expect(complaints).toEqual([]);
});

test('who goes elsewhere while a search is about to begin stays there', async () => {
  const { page } = await open();
  await page.clock.install();
  await login(visiting);
  await page.locator('.search input').fill('carry');
  await page.evaluate(() => void (location.hash = '#/settings/general'));
  await page.locator('.settings-card').waitFor();
  // Longer than a search waits for the next letter.
  await page.clock.fastForward(1_000);
  expect(page.url()).toContain('#/settings/general');
});

test('the keyboard goes everywhere', async () => {
  const { page } = await open();
  await login(visiting);
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('o');
  await page.getByRole('heading', { name: 'What to plant in March' }).waitFor();
  await page.keyboard.press('j');
  await page.getByRole('heading', { name: 'Rapat minggu depan' }).waitFor();
  await page.keyboard.press('s');
  await page.locator('.row.open .row-star.on').waitFor();
  await page.keyboard.press('u');
  await page.getByText('Choose a conversation to read it').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await picture(page, 'shortcuts');
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.getByRole('heading', { name: 'Sent' }).waitFor();
});

test('keys work in the frame of a mail, too', async () => {
  const { page } = await open();
  await login(visiting);
  await page.locator('.row-link', { hasText: 'What to plant in March' }).click();
  await page.frameLocator('.mail-frame').getByText('Broad beans').click();
  await page.keyboard.press('j');
  await page.getByRole('heading', { name: 'Rapat minggu depan' }).waitFor();
});

test('links to addresses open the writer, from text and from HTML; pictures are shown', async () => {
  const { page, server, complaints } = await open();
  const { model } = server;
  const png = [...model.blobs].find(([, { type }]) => type === 'image/png')?.[0] ?? '';
  const attachments = [
    { blobId: png, type: 'image/png', name: 'Harbour.png', disposition: 'attachment', cid: null, size: 80 },
  ];
  model.add(message(model, { subject: 'Plain link', text: 'Write to grace@navy.test, please.', minutesAgo: -2 }), true);
  const html = '<a href="mailto:grace@navy.test?subject=Moths">write</a>';
  model.add(message(model, { subject: 'Rich link', html, attachments, minutesAgo: -1 }), true);
  await login(visiting);
  await page.locator('.row-link', { hasText: 'Plain link' }).click();
  await page.getByRole('link', { name: 'grace@navy.test', exact: true }).click();
  await page.locator('.token', { hasText: 'grace@navy.test' }).waitFor();
  await page.getByRole('button', { name: 'Close and keep as draft' }).click();
  await page.locator('.row-link', { hasText: 'Rich link' }).click();
  await page.frameLocator('.mail-frame').getByText('write').click();
  await expect.poll(() => page.getByLabel('Subject').inputValue()).toBe('Moths');
  await page.getByRole('button', { name: 'Close and keep as draft' }).click();
  await page.getByText('Harbour.png').click();
  const image = page.getByRole('dialog').getByRole('img', { name: 'Harbour.png' });
  await image.waitFor();
  await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBe(8);
  await picture(page, 'image');
  expect(complaints).toEqual([]);
});

test('mail that is made for a wide screen fits a phone', async () => {
  const { page, server } = await open({ phone: true, width: 390, height: 780 });
  const html = '<div style="width:600px;background:#def">As wide as a letter of 2005 could be</div>';
  server.model.add(message(server.model, { subject: 'Wide letter', html, minutesAgo: -1 }), true);
  await login(visiting);
  await page.locator('.row-link', { hasText: 'Wide letter' }).click();
  await page.frameLocator('.mail-frame').getByText('As wide').waitFor();
  const overflow = () =>
    page.locator('.mail-frame').evaluate((frame: HTMLIFrameElement) => {
      const root = frame.contentDocument?.documentElement;
      return root ? root.scrollWidth - frame.clientWidth : Number.NaN;
    });
  await expect.poll(overflow).toBeLessThanOrEqual(1);
  await picture(page, 'phone-wide');
});

test('labels are given and shown', async () => {
  const { page, server } = await open();
  await login(visiting);
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
  await page.keyboard.press('l');
  await page.getByRole('dialog').getByLabel('New label').fill('Log book');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.locator('.row.open .label', { hasText: 'log-book' }).waitFor();
  const moth = [...server.model.emails.values()].find(({ subject }) => subject === 'A moth in the relay');
  await expect.poll(() => moth?.keywords['log-book']).toBe(true);
});
