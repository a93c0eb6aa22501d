/** The answer that the server gives while one is away (RFC 8621 §8). */
import type { Client } from '../jmap/client';
import { demand } from '../jmap/client';
import type { VacationResponse } from '../jmap/types';
import { utc } from '../mail/search';

export async function loadVacation(client: Client): Promise<VacationResponse | null> {
  return (await client.call('VacationResponse/get', { ids: ['singleton'] })).list[0] ?? null;
}

export async function saveVacation(client: Client, vacation: Omit<VacationResponse, 'id'>): Promise<void> {
  const result = await client.call('VacationResponse/set', { update: { singleton: { ...vacation } } });
  demand([result.notUpdated]);
}

/** A day as a date field has it. */
function written(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The first moment of a day here, or of one so many days later; null for what is none. */
function begin(day: string, later = 0): string | null {
  const date = new Date(`${day}T00:00:00`);
  if (day === '' || Number.isNaN(date.getTime())) return null;
  date.setDate(date.getDate() + later);
  return utc(date);
}

/** From the first of these days to the end of the last: what ends is no longer answered at `toDate` (RFC 8621 §8). */
export function windowOf(first: string, last: string): Pick<VacationResponse, 'fromDate' | 'toDate'> {
  return { fromDate: begin(first), toDate: begin(last, 1) };
}

/** The first and the last day of which anything is within, for date fields. */
export function daysOf({ fromDate, toDate }: Pick<VacationResponse, 'fromDate' | 'toDate'>): [string, string] {
  const last = toDate === null ? null : new Date(new Date(toDate).getTime() - 1);
  return [fromDate === null ? '' : written(new Date(fromDate)), last === null ? '' : written(last)];
}
