import { readdirSync, readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { HEADERS, PAGE_POLICY } from './tools/policy.ts';

/** What is in the bundles, with the licences that go along with it. */
const BUNDLED = ['preact', '@preact/signals', '@preact/signals-core', 'dompurify', 'squire-rte'];

function licenceTexts(): string {
  const texts = BUNDLED.map((name) => {
    const folder = `node_modules/${name}`;
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence`);
    return `${name}\n\n${readFileSync(`${folder}/${file}`, 'utf8')}`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

/** What goes along with the page: licences, the headers it is to be served with, its policy in itself. */
function company(): Plugin {
  return {
    name: 'company',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: licenceTexts() });
      this.emitFile({ type: 'asset', fileName: 'headers.json', source: JSON.stringify(HEADERS, null, 2) });
    },
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: PAGE_POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

// Served at /mail; the two documents in public/frame are what mail is shown in, see src/mail/frame.ts.
export default defineConfig({
  base: '/mail/',
  plugins: [company()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    sourcemap: false,
    // A file inlined as data: would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], environment: 'node', testTimeout: 10_000 },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['tests/real/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          environment: 'node',
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // One browser at a time.
          fileParallelism: false,
        },
      },
    ],
  },
});
