/** The console: each room in light, dark, on a phone and in each language, and what is done in it. */
import axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeAdmin, TOKEN } from '../fake/admin';
import { newContext, picture, startBrowser, stopBrowser } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

const ROOMS = ['flow', 'queue', 'trace', 'domains', 'accounts', 'plugins', 'rules', 'audit'];

interface Options {
  width?: number;
  height?: number;
  dark?: boolean;
  phone?: boolean;
  language?: string;
}

interface Visit {
  admin: FakeAdmin;
  page: Page;
  complaints: string[];
  end(): Promise<void>;
}

async function visit(options: Options = {}, scopes = ['*']): Promise<Visit> {
  const admin = new FakeAdmin();
  admin.scopes = scopes;
  const url = await admin.listen();
  const context: BrowserContext = await newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await context.route(
    (target) => !target.href.startsWith(url),
    (route) => {
      complaints.push(`a request to ${route.request().url()}`);
      return route.abort();
    },
  );
  await page.goto(`${url}/admin`);
  const end = async () => {
    await context.close();
    await admin.close();
  };
  return { admin, page, complaints, end };
}

async function login(page: Page, token = TOKEN): Promise<void> {
  await page.locator('input[name=token]').fill(token);
  await page.locator('button[type=submit]').click();
}

async function go(page: Page, room: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, `#/${room}`);
  await page.waitForFunction(() => !document.body.textContent.match(/One moment|Einen Moment|Sebentar/));
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { run } = (window as unknown as { axe: typeof axe }).axe;
    const { violations: found } = await run(document, { rules: { region: { enabled: true } } });
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}

const KINDS: [string, Options][] = [
  ['light', {}],
  ['dark', { dark: true, language: 'de-DE' }],
  ['phone', { phone: true, width: 390, height: 780, language: 'id-ID' }],
];

describe.each(KINDS)('%s', (kind, options) => {
  test('each room is for everybody', async () => {
    const { page, complaints, end } = await visit(options);
    const found: string[] = [];
    const look = async (name: string) => {
      found.push(...(await violations(page)).map((text) => `${name}: ${text}`));
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (wide > 0) found.push(`${name} is ${wide} pixels too wide`);
      await picture(page, `console-${kind}-${name}`);
    };
    await page.locator('.login-card').waitFor();
    await look('login');
    await login(page);
    await page.locator('.plot').first().waitFor();
    for (const room of ROOMS) {
      await go(page, room);
      await page.locator('h1').waitFor();
      await look(room);
    }
    for (const [name, place, wanted] of [
      ['queued', 'queue/01KB0000000000001', '.facts'],
      ['traced', 'trace/01KB0000000000001', '.facts'],
      ['domain', 'domains/waxwing.test', 'table'],
      ['rules-file', 'rules/rules%2Fbasic.toml', '.editor .done'],
    ] as const) {
      await go(page, place);
      await page.locator(wanted).first().waitFor();
      await look(name);
    }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
    await end();
  });
});

test('a token that is wrong is told of, and one that is right is kept nowhere', async () => {
  const { page, end } = await visit();
  await login(page, 'wxa_wrong');
  await page.getByText('Make a token').waitFor();
  await login(page);
  await page.locator('.plot').first().waitFor();
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie].join());
  expect(kept).toBe('0,0,');
  await page.reload();
  await page.locator('.login-card').waitFor();
  await end();
});

test('what a token does not let do is not offered', async () => {
  const { page, end } = await visit({}, ['queue:read', 'accounts:write']);
  await login(page);
  await page.getByText('no scope flow:read').waitFor();
  expect(await page.locator('.rooms a').allTextContents()).toEqual(['Queue', 'Accounts']);
  await page.getByRole('link', { name: 'Queue' }).click();
  await page.locator('tbody tr').first().waitFor();
  expect(await page.getByRole('button', { name: 'Hold' }).count()).toBe(0);
  await end();
});

test('the queue is searched, held and emptied, and strangers write text only', async () => {
  const { admin, page, complaints, end } = await visit();
  await login(page);
  await page.getByRole('link', { name: 'Queue' }).click();
  await page.getByLabel('Address, domain').fill('carol2@');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  expect(await page.locator('td.said').textContent()).toContain('<b>come back</b>');
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByRole('button', { name: 'Release' }).waitFor();
  await page.getByRole('button', { name: 'Remove' }).click();
  expect(admin.did.map(([method]) => method)).toEqual(['POST']);
  await page.getByRole('group').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nothing.').waitFor();
  expect(admin.did).toEqual([
    ['POST', '/queue/2/hold', undefined],
    ['DELETE', '/queue/2', undefined],
  ]);
  await go(page, 'trace/01KB0000000000001');
  await page.getByText('<img src=x onerror=alert(1)>').waitFor();
  expect(complaints).toEqual([]);
  await end();
});

test('a rule is checked as one types, tried, and only then saved', async () => {
  const { admin, page, end } = await visit();
  await login(page);
  await go(page, 'rules/rules%2Fbasic.toml');
  const area = page.locator('textarea');
  const text = await area.inputValue();
  const save = page.getByRole('button', { name: 'Save' });
  await area.fill(text.replace('tulips', '('));
  await page.getByText('unclosed group').waitFor();
  expect(await page.getByRole('button', { name: 'Try on recent mail' }).isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'Line 5' }).click();
  expect(
    await area.evaluate((field: HTMLTextAreaElement) => field.value.slice(field.selectionStart, field.selectionEnd)),
  ).toBe("matches = '('");
  const good = text.replace('tulips', 'roses');
  await area.fill(good);
  await page.getByText('It would load.').waitFor();
  expect(await save.isDisabled()).toBe(true);
  await page.getByRole('button', { name: 'Try on recent mail' }).click();
  await page.getByText('+TULIPS 5').first().waitFor();
  await picture(page, 'console-light-rules-tried');
  await save.click();
  await page.getByText('is saved and serves').waitFor();
  expect(admin.did).toEqual([['PUT', '/rules/rules/basic.toml', { text: good, digest: `d${text.length}` }]]);
  await end();
});

test('what happens is drawn as it happens', async () => {
  const { admin, page, end } = await visit();
  await login(page);
  const legend = page.locator('.plot').first().locator('.legend');
  await legend.getByText('delivered').waitFor();
  await expect.poll(() => admin.listeners).toBe(1);
  const amount = async () =>
    Number((await legend.locator('li', { hasText: 'put aside' }).locator('strong').textContent()) ?? 0);
  expect(await legend.getByText('put aside').count()).toBe(0);
  admin.sample([{ group: 'verdict', name: 'quarantine', value: 3 }]);
  await legend.getByText('put aside').waitFor();
  expect(await amount()).toBe(3);
  await page.getByRole('link', { name: 'Queue' }).click();
  await expect.poll(() => admin.listeners).toBe(0);
  await end();
});

test('accounts are made and a step is promoted', async () => {
  const { admin, page, end } = await visit();
  await login(page);
  await go(page, 'accounts');
  await page.getByText('New account').click();
  await page.getByLabel('Address', { exact: true }).fill('dave@waxwing.test');
  await page.getByLabel('Limit in megabytes').first().fill('500');
  await page.getByRole('button', { name: 'Add' }).first().click();
  await page.getByText('dave@waxwing.test was added').waitFor();
  await go(page, 'plugins');
  await page.getByRole('button', { name: 'Promote' }).first().click();
  await page.getByRole('group').getByRole('button', { name: 'Promote' }).click();
  await page.getByText('rules-next enforces now').waitFor();
  expect(admin.did).toEqual([
    ['POST', '/accounts', { address: 'dave@waxwing.test', password: null, quota: { bytes: 500_000_000 } }],
    ['POST', '/plugins/rules-next/promote', undefined],
  ]);
  await end();
});
