/**
 * Messages on their way, for as long as sending can be undone. Where the server holds mail back (RFC 4865 by RFC
 * 8621 §7) it waits there and goes even if this page is closed; else it waits here, and closing the page sends it.
 */

import { t } from '../i18n';
import { demand } from '../jmap/client';
import type { Patch, SubmissionSetArgs } from '../jmap/methods';
import type { EmailAddress, Id } from '../jmap/types';
import type { Account } from './account';
import { keywordPath, mailboxPath } from './patch';
import { settings } from './settings';
import { hideToast, showError, showToast } from './toasts';

export interface Outgoing {
  emailId: Id;
  identityId: Id;
  from: string;
  recipients: EmailAddress[];
  /** The message that this answers or forwards, and the keyword that says so. */
  original: { emailId: Id; keyword: '$answered' | '$forwarded' } | null;
  /** Opens the writer again. */
  reopen: () => void;
}

interface Waiting {
  timer: ReturnType<typeof setTimeout>;
  send: (keepalive: boolean) => Promise<void>;
}

export class Outbox {
  readonly #account: Account;
  readonly #waiting = new Set<Waiting>();

  constructor(account: Account) {
    this.#account = account;
    addEventListener('pagehide', () => void this.flush());
  }

  async send(outgoing: Outgoing): Promise<void> {
    const seconds = settings.peek().undoSeconds;
    const { maxDelayedSend = 0, submissionExtensions = {} } = this.#account.features.submission;
    const mayHold = 'FUTURERELEASE' in submissionExtensions && maxDelayedSend >= seconds;
    if (seconds === 0) await this.#submit(outgoing, 0, false).catch((error) => this.#failed(outgoing, error));
    else if (mayHold) await this.#holdThere(outgoing, seconds);
    else this.#holdHere(outgoing, seconds);
  }

  /** Sends what waits here, now. */
  async flush(): Promise<void> {
    const sent = [...this.#waiting].map((waiting) => {
      clearTimeout(waiting.timer);
      return waiting.send(true);
    });
    this.#waiting.clear();
    await Promise.allSettled(sent);
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  async #holdThere(outgoing: Outgoing, seconds: number): Promise<void> {
    try {
      const submissionId = await this.#submit(outgoing, seconds, false);
      const undo = async () => {
        hideToast(toast);
        try {
          await this.#cancel(outgoing, submissionId);
          outgoing.reopen();
        } catch (error) {
          showError(error);
        }
      };
      const toast = showToast(t('compose.sending'), {
        seconds,
        action: { label: t('action.undo'), run: () => void undo() },
      });
    } catch (error) {
      this.#failed(outgoing, error);
    }
  }

  #holdHere(outgoing: Outgoing, seconds: number): void {
    const send = async (keepalive: boolean) => {
      this.#waiting.delete(waiting);
      hideToast(toast);
      try {
        await this.#submit(outgoing, 0, keepalive);
        showToast(t('compose.sent'));
      } catch (error) {
        this.#failed(outgoing, error);
      }
    };
    const waiting: Waiting = { timer: setTimeout(() => void send(false), seconds * 1000), send };
    this.#waiting.add(waiting);
    const undo = () => {
      clearTimeout(waiting.timer);
      this.#waiting.delete(waiting);
      hideToast(toast);
      outgoing.reopen();
    };
    const toast = showToast(t('compose.sending'), {
      seconds: seconds + 1,
      action: { label: t('action.undo'), run: undo },
    });
  }

  #failed(outgoing: Outgoing, error: unknown): void {
    showError(error);
    outgoing.reopen();
  }

  async #submit(outgoing: Outgoing, holdSeconds: number, keepalive: boolean): Promise<Id> {
    const { client, actions, sync } = this.#account;
    const batch = client.batch();
    const call = batch.call('EmailSubmission/set', this.#submission(outgoing, holdSeconds));
    await batch.send({ keepalive });
    demand([call.value.notCreated]);
    const { original } = outgoing;
    if (original !== null) void actions.setKeyword([original.emailId], original.keyword, true);
    void sync.run();
    return call.value.created?.out?.id ?? '';
  }

  #submission(outgoing: Outgoing, holdSeconds: number): SubmissionSetArgs {
    const parameters = holdSeconds > 0 ? { HOLDFOR: String(holdSeconds) } : null;
    const sent = this.#places();
    return {
      accountId: this.#account.client.accountId,
      create: {
        out: {
          emailId: outgoing.emailId,
          identityId: outgoing.identityId,
          envelope: {
            mailFrom: { email: outgoing.from, parameters },
            rcptTo: outgoing.recipients.map(({ email }) => ({ email, parameters: null })),
          },
        },
      },
      ...(sent === null ? { onSuccessDestroyEmail: ['#out'] } : { onSuccessUpdateEmail: { '#out': sent } }),
    };
  }

  /** From the drafts into what was sent; null if there is no place for that. */
  #places(): Patch | null {
    const sent = this.#account.mailboxes.withRole('sent');
    const drafts = this.#account.mailboxes.withRole('drafts');
    if (sent === undefined) return null;
    return {
      ...(drafts === undefined ? {} : { [mailboxPath(drafts.id)]: null }),
      [mailboxPath(sent.id)]: true,
      [keywordPath('$draft')]: null,
    };
  }

  async #cancel(outgoing: Outgoing, submissionId: Id): Promise<void> {
    const { client, mailboxes, sync } = this.#account;
    const canceled = await client.call('EmailSubmission/set', {
      update: { [submissionId]: { undoStatus: 'canceled' } },
    });
    demand([canceled.notUpdated]);
    const back: Patch = { [keywordPath('$draft')]: true };
    const [sent, drafts] = [mailboxes.withRole('sent'), mailboxes.withRole('drafts')];
    if (sent !== undefined) back[mailboxPath(sent.id)] = null;
    if (drafts !== undefined) back[mailboxPath(drafts.id)] = true;
    demand([(await client.call('Email/set', { update: { [outgoing.emailId]: back } })).notUpdated]);
    void sync.run();
  }
}
