/** Logging in, out, and in again after a reload. */
import { signal } from '@preact/signals';
import { t } from '../i18n';
import { CookieAuthenticator } from '../jmap/auth';
import { errorType } from '../jmap/errors';
import { Owner, type Proof } from '../jmap/owner';
import { Transport } from '../jmap/transport';
import { Account, account, isRefusal } from './account';
import { loadSanitiser } from './sanitiser';
import { explain } from './toasts';

/** Why one is at the login page, if not for the first time. */
export const reason = signal<string | null>(null);
export const isRestoring = signal(true);

const auth = new CookieAuthenticator();
const owner = new Owner(new Transport(auth));

async function open(): Promise<void> {
  void loadSanitiser();
  account.value = await Account.open(auth, () => {
    // What was under way when one logged out is refused, too.
    if (account.peek() !== null) leave(t('error.unauthorized'));
  });
  reason.value = null;
}

export async function login(address: string, proof: Proof): Promise<void> {
  await owner.logIn(address, proof);
  await open();
}

/** What a failed login is to be told as, where there are words for it. */
export function isCodeWanted(error: unknown): boolean {
  return errorType(error) === 'codeRequired';
}

function leave(why: string | null): void {
  void account.peek()?.close();
  account.value = null;
  reason.value = why;
}

export async function logout(): Promise<void> {
  const open = account.peek();
  account.value = null;
  reason.value = null;
  location.hash = '';
  // What waits to be sent is sent before nobody may send it.
  await open?.close();
  try {
    await owner.logOut();
  } catch (error) {
    reason.value = explain(error);
  }
}

export async function restore(): Promise<void> {
  try {
    if ((await owner.who()) !== null) await open();
  } catch (error) {
    if (!isRefusal(error)) reason.value = explain(error);
  } finally {
    isRestoring.value = false;
  }
}
