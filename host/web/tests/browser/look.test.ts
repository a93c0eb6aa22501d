import { afterAll, beforeAll, expect, test } from 'vitest';
import { login, picture, startBrowser, stopBrowser, visit } from './browser';

beforeAll(startBrowser);
afterAll(stopBrowser);

test('look', async () => {
  const visiting = await visit();
  const { page } = visiting;
  await login(visiting);
  await page.locator('.row-link', { hasText: 'plant in March' }).click();
  await page.waitForTimeout(800);
  await picture(page, '04-newsletter');
  console.log(
    await page
      .frameLocator('.mail-frame')
      .locator('body')
      .evaluate((b) => b.outerHTML),
  );
  console.log(visiting.complaints);
  expect(1).toBe(1);
  await visiting.end();
});
