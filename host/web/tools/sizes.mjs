// What a browser fetches, compressed as the server compresses it; fails where the scripts are more than they may be.
import { readdirSync, readFileSync } from 'node:fs';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const LIMIT = 100_000;
const folder = new URL('../dist/assets/', import.meta.url);
let scripts = 0;
for (const name of readdirSync(folder).sort()) {
  const bytes = readFileSync(new URL(name, folder));
  const [gzip, brotli] = [gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
  if (name.endsWith('.js')) scripts += gzip;
  process.stdout.write(`${name.padEnd(32)} ${String(gzip).padStart(7)} gzip ${String(brotli).padStart(7)} brotli\n`);
}
process.stdout.write(`scripts in all: ${scripts} of ${LIMIT} octets (gzip)\n`);
if (scripts > LIMIT) process.exit(1);
