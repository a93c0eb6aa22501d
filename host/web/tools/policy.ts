/**
 * The headers that the page and the documents of mail are to be served with. The build writes them to headers.json,
 * from where the server takes them, and puts the page's policy into the page besides.
 */

const COMMON = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // What a mail links to is not to be looked up before somebody follows it.
  'X-DNS-Prefetch-Control': 'off',
};

/** What a page may say of itself; the rest is for a header alone. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "frame-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');

/** The console shows nothing that strangers made but as text, and draws by itself. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
].join('; ');

/** The documents that mail is shown in: no script, no other document, nothing loaded but images. */
const framePolicy = (images: string) =>
  [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `img-src ${images}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
    'sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox',
  ].join('; ');

const FRAME = { ...COMMON, 'Cache-Control': 'max-age=3600' };

/** By path below /mail/; of several that fit, the longest. */
export const HEADERS: Record<string, Record<string, string>> = {
  '': {
    ...COMMON,
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': `${PAGE_POLICY}; frame-ancestors 'none'`,
  },
  'assets/': {
    ...COMMON,
    'Cache-Control': 'max-age=31536000, immutable',
    'Content-Security-Policy': "default-src 'none'",
  },
  'admin/': {
    ...COMMON,
    'Cache-Control': 'no-cache',
    'Content-Security-Policy': `${CONSOLE_POLICY}; frame-ancestors 'none'`,
  },
  'admin/assets/': {
    ...COMMON,
    'Cache-Control': 'max-age=31536000, immutable',
    'Content-Security-Policy': "default-src 'none'",
  },
  'frame/plain.html': { ...FRAME, 'Content-Security-Policy': framePolicy('blob: data:') },
  'frame/remote.html': { ...FRAME, 'Content-Security-Policy': framePolicy('blob: data: https: http:') },
};

export function headersFor(path: string): Record<string, string> {
  const fitting = Object.keys(HEADERS).filter((prefix) => path.startsWith(prefix));
  const longest = fitting.sort((a, b) => b.length - a.length)[0] ?? '';
  return HEADERS[longest] ?? {};
}
