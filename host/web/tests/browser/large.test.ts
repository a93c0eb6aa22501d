/** An inbox of 100,000 messages: how long until one sees it, and until one reads in it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { login, picture, startBrowser, stopBrowser, visit } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

const MESSAGES = 100_000;
const FIRST_VIEW = 1_000;
const OPENING = 100;

/** From a reload to rows with words in them, by the page's own clock. */
const SEEN = `new Promise((resolve) => {
  const look = () => document.querySelector('.row:not(.loading)') ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
  look();
})`;

test('an inbox of 100,000 is there in a second, a message in a tenth of one', { timeout: 120_000 }, async () => {
  const visiting = await visit({ messages: MESSAGES });
  const { page, server } = visiting;
  try {
    await login(visiting);
    const views: number[] = [];
    for (let run = 0; run < 5; run++) {
      await page.reload({ waitUntil: 'commit' });
      views.push((await page.evaluate(SEEN)) as number);
    }
    const asked = server.calls.filter((name) => name === 'Email/get').length;
    expect(asked).toBeLessThan(40); // a page of each view, never all
    const openings = await page.evaluate(openThreads, 12);
    await page.locator('.rows').evaluate((rows) => {
      rows.scrollTop = rows.scrollHeight / 2;
    });
    await expect.poll(() => page.locator('.row:not(.loading)').count()).toBeGreaterThan(5);
    await expect.poll(() => page.locator('.row.loading').count()).toBe(0);
    await picture(page, 'middle-of-100000');
    const memory = await page.evaluate(
      () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
    );
    const figures = { firstView: median(views), opening: median(openings), views, openings, heapMB: memory / 1e6 };
    process.stdout.write(
      `figures: ${JSON.stringify(figures, (_, value) => (typeof value === 'number' ? Math.round(value) : value))}\n`,
    );
    expect(median(views)).toBeLessThan(FIRST_VIEW);
    expect(median(openings)).toBeLessThan(OPENING);
  } finally {
    await visiting.end();
  }
});

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** In the page: from the click on a row to the frame in which the message's text is painted. */
async function openThreads(count: number): Promise<number[]> {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const link = document.querySelectorAll<HTMLElement>('.row:not(.loading) .row-link')[index];
    if (!link) break;
    const subject = link.querySelector('.row-subject-text')?.textContent ?? '';
    const begin = performance.now();
    link.click();
    const isThere = () =>
      document.querySelector('.row.open .row-link') === link &&
      document.querySelector('.thread-title') !== null &&
      document.querySelector('.message .plain, .mail-frame[data-paper]') !== null;
    while (!isThere()) {
      if (performance.now() - begin > 5_000) throw new Error(`${subject} did not open`);
      await frame();
    }
    await frame();
    times.push(performance.now() - begin);
    // The next is opened when all has been done that follows the first.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return times;
}
