/** A conversation of more messages than a server gives at a time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { message } from '../fake/generate';
import { login, picture, startBrowser, stopBrowser, visit } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

const MESSAGES = 1_200;

test('its newest part opens, the rest comes when it is asked for, and what is done is done to all', async () => {
  const visiting = await visit({ messages: 40 });
  const { page, server, complaints } = visiting;
  const { model } = server;
  const inbox = model.mailboxWithRole('inbox');
  const long = Array.from({ length: MESSAGES }, (_, index) => {
    const parts = { threadId: 'TLONG', subject: 'Again', text: `Number ${index}.`, keywords: { $seen: true } };
    const one = message(model, { ...parts, mailboxIds: { [inbox]: true }, minutesAgo: MESSAGES - index });
    model.add(one);
    return one;
  });
  try {
    await login(visiting);
    const row = page.locator('.row', { hasText: 'Again' });
    expect(await row.locator('.row-size').textContent()).toBe(` ${MESSAGES}`);
    await row.locator('.row-link').click();
    await page
      .getByText(`Number ${MESSAGES - 1}.`)
      .last()
      .waitFor();
    expect(await page.locator('.message').count()).toBe(50);
    await picture(page, 'long-thread');
    await page.getByRole('button', { name: '1,150 earlier messages' }).click();
    await page.getByRole('button', { name: '1,100 earlier messages' }).waitFor();
    expect(await page.locator('.message').count()).toBe(100);
    await page.getByRole('button', { name: 'Archive', exact: true }).click();
    const left = () => long.filter(({ id }) => model.emails.get(id)?.mailboxIds[inbox]).length;
    await expect.poll(left).toBe(0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(left).toBe(MESSAGES);
    expect(server.calls.filter((name) => name === 'Email/get').length).toBeLessThan(40);
    expect(complaints).toEqual([]);
  } finally {
    await visiting.end();
  }
});
