/** Short notices, some with a way back. */
import { signal } from '@preact/signals';
import { type MessageKey, t } from '../i18n';
import { errorType } from '../jmap/errors';

export interface Toast {
  id: number;
  text: string;
  isError: boolean;
  action: { label: string; run: () => void } | null;
  /** Seconds until it goes, which its bar shows; null for as long as it takes. */
  seconds: number | null;
}

export const toasts = signal<Toast[]>([]);
let nextId = 1;

export function showToast(text: string, options: Partial<Omit<Toast, 'id' | 'text'>> = {}): number {
  const toast: Toast = { id: nextId++, text, isError: false, action: null, seconds: 7, ...options };
  // A new notice of what was done takes the place of the one before.
  const others = toasts.peek().filter((other) => other.seconds === null || other.isError);
  toasts.value = [...others.slice(-2), toast];
  if (toast.seconds !== null) setTimeout(() => hideToast(toast.id), toast.seconds * 1000);
  return toast.id;
}

export function hideToast(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id);
}

const EXPLAINED: Record<string, MessageKey> = {
  network: 'error.network',
  unauthorized: 'error.unauthorized',
  overQuota: 'error.overQuota',
  tooLarge: 'error.tooLarge',
  forbidden: 'error.forbidden',
  forbiddenFrom: 'error.forbiddenFrom',
  forbiddenMailFrom: 'error.forbiddenFrom',
  forbiddenToSend: 'error.forbiddenToSend',
  noRecipients: 'error.noRecipients',
  invalidRecipients: 'error.invalidRecipients',
  tooManyRecipients: 'error.tooManyRecipients',
  notFound: 'error.notFound',
  blobNotFound: 'error.notFound',
  accountReadOnly: 'error.forbidden',
  mailboxHasChild: 'error.mailboxHasChild',
  cannotUnsend: 'error.cannotUnsend',
  rateLimit: 'error.busy',
  limit: 'error.busy',
  serverUnavailable: 'error.busy',
  wrongPassword: 'error.wrongPassword',
  codeRequired: 'login.codeAsked',
  wrongCode: 'error.wrongCode',
  weakPassword: 'error.weakPassword',
  appPassword: 'error.appPassword',
  notHere: 'error.passwordElsewhere',
  http429: 'error.busy',
  http503: 'error.busy',
  http413: 'error.tooLarge',
};

/** What an error means to a person, with the server's own words where there are none of ours. */
export function explain(error: unknown): string {
  const type = errorType(error);
  const key = EXPLAINED[type];
  if (key !== undefined) return t(key);
  const detail = error instanceof Error && error.message !== type ? error.message : type;
  return t('error.other', { detail });
}

export function showError(error: unknown): void {
  showToast(explain(error), { isError: true, seconds: 10 });
}
