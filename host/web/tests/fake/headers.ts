/** What the server sends with the page and with the documents that mail is shown in. */

const COMMON = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-DNS-Prefetch-Control': 'off',
};

export const APP_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "frame-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const framePolicy = (remote: string) =>
  [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `img-src blob: data:${remote}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
    'sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox',
  ].join('; ');

export const APP_HEADERS: Record<string, string> = { ...COMMON, 'Content-Security-Policy': APP_POLICY };

export const FRAME_HEADERS: Record<string, Record<string, string>> = {
  'frame/plain.html': { ...COMMON, 'Cache-Control': 'max-age=3600', 'Content-Security-Policy': framePolicy('') },
  'frame/remote.html': {
    ...COMMON,
    'Cache-Control': 'max-age=3600',
    'Content-Security-Policy': framePolicy(' https: http:'),
  },
};
