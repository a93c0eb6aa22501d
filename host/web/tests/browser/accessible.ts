/** What axe finds wrong with a page as it is now. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Frames of mail hold what strangers wrote. */
export async function violations(page: Page): Promise<string[]> {
  // Colours are judged when nothing moves any more.
  await page.evaluate(async () => {
    // A notice's clock runs for seconds and has no words.
    const moving = document
      .getAnimations()
      .filter((one) => !(one instanceof CSSAnimation && one.animationName === 'spend'));
    await Promise.all(moving.map((one) => one.finished.catch(() => {})));
  });
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const run = (window as unknown as { axe: typeof axe }).axe.run;
    const { violations } = await run(document, { iframes: false, rules: { region: { enabled: true } } });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}

/** By how many pixels a page is wider than its window, which then scrolls sideways. */
export const excess = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
