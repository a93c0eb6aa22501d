/** Words of the console: a file a language in messages/, as the webmail has it. English is what all others are held against. */
import { signal } from '@preact/signals';
import en from './messages/en.json';

type Messages = typeof en;
export type MessageKey = keyof Messages;
type Values = Record<string, string | number>;

const files = import.meta.glob<Messages>(['./messages/*.json', '!./messages/en.json'], { import: 'default' });
const tagOf = (path: string) => path.replace(/^.*\/|\.json$/g, '');

export const languages: string[] = ['en', ...Object.keys(files).map(tagOf)].sort();
export const language = signal('en');
const messages = signal<Messages>(en);

export async function useLanguage(tag: string): Promise<void> {
  const load = files[`./messages/${tag}.json`];
  messages.value = load === undefined ? en : await load();
  language.value = load === undefined ? 'en' : tag;
  document.documentElement.lang = language.value;
}

/** The first of the reader's languages that there is. */
export async function startLanguage(): Promise<void> {
  const wanted = navigator.languages.map((tag) => tag.split('-')[0] ?? tag);
  await useLanguage(wanted.find((tag) => languages.includes(tag)) ?? 'en');
}

export function t(key: MessageKey, values: Values = {}): string {
  const template = messages.value[key] ?? en[key];
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A word of the server's in the reader's language; as the server has it, where there is none. */
export function word(kind: 'verdict' | 'state' | 'mode' | 'room', name: string): string {
  const all = messages.value as Record<string, string>;
  return all[`${kind}.${name}`] ?? name;
}

export function languageName(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
}

/** The reader's own form of the language, if the browser names one: hours and days differ between countries. */
function locale(): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language.value) ?? language.value;
}

export function count(value: number): string {
  return new Intl.NumberFormat(language.value, { maximumFractionDigits: 2 }).format(value);
}

/** In as few signs as the language allows. */
export function short(value: number): string {
  return new Intl.NumberFormat(language.value, { notation: 'compact' }).format(value);
}

export function moment(millis: number): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(millis);
}

export function clock(millis: number): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }).format(millis);
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function size(octets: number): string {
  let unit = 0;
  let value = octets;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const style = { style: 'unit', unit: UNITS[unit] ?? 'byte', unitDisplay: 'short' } as const;
  return new Intl.NumberFormat(locale(), { ...style, maximumFractionDigits: unit > 1 ? 1 : 0 }).format(value);
}

export function percent(share: number): string {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumSignificantDigits: 2 }).format(share);
}

/** Microseconds, as people say them. */
export function duration(micros: number): string {
  const format = (value: number, unit: string) =>
    `${new Intl.NumberFormat(locale(), { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
  if (micros < 1000) return format(micros, 'µs');
  if (micros < 1_000_000) return format(micros / 1000, 'ms');
  return format(micros / 1_000_000, 's');
}
