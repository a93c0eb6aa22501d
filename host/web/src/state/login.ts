/** Logging in, out, and in again after a reload. */
import { signal } from '@preact/signals';
import { t } from '../i18n';
import { BasicAuthenticator } from '../jmap/auth';
import { Account, account, isRefusal } from './account';
import { loadSanitiser } from './sanitiser';
import { explain } from './toasts';

/** Why one is at the login page, if not for the first time. */
export const reason = signal<string | null>(null);
export const isRestoring = signal(true);

async function open(auth: BasicAuthenticator): Promise<void> {
  void loadSanitiser();
  account.value = await Account.open(auth, () => logout(t('error.unauthorized')));
  reason.value = null;
}

export async function login(address: string, password: string): Promise<void> {
  const auth = BasicAuthenticator.of(address, password);
  await open(auth);
  auth.keep();
}

export function logout(why: string | null = null): void {
  account.peek()?.close();
  account.value = null;
  reason.value = why;
  if (why === null) location.hash = '';
}

export async function restore(): Promise<void> {
  const auth = BasicAuthenticator.restore();
  try {
    if (auth !== null) await open(auth);
  } catch (error) {
    if (isRefusal(error)) auth?.end();
    reason.value = explain(error);
  } finally {
    isRestoring.value = false;
  }
}
