import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { message } from '../fake/generate';
import { login, picture, startBrowser, stopBrowser, type Visit, type VisitOptions, visit } from './browser';

let visiting: Visit;
const open = async (options: VisitOptions = {}) => {
  visiting = await visit(options);
  await login(visiting);
  return visiting;
};

beforeAll(startBrowser);
afterAll(stopBrowser);
afterEach(() => visiting.end());

const find = (subject: string) => [...visiting.server.model.emails.values()].find((email) => email.subject === subject);

function deliver(subject: string): void {
  const { model } = visiting.server;
  model.add(message(model, { subject, minutesAgo: -1 }));
  model.announce();
}

for (const canFollowQueries of [true, false]) {
  test(`mail comes by push, ${canFollowQueries ? 'followed' : 'by asking anew'}`, async () => {
    const { page, complaints } = await open({ canFollowQueries });
    const before = await page.locator('.mailbox.current .count').textContent();
    deliver('Hot off the press');
    await page.locator('.row').first().getByText('Hot off the press').waitFor();
    expect(Number.parseInt((await page.locator('.mailbox.current .count').textContent()) ?? '', 10)).toBe(
      Number.parseInt(before ?? '', 10) + 1,
    );
    expect(await page.title()).toMatch(/^\(\d+\) Inbox/);
    expect(complaints).toEqual([]);
  });
}

test('tabs share one stream, and the next has it when the first is closed', async () => {
  const { page, server, context, url } = await open();
  const second = await context.newPage();
  await second.goto(`${url}/mail`);
  await second.locator('.row:not(.loading)').first().waitFor();
  deliver('To both tabs');
  await page.locator('.row').first().getByText('To both tabs').waitFor();
  await second.locator('.row').first().getByText('To both tabs').waitFor();
  expect(server.streams).toBe(1);
  await page.close();
  deliver('To the second');
  await second.locator('.row-link', { hasText: 'To the second' }).waitFor();
  expect(server.streams).toBe(1);
});

test('who logs out and in again hears of new mail at once', async () => {
  const { page } = await open();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await login(visiting);
  deliver('Welcome back');
  await page.locator('.row').first().getByText('Welcome back').waitFor();
});

test('after the network was gone, what came meanwhile is there', async () => {
  const { page, server, context } = await open();
  await context.setOffline(true);
  server.dropStreams();
  deliver('While you were away');
  await context.setOffline(false);
  await page.locator('.row').first().getByText('While you were away').waitFor({ timeout: 15_000 });
});

test('a server that has forgotten what changed is asked for all anew', async () => {
  const { page, server, complaints } = await open();
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
  await page.locator('.plain', { hasText: 'First actual case' }).waitFor();
  server.model.forget();
  deliver('After the fire');
  await page.locator('.row').first().getByText('After the fire').waitFor();
  await page.locator('.plain', { hasText: 'First actual case' }).waitFor();
  expect(complaints).toEqual([]);
});

test('a thread that is not there is said not to be', async () => {
  const { page } = await open();
  await page.evaluate(() => void (location.hash += '/nowhere'));
  await page.locator('.reading-pane').getByText('It is no longer there.').waitFor();
});

test('a busy server is asked again', async () => {
  const { page, server } = await open();
  server.busy = 2;
  await page.locator('.row-link', { hasText: 'Rapat minggu depan' }).first().click();
  await page.locator('.plain', { hasText: 'rapat kita geser' }).waitFor();
});

test('junk goes to the junk and comes back by undo', async () => {
  const { page, server } = await open();
  await page.locator('.row-link', { hasText: 'Spring planting list' }).first().click();
  await page.locator('.thread-title', { hasText: 'Spring planting list' }).waitFor();
  const total = server.model.counts.get(server.model.mailboxWithRole('junk'))?.total ?? 0;
  const junk = () => server.model.counts.get(server.model.mailboxWithRole('junk'))?.total;
  await page.keyboard.press('!');
  await page.locator('.toast', { hasText: 'moved to junk' }).waitFor();
  await expect.poll(junk).toBeGreaterThan(total);
  await picture(page, 'undo');
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await expect.poll(junk).toBe(total);
});

test('what is junk is said not to be', async () => {
  const { page, server } = await open();
  await page.getByRole('link', { name: /^Junk/ }).click();
  await page.locator('.row-link', { hasText: 'You have won' }).click();
  await page.getByRole('button', { name: 'Not junk' }).click();
  await expect.poll(() => find('You have won')?.mailboxIds).toEqual({ [server.model.mailboxWithRole('inbox')]: true });
  expect(find('You have won')?.keywords).toMatchObject({ $notjunk: true });
  await page.getByText('Nothing here').waitFor();
});

test('several are chosen with shift and archived, and deleted for good from the trash', async () => {
  const { page, server } = await open();
  await page.locator('.row-choose').nth(1).click();
  await page
    .locator('.row-choose')
    .nth(3)
    .click({ modifiers: ['Shift'] });
  await page.getByText('3 selected').waitFor();
  await picture(page, 'selection');
  await page.getByRole('toolbar').getByRole('button', { name: 'Archive' }).click();
  await page.getByText('3 conversations archived').waitFor();
  const archive = server.model.mailboxWithRole('archive');
  await expect.poll(() => server.model.counts.get(archive)?.total).toBeGreaterThanOrEqual(3);

  await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
  await page.keyboard.press('#');
  await expect
    .poll(() => find('A moth in the relay')?.mailboxIds)
    .toEqual({ [server.model.mailboxWithRole('trash')]: true });
  await page.getByRole('link', { name: /^Trash/ }).click();
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
  await page.keyboard.press('#');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click();
  await expect.poll(() => find('A moth in the relay')).toBe(undefined);
});

test('a mailbox is read as a whole, and another emptied', async () => {
  const { page, server } = await open();
  const count = (role: string) => server.model.counts.get(server.model.mailboxWithRole(role));
  await page.getByRole('button', { name: 'Menu of Inbox' }).click();
  await page.getByRole('menuitem', { name: 'Mark all as read' }).click();
  await expect.poll(() => count('inbox')?.unread).toBe(0);
  await page.locator('.row.unread').first().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Menu of Junk' }).click();
  await page.getByRole('menuitem', { name: 'Empty' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Empty' }).click();
  await expect.poll(() => count('junk')?.total).toBe(0);
  expect(find('You have won')).toBe(undefined);
  expect(count('inbox')?.total).toBeGreaterThan(200);
});

test('a row is dragged onto a mailbox', async () => {
  const { page, server } = await open();
  await page
    .locator('.row-link', { hasText: 'A moth in the relay' })
    .dragTo(page.getByRole('link', { name: 'Travel' }));
  await page.getByText('Conversation moved to Travel').waitFor();
  const travel = [...server.model.mailboxes.values()].find(({ name }) => name === 'Travel')?.id ?? '';
  await expect.poll(() => find('A moth in the relay')?.mailboxIds).toEqual({ [travel]: true });
});

test('settings are kept, here and at the server', async () => {
  const { page, server } = await open();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel('Appearance').selectOption('dark');
  await page.getByRole('combobox', { name: /^List/ }).selectOption('compact');
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('link', { name: 'Adressen und Signaturen' }).click();
  const form = page.getByRole('form', { name: 'alice@waxwing.test' });
  await form.getByLabel('Signatur').fill('Viele Grüße\nAlice');
  await form.getByRole('button', { name: 'Speichern' }).click();
  await page.getByText('Gespeichert').waitFor();
  expect(server.model.identities.get('I1')?.textSignature).toBe('Viele Grüße\nAlice');
  await page.getByRole('link', { name: 'Abwesenheit' }).click();
  await page.getByLabel('Für mich antworten').check();
  await page.getByLabel('Letzter Tag').fill('2026-12-24');
  await page.getByRole('textbox', { name: 'Nachricht' }).fill('Bin weg.');
  await page.getByRole('button', { name: 'Speichern' }).click();
  await expect.poll(() => server.model.vacation.isEnabled).toBe(true);
  expect(server.model.vacation).toMatchObject({ toDate: '2026-12-25T00:00:00Z', fromDate: null, textBody: 'Bin weg.' });
  await page.reload();
  await page.getByRole('heading', { name: 'Einstellungen' }).waitFor();
  expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toEqual({
    theme: 'dark',
    density: 'compact',
  });
  await page.goBack();
  await page.getByRole('link', { name: /^Posteingang/ }).click();
  await page.locator('.row:not(.loading)').first().waitFor();
  await picture(page, 'dark-compact-german');
});

test('a login that the server takes back ends the session', async () => {
  const { page, server } = await open();
  server.isLocked = true;
  // As when one comes back to the tab.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByText('Please log in again.').waitFor();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
});

test('mailboxes are made, renamed, moved into and deleted', async () => {
  const { page, server } = await open();
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Moths');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Moths' }).waitFor();
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
  await page.keyboard.press('v');
  await page.getByLabel('Find a folder').fill('mot');
  await page.keyboard.press('Enter');
  await page.getByText('Conversation moved to Moths').waitFor();
  await page.getByRole('button', { name: 'Menu of Moths' }).click();
  await page.getByRole('menuitem', { name: 'Rename folder' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Bugs');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Bugs' }).click();
  await page.locator('.row-link', { hasText: 'A moth in the relay' }).waitFor();
  await page.getByRole('button', { name: 'Menu of Bugs' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'Inbox' }).waitFor();
  expect([...server.model.mailboxes.values()].some(({ name }) => name === 'Bugs')).toBe(false);
});
