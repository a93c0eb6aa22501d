/** Each page as the real server fills it, by day and by night, at a desk and on a telephone: a picture, and nothing that axe finds. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { excess, violations } from '../browser/accessible';
import { type ContextOptions, picture, startBrowser, stopBrowser } from '../browser/browser';
import { enter, sitDown } from './people';

beforeAll(startBrowser);
afterAll(stopBrowser);

const PHONE = { phone: true, width: 390, height: 780 };
const KINDS: [string, ContextOptions][] = [
  ['light', {}],
  ['dark', { dark: true }],
  ['phone', PHONE],
  ['phone-dark', { ...PHONE, dark: true }],
];

const to = (page: Page, hash: string) => page.evaluate((place) => void (location.hash = place), hash);

const STEPS: [name: string, go: (page: Page) => Promise<void>][] = [
  ['login', async (page) => page.locator('.login-card').waitFor()],
  [
    'inbox',
    async (page) => {
      await enter(page, 'frank');
      await page.locator('.row', { hasText: 'Notes on the engine' }).waitFor();
    },
  ],
  [
    'thread',
    async (page) => {
      await page.locator('.row-link', { hasText: 'Plans' }).click();
      await page.getByText('plan.txt').waitFor();
    },
  ],
  [
    'shortcuts',
    async (page) => {
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  ],
  [
    'compose',
    async (page) => {
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('c');
      await page.getByRole('textbox', { name: 'Message text' }).waitFor();
    },
  ],
  [
    'search',
    async (page) => {
      await page.getByRole('button', { name: 'Close and keep as draft' }).click();
      await to(page, '#/');
      await page.locator('.search input').fill('carry');
      await page.locator('.row mark').first().waitFor();
    },
  ],
];

test.each(KINDS)('%s', async (kind, options) => {
  const { page, complaints } = await sitDown(options);
  const found: string[] = [];
  const look = async (name: string) => {
    found.push(...(await violations(page)).map((violation) => `${name}: ${violation}`));
    const wide = await excess(page);
    if (wide > 0) found.push(`${name}: ${wide} pixels wider than the window`);
    await picture(page, `real-${kind}-${name}`);
  };
  for (const [name, go] of STEPS) {
    await go(page);
    await look(name);
  }
  await to(page, '#/settings/general');
  await page.locator('.settings-card').first().waitFor();
  const tabs = await page.locator('.tabs a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  for (const tab of tabs) {
    await to(page, tab ?? '');
    await page.locator('.tabs a[aria-current]', { hasText: /./ }).waitFor();
    await page.locator('.settings-card:not([aria-busy=true])').first().waitFor();
    await look(`settings-${tab?.split('/').at(-1)}`);
  }
  await page.context().close();
  expect(found).toEqual([]);
  expect(complaints).toEqual([]);
});
