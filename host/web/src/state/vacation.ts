/** The answer that the server gives while one is away (RFC 8621 §8). */
import type { Client } from '../jmap/client';
import { demand } from '../jmap/client';
import type { VacationResponse } from '../jmap/types';

export async function loadVacation(client: Client): Promise<VacationResponse | null> {
  return (await client.call('VacationResponse/get', { ids: ['singleton'] })).list[0] ?? null;
}

export async function saveVacation(client: Client, vacation: Omit<VacationResponse, 'id'>): Promise<void> {
  const result = await client.call('VacationResponse/set', { update: { singleton: { ...vacation } } });
  demand([result.notUpdated]);
}
