/** A browser, a fake server and a page that is logged in, for each test its own. */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { generate } from '../fake/generate';
import { type FakeOptions, FakeServer } from '../fake/server';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT = 10_000;

let browser: Browser | null = null;

export async function startBrowser(): Promise<void> {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: install chromium, or name one in CHROMIUM`);
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    timeout: 30_000,
  });
}

export async function stopBrowser(): Promise<void> {
  await browser?.close();
  browser = null;
}

export interface ContextOptions {
  width?: number;
  height?: number;
  dark?: boolean;
  phone?: boolean;
  language?: string;
}

/** A browser's window as somebody has it. */
export async function newContext(options: ContextOptions): Promise<BrowserContext> {
  if (browser === null) throw new Error('the browser is not running');
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1360, height: options.height ?? 860 },
    colorScheme: options.dark ? 'dark' : 'light',
    locale: options.language ?? 'en-GB',
    timezoneId: 'Europe/London',
    hasTouch: options.phone ?? false,
    isMobile: options.phone ?? false,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(WAIT);
  return context;
}

/** A page that notes what it complains of, and goes nowhere but to one origin. */
export async function newPage(url: string, complaints: string[], options: ContextOptions = {}): Promise<Page> {
  const { origin } = new URL(url);
  const context = await newContext(options);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await context.route(
    (target) => target.origin !== origin && target.protocol.startsWith('http'),
    (route) => route.abort(),
  );
  return page;
}

export interface Visit {
  server: FakeServer;
  url: string;
  context: BrowserContext;
  page: Page;
  /** What the page complained of: errors, and violations of its policy. */
  complaints: string[];
  /** Requests to anywhere but the fake server. */
  foreign: string[];
  /** What kinds of things those requests were for. */
  kinds: Set<string>;
  end(): Promise<void>;
}

export interface VisitOptions extends FakeOptions, ContextOptions {
  messages?: number;
}

export async function visit(options: VisitOptions = {}): Promise<Visit> {
  const server = new FakeServer(generate(options.messages ?? 300), options);
  const url = await server.listen();
  const context = await newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const foreign: string[] = [];
  const kinds = new Set<string>();
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await context.route(
    (target) => !target.href.startsWith(url),
    (route) => {
      foreign.push(route.request().url());
      kinds.add(route.request().resourceType());
      return route.abort();
    },
  );
  const end = async () => {
    await context.close();
    await server.close();
  };
  return { server, url, context, page, complaints, foreign, kinds, end };
}

export async function login(visiting: Visit): Promise<void> {
  const { page, url } = visiting;
  await page.goto(`${url}/mail`);
  await page.getByLabel(/address|adresse|alamat/i).fill('alice@waxwing.test');
  await page.locator('input[type=password]').fill('waxwing-demo');
  await page.locator('button[type=submit]').click();
  await page.locator('.row:not(.loading)').first().waitFor();
}

const PICTURES = process.env.PICTURES ?? join(tmpdir(), 'waxwing-web-pictures');

/** Keeps what the page looks like, for people to look at. */
export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  // As it is when nothing moves any more.
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled', fullPage });
}
