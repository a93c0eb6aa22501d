/**
 * Words of the interface. A language is a file in messages/, named by its BCP 47 tag; nothing else names it.
 * English is the one that all others are held against, and is there before any other is loaded.
 */
import { signal } from '@preact/signals';
import en from './messages/en.json';

type Messages = typeof en;
export type MessageKey = keyof Messages;
export type PluralKey = { [K in MessageKey]: K extends `${infer Base}.other` ? Base : never }[MessageKey];
type Values = Record<string, string | number>;

const files = import.meta.glob<Messages>(['./messages/*.json', '!./messages/en.json'], { import: 'default' });
const tagOf = (path: string) => path.replace(/^.*\/|\.json$/g, '');

export const languages: string[] = ['en', ...Object.keys(files).map(tagOf)].sort();

const messages = signal<Messages>(en);
export const language = signal('en');

/** The first of the wanted languages that there is a file for. */
export function pickLanguage(wanted: readonly string[], offered: readonly string[] = languages): string {
  for (const tag of wanted) {
    const found = offered.find((one) => one === tag) ?? offered.find((one) => one === tag.split('-')[0]);
    if (found !== undefined) return found;
  }
  return 'en';
}

export async function useLanguage(tag: string): Promise<void> {
  const load = files[`./messages/${tag}.json`];
  messages.value = load === undefined ? en : await load();
  language.value = load === undefined ? 'en' : tag;
  document.documentElement.lang = language.value;
}

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t(key: MessageKey, values: Values = {}): string {
  return fill(messages.value[key] ?? en[key], values);
}

/** Of the plural forms of a message the one for `count`, which it may name. */
export function plural(key: PluralKey, count: number, values: Values = {}): string {
  const form = new Intl.PluralRules(language.value).select(count);
  const all = messages.value as Record<string, string>;
  const template = all[`${key}.${form}`] ?? all[`${key}.other`] ?? key;
  return fill(template, { count: formatNumber(count), ...values });
}

/** The name of a language in itself. */
export function languageName(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(language.value).format(value);
}
