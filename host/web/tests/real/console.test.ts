/**
 * The console against the server that it looks after, which mail flows through meanwhile. The suite of the server starts one with a build
 * to try, and a message to another server that waits, and names it in WAXWING_CONSOLE (`tests/suite/console_chromium.rs`).
 */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPage, picture, startBrowser, stopBrowser } from '../browser/browser';

const CONSOLE = process.env.WAXWING_CONSOLE ?? '';
const TOKEN = process.env.WAXWING_TOKEN ?? '';

let page: Page;
const complaints: string[] = [];

async function go(room: string): Promise<void> {
  await page.evaluate((to) => void (location.hash = to), `#/${room}`);
  await page.locator('h1').waitFor();
  await page.waitForFunction(() => !document.body.textContent.includes('One moment'));
}

async function violations(): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { run } = (window as unknown as { axe: typeof axe }).axe;
    const { violations: found } = await run(document, { rules: { region: { enabled: true } } });
    return found.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}

/** A picture in light and one in dark, and what is wrong for who sees none. The picture comes first: colours have changed once it is drawn. */
async function look(name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await picture(page, `real-console-${name}-${colorScheme}`, true);
    expect(await violations(), `${name}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

const button = (name: string) => page.getByRole('button', { name, exact: true });
const step = (name: string) =>
  page.locator('.station', { has: page.locator('h2', { hasText: new RegExp(`^${name} `) }) });

/** Says it once more where it is asked. */
async function surely(of: ReturnType<typeof button>): Promise<void> {
  const name = (await of.textContent()) ?? '';
  await of.click();
  await page.getByRole('group').getByRole('button', { name, exact: true }).click();
}

/** One after the other, by one browser: what a person does in a sitting. */
describe.skipIf(CONSOLE === '')('a sitting', () => {
  beforeAll(async () => {
    await startBrowser();
    page = await newPage(CONSOLE, complaints);
  });
  afterAll(stopBrowser);

  test('who has a token comes in, and sees mail flow', async () => {
    await page.goto(CONSOLE);
    await page.locator('.login-card').waitFor();
    await look('login');
    await page.getByLabel('Token').fill(TOKEN);
    await button('Log in').click();
    const legend = page.locator('.plot', { hasText: 'Verdicts' }).locator('.legend');
    await legend.getByText('delivered').waitFor();
    const amount = async () =>
      Number(
        (await legend.locator('li', { hasText: 'delivered' }).locator('strong').textContent())?.replace(/\D/g, ''),
      );
    const before = await amount();
    await expect.poll(amount, { timeout: 30_000 }).toBeGreaterThan(before);
    await look('flow');
  });

  test('a build is seen on recent mail, tried out, promoted and taken back', async () => {
    await go('plugins');
    await step('p').getByText('Try another build').click();
    await step('p').getByLabel('Build').selectOption('broken');
    await step('p').getByText('broken is no').waitFor();
    expect(await button('Try it out').first().isDisabled()).toBe(true);
    await step('p').getByLabel('Build').selectOption('fixture-next');
    await step('p').getByRole('button', { name: 'Try on recent mail' }).click();
    await step('p').getByText('+FIXTURX 9').first().waitFor();
    await look('plugins-try');
    await step('p').getByRole('button', { name: 'Try it out' }).click();
    await page.getByText('fixture-next is tried out beside p').waitFor();
    const compared = page.getByRole('region', { name: 'Tried out' });
    await expect
      .poll(
        async () => {
          await compared.getByRole('button', { name: 'Again' }).click();
          return compared.locator('td', { hasText: /^FIXTURX$/ }).count();
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(1);
    await look('plugins-tried');
    await surely(step('fixture-next').getByRole('button', { name: 'Promote', exact: true }));
    await page.getByText('fixture-next enforces now').waitFor();
    await page.locator('td', { hasText: /^promote fixture-next$/ }).waitFor();
    await page.locator('summary', { hasText: 'Roll back' }).click();
    await page.getByLabel('Reason').fill('all of it is junk');
    await button('Roll back').click();
    await page.getByText('The policy went back').waitFor();
    await page.getByText('these files do not serve').waitFor();
    await look('plugins-back');
    await surely(button('Let the file be what serves'));
    await page.getByText('policy.toml is what serves').waitFor();
    await surely(step('fixture-next').getByRole('button', { name: 'Withdraw', exact: true }));
    await page.getByText('fixture-next is tried out no more').waitFor();
    expect(await step('fixture-next').count()).toBe(0);
    await look('plugins');
  });

  test('a rule is checked, tried on recent mail and saved', async () => {
    await go('rules/rules%2Fbasic.toml');
    const area = page.locator('textarea');
    const text = await area.inputValue();
    await area.fill(`${text}\n[[rule]]\nname = "MINE"\nscore = 40\nheader = "Subject"\nmatches = '('\n`);
    await page.locator('.trouble', { hasText: 'plugin `rules`' }).waitFor();
    await look('rules-wrong');
    await area.fill(`${text}\n[[rule]]\nname = "MINE"\nscore = 40\nheader = "Subject"\nmatches = '^nothing like it'\n`);
    await page.getByText('It would load.').waitFor();
    await button('Try on recent mail').click();
    await page.getByText(/recent messages were tried: 0 come to something else/).waitFor();
    await area.fill(`${text}\n[[rule]]\nname = "MINE"\nscore = 40\nheader = "Subject"\nmatches = '^[0-9]+$'\n`);
    await page.getByText('It would load.').waitFor();
    await button('Try on recent mail').click();
    await page.getByText('+MINE 40').first().waitFor();
    await look('rules-tried');
    await area.fill(`${text}\n[[rule]]\nname = "MINE"\nscore = 0.1\nheader = "Subject"\nmatches = '^[0-9]+$'\n`);
    await page.getByText('It would load.').waitFor();
    await button('Try on recent mail').click();
    await page.getByText('+MINE 0.1').first().waitFor();
    await button('Save').click();
    await page.getByText('rules/basic.toml is saved and serves').waitFor();
  });

  test('a message waits with the last words of the other server, is held, let go and sent', async () => {
    await go('queue');
    const row = page.locator('tbody tr', { hasText: 'carol@remote.example' });
    await row.getByText('450 4.2.1 come back tomorrow').waitFor();
    await look('queue');
    await row.getByRole('button', { name: 'Hold' }).click();
    await row.getByText('held', { exact: true }).waitFor();
    const id = await row.locator('a').textContent();
    await row.locator('a').click();
    await page.locator('.card').getByText('450 4.2.1 come back tomorrow').first().waitFor();
    await look('queued');
    await button('Release').click();
    await button('Retry').waitFor();
    await button('Retry').click();
    await page.getByText('It is tried now').waitFor();
    await expect
      .poll(async () => {
        await go('queue');
        await go(`queue/${id}`);
        return page.getByText('It is in the queue no more.').count();
      })
      .toBe(1);
    // The browser's word for that: it was asked for, and is not there.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('404')));
    await go('trace/%3Ctulips%40waxwing.test%3E');
    await page.getByText('carol@remote.example').first().waitFor();
    await page.getByText('sent', { exact: true }).first().waitFor();
    await look('trace');
  });

  test('domains have their records, and what is published of them', async () => {
    await go('domains');
    await look('domains');
    await page.getByRole('link', { name: 'waxwing.test' }).click();
    await page.locator('td', { hasText: /^10 mx\.waxwing\.example\.$/ }).waitFor();
    await button('Look at what is published').click();
    await page.locator('.card', { hasText: 'dmarc' }).waitFor({ timeout: 60_000 });
    await look('domain');
  });

  test('accounts and aliases are made', async () => {
    await go('accounts');
    await page.getByText('New account').click();
    await page.getByLabel('Address', { exact: true }).fill('dave@waxwing.test');
    await button('Add').first().click();
    await page.getByText('dave@waxwing.test was added').waitFor();
    await page.getByText('New alias').click();
    await page.getByLabel('Alias, or *@domain').fill('info@waxwing.test');
    await page.getByLabel('Leads to').fill('dave@waxwing.test');
    await button('Add').last().click();
    await page.locator('td', { hasText: /^info@waxwing\.test$/ }).waitFor();
    await look('accounts');
  });

  test('all of it was written down, and nothing was complained of', async () => {
    await go('audit');
    for (const deed of ['plugin-try', 'plugin-promote', 'plugin-rollback', 'rules-save', 'queue-hold', 'account-add']) {
      await page
        .locator('td', { hasText: new RegExp(`^${deed}$`) })
        .first()
        .waitFor();
    }
    await look('audit');
    await go('flow');
    await page.locator('.plot').first().waitFor();
    await look('flow-later');
    expect(complaints).toEqual([]);
  });
});
