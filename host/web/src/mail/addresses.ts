/** Addresses as people write and read them. */
import type { EmailAddress } from '../jmap/types';

export function nameOf(address: EmailAddress | undefined): string {
  return address?.name?.trim() || address?.email || '';
}

/** The first name, or what stands before the at sign: for lists of several. */
export function shortName(address: EmailAddress): string {
  const name = address.name?.trim();
  if (!name) return address.email.split('@')[0] ?? address.email;
  if (name.includes(',')) return name.split(',')[1]?.trim() || name;
  const words = name.split(/\s+/);
  // A club or a firm has no first name.
  return words.length > 2 && (words[0]?.length ?? 0) <= 3 ? name : (words[0] ?? name);
}

export function initials(address: EmailAddress | undefined): string {
  const words = nameOf(address)
    .replace(/[^\p{L}\p{N}\s@.]/gu, '')
    .trim()
    .split(/[\s@.]+/);
  const letters = [words[0], address?.name && words.length > 1 ? words.at(-1) : ''];
  return (
    letters
      .map((word) => [...(word ?? '')][0] ?? '')
      .join('')
      .toUpperCase() || '?'
  );
}

/** One of `count` colours, always the same for an address. */
export function hueOf(address: EmailAddress | undefined, count: number): number {
  let hash = 7;
  for (const sign of address?.email.toLowerCase() ?? '') hash = (hash * 31 + (sign.codePointAt(0) ?? 0)) >>> 0;
  return hash % count;
}

export function formatAddress(address: EmailAddress): string {
  const name = address.name?.trim();
  if (!name) return address.email;
  return /^[\p{L}\p{N} ._'-]+$/u.test(name)
    ? `${name} <${address.email}>`
    : `"${name.replace(/["\\]/g, '\\$&')}" <${address.email}>`;
}

/** Addresses from what was typed or pasted: separated by commas, semicolons or lines. */
export function parseAddresses(text: string): EmailAddress[] {
  return splitList(text)
    .map(parseOne)
    .filter((address) => address !== null);
}

function splitList(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  for (const sign of text) {
    if (sign === '"') quoted = !quoted;
    if (!quoted && /[,;\n]/.test(sign)) {
      parts.push(part);
      part = '';
    } else part += sign;
  }
  parts.push(part);
  return parts.map((found) => found.trim()).filter((found) => found !== '');
}

function parseOne(text: string): EmailAddress | null {
  const angle = /^(.*?)\s*<\s*([^<>\s]+)\s*>$/.exec(text);
  const email = angle?.[2] ?? text;
  const name = (angle?.[1] ?? '').replace(/^"|"$/g, '').replace(/\\(.)/g, '$1').trim();
  return email.length > 0 ? { name: name || null, email } : null;
}

export function isAddress(email: string): boolean {
  return /^[^\s@<>()]+@[^\s@<>().]+(?:\.[^\s@<>().]+)*$/u.test(email);
}

export const sameAddress = (a: EmailAddress, b: EmailAddress) => a.email.toLowerCase() === b.email.toLowerCase();

/** Each address once, the first time that it comes. */
export function unique(addresses: EmailAddress[]): EmailAddress[] {
  return addresses.filter((address, index) => addresses.findIndex((other) => sameAddress(other, address)) === index);
}
