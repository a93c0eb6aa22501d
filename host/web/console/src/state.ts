/** Who is there, in which room, and what is to be said of what was done. */
import { signal } from '@preact/signals';
import { ask, Refusal, setToken, type Token } from './api';
import { t } from './i18n';

export const ROOMS = ['flow', 'queue', 'trace', 'domains', 'accounts', 'plugins', 'rules', 'audit'] as const;
export type Room = (typeof ROOMS)[number];

/** What a room takes of a token. */
export const AREAS: Record<Room, string> = {
  flow: 'flow',
  queue: 'queue',
  trace: 'trace',
  domains: 'domains',
  accounts: 'accounts',
  plugins: 'policy',
  rules: 'policy',
  audit: 'audit',
};

export const who = signal<Token | null>(null);
export const lost = signal(false);
export const notice = signal<{ text: string; isError: boolean } | null>(null);
/** The room, and what in it is looked at. */
export const place = signal<{ room: Room; about: string }>(read());

function read(): { room: Room; about: string } {
  const [, name = '', about = ''] = location.hash.split('/');
  const room = ROOMS.find((one) => one === name) ?? 'flow';
  return { room, about: decodeURIComponent(about) };
}

window.addEventListener('hashchange', () => {
  place.value = read();
  notice.value = null;
});

export const link = (room: Room, about = ''): string => `#/${room}${about && `/${encodeURIComponent(about)}`}`;

export async function login(token: string): Promise<void> {
  setToken(token, () => {
    if (who.value !== null) lost.value = true;
    logout();
  });
  try {
    who.value = await ask<Token>('GET', '/me');
    lost.value = false;
  } catch (failure) {
    logout();
    throw failure;
  }
}

export function logout(): void {
  setToken(null, () => {});
  who.value = null;
}

export function explain(failure: unknown): string {
  if (failure instanceof Refusal) return failure.next === '' ? failure.message : `${failure.message}. ${failure.next}`;
  return t('error.network');
}

/** Does something and says how it went; whether it went well. */
export async function attempt(done: string, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    notice.value = { text: done, isError: false };
    return true;
  } catch (failure) {
    notice.value = { text: explain(failure), isError: true };
    return false;
  }
}
