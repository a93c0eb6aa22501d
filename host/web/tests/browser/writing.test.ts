import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
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

const inMailbox = (role: string) => {
  const id = visiting.server.model.mailboxWithRole(role);
  return [...visiting.server.model.emails.values()].filter(({ mailboxIds }) => mailboxIds[id]);
};

async function drop(name: string, size: number): Promise<void> {
  const transfer = await visiting.page.evaluateHandle(
    ([file, length]) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'.repeat(length as number)], file as string, { type: 'text/plain' }));
      return data;
    },
    [name, size],
  );
  await visiting.page.dispatchEvent('.composer', 'drop', { dataTransfer: transfer });
}

test('a message with an attachment is written, saved as a draft and sent', async () => {
  const { page, server, complaints } = await open();
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).pressSequentially('grac');
  await page.getByRole('option', { name: /Grace Hopper/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByLabel('Subject').fill('The log book');
  const body = page.getByRole('textbox', { name: 'Message text' });
  await body.click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type('Here it is. ');
  await page.getByRole('button', { name: 'Bold' }).click();
  await page.keyboard.type('All of it.');
  await drop('log book.txt', 40_000);
  await page.locator('.compose-attachment', { hasText: 'log book.txt' }).waitFor();
  await page.getByText('Draft saved').waitFor();
  await picture(page, 'compose');
  const draft = inMailbox('drafts').find(({ subject }) => subject === 'The log book');
  expect(draft?.attachments[0]?.name).toBe('log book.txt');
  expect(draft?.html).toContain('<b>All of it.</b>');
  expect(draft?.text).toContain('Here it is. All of it.\n\n-- \nAlice');
  await page.keyboard.press('Control+Enter');
  await page.getByText('Sending message').waitFor();
  expect(server.model.submissions.size).toBe(0);
  await page.getByText('Message sent').waitFor({ timeout: 15_000 });
  const [submission] = [...server.model.submissions.values()];
  expect((submission?.envelope as { rcptTo: object[] } | undefined)?.rcptTo).toEqual([
    { email: 'grace@navy.test', parameters: null },
  ]);
  const sent = inMailbox('sent').filter(({ subject }) => subject === 'The log book');
  expect(sent.map(({ keywords }) => keywords)).toContainEqual({ $seen: true });
  expect(inMailbox('drafts').some(({ subject }) => subject === 'The log book')).toBe(false);
  expect(complaints).toEqual([]);
});

test('sending is undone while it waits here', async () => {
  const { page, server } = await open();
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).fill('bob@waxwing.test');
  await page.getByLabel('Subject').fill('Too early');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.toast', { hasText: 'Sending message' }).getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('dialog', { name: 'New message' }).waitFor();
  expect(await page.getByLabel('Subject').inputValue()).toBe('Too early');
  expect(server.model.submissions.size).toBe(0);
});

test('sending is undone at a server that holds mail back', async () => {
  const { page, server } = await open({ maxDelayedSend: 300 });
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).fill('bob@waxwing.test');
  await page.getByLabel('Subject').fill('Too early');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.toast', { hasText: 'Sending message' }).waitFor();
  await expect.poll(() => inMailbox('sent').some(({ subject }) => subject === 'Too early')).toBe(true);
  await page.locator('.toast').getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('dialog', { name: 'New message' }).waitFor();
  await expect.poll(() => [...server.model.submissions.values()].map((one) => one.undoStatus)).toEqual(['canceled']);
  await expect.poll(() => inMailbox('drafts').some(({ subject }) => subject === 'Too early')).toBe(true);
});

test('closing the page sends what waits in it', async () => {
  const { page, server } = await open();
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).fill('bob@waxwing.test');
  await page.getByLabel('Subject').fill('Last words');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.toast', { hasText: 'Sending message' }).waitFor();
  expect(server.model.submissions.size).toBe(0);
  await page.close({ runBeforeUnload: true });
  await expect.poll(() => server.model.submissions.size, { timeout: 10_000 }).toBe(1);
});

test('an answer to all quotes, threads, and marks what it answers', async () => {
  const { page, server } = await open();
  await page.locator('.row-link', { hasText: 'Notes on the engine' }).first().click();
  await page.locator('.message .plain', { hasText: 'A carry that meets' }).waitFor();
  await page.keyboard.press('a');
  await page.locator('.rich-editor blockquote', { hasText: 'A carry that meets' }).waitFor();
  await page.keyboard.type('Thank you.');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Message sent').waitFor({ timeout: 15_000 });
  const answer = inMailbox('sent').find(({ text }) => text.startsWith('Thank you.'));
  expect(answer?.to?.map(({ email }) => email)).toEqual(['charles@analytical.test']);
  expect(answer?.cc?.map(({ email }) => email)).toEqual(['ada@analytical.test']);
  expect(answer?.subject).toBe('Re: Notes on the engine');
  expect(answer?.references).toHaveLength(3);
  expect(answer?.text).toContain('> A carry that meets a nine goes on at once');
  const answered = [...server.model.emails.values()].find(({ messageId }) => messageId[0] === answer?.inReplyTo?.[0]);
  await expect.poll(() => answered?.keywords.$answered).toBe(true);
});

test('an answer that nobody has begun leaves no draft, and a signature follows who one is', async () => {
  const { page } = await open();
  await page.locator('.row-link', { hasText: 'What to plant in March' }).click();
  await page.frameLocator('.mail-frame').getByText('Broad beans').waitFor();
  const before = inMailbox('drafts').length;
  await page.keyboard.press('r');
  const body = page.getByRole('textbox', { name: 'Message text' });
  await body.getByText('Wonderland Lane 1').waitFor();
  await page.getByRole('button', { name: 'Close and keep as draft' }).click();
  await page.locator('.composer').waitFor({ state: 'detached' });
  await page.keyboard.press('c');
  await body.getByText('Wonderland Lane 1').waitFor();
  expect(inMailbox('drafts').length).toBe(before);
  await page.locator('.composer select').selectOption('I2');
  await body.getByText('Wonderland Lane 1').waitFor({ state: 'detached' });
  await page.locator('.composer select').selectOption('I1');
  await body.getByText('Wonderland Lane 1').waitFor();
});

test('what the server refuses comes back to be put right', async () => {
  const { page } = await open({ maxDelayedSend: 300 });
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).fill('nobody@refused.test');
  await page.getByLabel('Subject').fill('Refused');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('.toast.error').waitFor();
  await page.getByRole('dialog', { name: 'New message' }).waitFor();
});

test('a draft is gone on with, in plain text, and thrown away', async () => {
  const { page } = await open();
  await page.getByRole('link', { name: /^Drafts/ }).click();
  await page.locator('.row-link', { hasText: 'Rabu' }).click();
  const body = page.getByRole('textbox', { name: 'Message text' });
  await body.waitFor();
  expect(await body.inputValue()).toContain('Rabu bisa, tetapi');
  await body.fill('Rabu tidak bisa');
  await page.getByText('Draft saved').waitFor();
  expect(inMailbox('drafts').map(({ text }) => text)).toEqual(['Rabu tidak bisa']);
  await page.getByRole('button', { name: 'Discard' }).click();
  await page
    .getByRole('alertdialog')
    .or(page.getByRole('dialog', { name: 'Discard this message?' }))
    .getByRole('button', { name: 'Discard' })
    .click();
  await expect.poll(() => inMailbox('drafts')).toEqual([]);
});

test('a forgotten attachment is asked about', async () => {
  const { page, server } = await open();
  await page.keyboard.press('c');
  await page.getByRole('combobox', { name: 'To' }).fill('bob@waxwing.test');
  await page.getByLabel('Subject').fill('Plans');
  await page.getByRole('textbox', { name: 'Message text' }).click();
  await page.keyboard.type('I have attached the plans.');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('dialog', { name: 'Send without attachment?' }).getByRole('button', { name: 'Cancel' }).click();
  expect(server.model.submissions.size).toBe(0);
});
