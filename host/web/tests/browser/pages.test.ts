/** Each page in light, dark, on a phone: no violation that axe finds, and a picture. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { excess, violations } from './accessible';
import { login, picture, startBrowser, stopBrowser, type Visit, type VisitOptions, visit } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

const KINDS: [string, VisitOptions][] = [
  ['light', {}],
  ['dark', { dark: true }],
  ['phone', { phone: true, width: 390, height: 780 }],
  ['phone-dark', { phone: true, dark: true, width: 390, height: 780 }],
  ['tablet', { width: 900, height: 700, language: 'de-DE' }],
  ['indonesian', { language: 'id-ID' }],
];

type Step = [name: string, go: (page: Page, visiting: Visit) => Promise<void>];

const STEPS: Step[] = [
  [
    'login',
    async (page, { url }) => {
      await page.goto(`${url}/mail`);
      await page.locator('.login-card').waitFor();
    },
  ],
  ['inbox', async (_, visiting) => login(visiting)],
  [
    'thread',
    async (page) => {
      await page.locator('.row-link', { hasText: 'Notes on the engine' }).first().click();
      await page.locator('.message .plain', { hasText: 'A carry that meets' }).waitFor();
      await page.frameLocator('.mail-frame').getByText('one question').waitFor();
      await page.locator('.message-to').last().click();
    },
  ],
  [
    'newsletter',
    async (page) => {
      await page.evaluate(() => history.back());
      await page.locator('.row-link', { hasText: 'What to plant in March' }).click();
      await page.frameLocator('.mail-frame').locator('img[src^="blob:"]').waitFor();
    },
  ],
  [
    'reply',
    async (page) => {
      await page.locator('.answer-bar button').first().click();
      await page.locator('.rich-editor blockquote').waitFor();
    },
  ],
  [
    'selection',
    async (page) => {
      await page.locator('.composer-head .icon-button').click();
      await page.evaluate(() => history.back());
      await page.locator('.row-choose').nth(2).click();
      await page.locator('.row-choose').nth(3).click();
    },
  ],
  [
    'search',
    async (page) => {
      await page.locator('.selection-bar .icon-button').first().click();
      await page.locator('.search input').fill('carry');
      await page.locator('.row mark').first().waitFor();
    },
  ],
  [
    'nothing',
    async (page) => {
      await page.locator('.search input').fill('zzzz');
      await page.locator('.list-pane .empty').waitFor();
    },
  ],
  [
    'settings',
    async (page) => {
      await page.evaluate(() => void (location.hash = '#/settings/general'));
      await page.locator('.settings-card').waitFor();
    },
  ],
  [
    'security',
    async (page, { server }) => {
      server.owner.begin('Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0');
      await page.evaluate(() => void (location.hash = '#/settings/security'));
      await page.locator('.known li').nth(1).waitFor();
      await page
        .locator('section', { has: page.locator('h2') })
        .nth(2)
        .locator('button')
        .first()
        .click();
      await page.locator('.qr').waitFor();
    },
  ],
  [
    'transfer',
    async (page) => {
      await page.evaluate(() => void (location.hash = '#/settings/transfer'));
      await page.locator('.settings-card input[type=file]').waitFor();
    },
  ],
  [
    'identities',
    async (page) => {
      await page.evaluate(() => void (location.hash = '#/settings/identities'));
      await page.locator('.settings-card textarea').first().waitFor();
    },
  ],
  [
    'vacation',
    async (page) => {
      await page.evaluate(() => void (location.hash = '#/settings/vacation'));
      await page.locator('.settings-card input[type=date]').first().waitFor();
    },
  ],
];

describe.each(KINDS)('%s', (kind, options) => {
  test('each page', async () => {
    const visiting = await visit(options);
    const { page, complaints } = visiting;
    const found: string[] = [];
    try {
      for (const [name, go] of STEPS) {
        await go(page, visiting);
        found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
        await picture(page, `${kind}-${name}`);
        const width = await excess(page);
        if (width > 0) found.push(`${name}: ${width} pixels wider than the window`);
      }
    } finally {
      await visiting.end();
    }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

test('dialogs and the drawer', async () => {
  const visiting = await visit({ phone: true, width: 390, height: 780 });
  const { page } = visiting;
  const found: string[] = [];
  const look = async (name: string) => {
    found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
    await picture(page, `phone-${name}`);
  };
  try {
    await login(visiting);
    await page.locator('.drawer-button').click();
    await page.locator('.sidebar.open').waitFor();
    await look('drawer');
    await page.keyboard.press('Escape');
    await page.locator('.row-link', { hasText: 'A moth in the relay' }).click();
    await page.getByRole('button', { name: 'Move to…' }).click();
    await look('move');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Labels' }).click();
    await look('labels');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'More' }).click();
    await look('menu');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await look('shortcuts');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.locator('.toast').waitFor();
    await look('toast');
  } finally {
    await visiting.end();
  }
  expect(found).toEqual([]);
});

test('what the server does not offer is not shown', async () => {
  const visiting = await visit({ capabilities: [] });
  const { page } = visiting;
  try {
    await login(visiting);
    await page.locator('.row-link').first().click();
    await page.locator('.message .plain').first().waitFor();
    expect(await page.getByRole('button', { name: /New message|^Reply|Forward/ }).count()).toBe(0);
    expect(await page.locator('.quota, .why').count()).toBe(0);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.locator('.settings-card').waitFor();
    expect(await page.locator('.tabs a').allTextContents()).toEqual(['General', 'Security', 'Import and export']);
    await page.keyboard.press('c');
    expect(await page.locator('.composer').count()).toBe(0);
  } finally {
    await visiting.end();
  }
});
