/** Dates and sizes as people write them. */
import { language } from './index';

const formats = new Map<string, Intl.DateTimeFormat>();

/** The reader's own form of the language, if the browser names one: days and hours differ between countries. */
function locale(): string {
  return navigator.languages.find((tag) => tag.split('-')[0] === language.value) ?? language.value;
}

/** Making a formatter costs more than using it a hundred times. */
function format(date: Date, options: Intl.DateTimeFormatOptions): string {
  const key = language.value + JSON.stringify(options);
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale(), options);
    formats.set(key, found);
  }
  return found.format(date);
}

/** For lists: the time today, the day this year, else the date. */
export function shortDate(iso: string, now: Date = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  if (date.toDateString() === now.toDateString()) return format(date, { hour: '2-digit', minute: '2-digit' });
  if (date.getFullYear() === now.getFullYear()) return format(date, { day: 'numeric', month: 'short' });
  return format(date, { day: '2-digit', month: '2-digit', year: 'numeric' });
}

export function longDate(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  return format(date, {
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  });
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function formatSize(octets: number): string {
  let unit = 0;
  let value = octets;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: UNITS[unit],
    // In English `short` has no plural for bytes.
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: unit > 1 && value < 100 ? 1 : 0,
  }).format(value);
}
