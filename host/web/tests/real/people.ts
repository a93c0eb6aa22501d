/**
 * Who sits at the real server: `tests/suite/webmail_chromium.rs` starts it, names it in WAXWING_WEBMAIL and gives each file of tests
 * accounts of its own, so that none finds what another has done.
 */
import { createHmac } from 'node:crypto';
import type { Page } from 'playwright-core';
import { type ContextOptions, newPage } from '../browser/browser';

export const URL_OF_MAIL = process.env.WAXWING_WEBMAIL ?? '';
export const PASSWORD = process.env.WAXWING_PASSWORD ?? '';

export interface Sitting {
  page: Page;
  /** What the page complained of. */
  complaints: string[];
}

/** A browser of somebody's own, at the page that asks who he is. */
export async function sitDown(options: ContextOptions = {}): Promise<Sitting> {
  const complaints: string[] = [];
  const page = await newPage(URL_OF_MAIL, complaints, options);
  await page.goto(URL_OF_MAIL);
  return { page, complaints };
}

export async function enter(page: Page, name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel('Email address').fill(`${name}@waxwing.test`);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Logged in, and at the inbox. */
export async function logIn(name: string, options: ContextOptions = {}): Promise<Sitting> {
  const sitting = await sitDown(options);
  await enter(sitting.page, name);
  await sitting.page.getByRole('heading', { name: 'Inbox' }).waitFor();
  return sitting;
}

/** RFC 6238 over a secret in base 32: the code of a step, from now. */
export function codeOf(secret: string, later = 0): string {
  const letters = secret.replace(/\s/g, '');
  const bits = [...letters].map((letter) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
  );
  const octets = bits.join('').match(/.{8}/g) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const key = Buffer.from(octets.map((octet) => Number.parseInt(octet, 2)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE((digest[19] ?? 0) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}
