import { defineConfig } from 'vite';
import { CONSOLE_POLICY } from './tools/policy.ts';

// The console, served at /admin: a page of its own beside the webmail, built into the same folder.
export default defineConfig({
  root: 'console',
  base: '/admin/',
  publicDir: false,
  plugins: [
    {
      name: 'policy',
      apply: 'build',
      transformIndexHtml: () => [
        {
          tag: 'meta',
          attrs: { 'http-equiv': 'Content-Security-Policy', content: CONSOLE_POLICY },
          injectTo: 'head-prepend',
        },
      ],
    },
  ],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/admin',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
