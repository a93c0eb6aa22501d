// Compresses what was built, once for all who will ask for it, and fails where the scripts are more than they may be.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const LIMIT = 100_000;
const SMALL = 1_000;
const folder = fileURLToPath(new URL('../dist/', import.meta.url));
// A reader has English, which is a part of the rest, and one other language at most: the largest counts.
const languages = readdirSync(fileURLToPath(new URL('../src/i18n/messages/', import.meta.url))).map((name) =>
  name.replace('.json', ''),
);
const languageOf = (name) => languages.find((language) => name.startsWith(`assets/${language}-`));
let scripts = 0;
let language = 0;
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
  if (!/\.(?:js|css|html|svg|txt)$/.test(name) || statSync(folder + name).size < SMALL) continue;
  const bytes = readFileSync(folder + name);
  const [gzip, brotli] = [gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes)];
  writeFileSync(`${folder}${name}.gz`, gzip);
  writeFileSync(`${folder}${name}.br`, brotli);
  // The console is a page of its own, and no part of the webmail's.
  if (name.endsWith('.js') && !name.startsWith('admin/')) {
    if (languageOf(name) === undefined) scripts += gzip.length;
    else language = Math.max(language, gzip.length);
  }
  process.stdout.write(
    `${name.padEnd(36)} ${[bytes, gzip, brotli].map(({ length }) => String(length).padStart(8)).join('')}\n`,
  );
}
scripts += language;
process.stdout.write(`scripts in all: ${scripts} of ${LIMIT} octets (gzip)\n`);
if (scripts > LIMIT) process.exit(1);
