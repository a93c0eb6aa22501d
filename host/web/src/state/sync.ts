/** Follows the server: what changed since a state, by type, and what follows from it for what is shown. */
import type { Call } from '../jmap/batch';
import type { Client } from '../jmap/client';
import { JmapError } from '../jmap/errors';
import type { ChangesResult, Method } from '../jmap/methods';
import type { Id, Mailbox } from '../jmap/types';
import type { MailStore } from './store';

export interface SyncEvents {
  /** Messages came or went, or moved: lists are to follow. */
  onEmails(created: Id[]): Promise<void>;
}

/** One round of changes may say that there are more. */
const ROUNDS = 20;

export class Sync {
  readonly #client: Client;
  readonly #store: MailStore;
  readonly #events: SyncEvents;
  #running: Promise<void> | null = null;
  #again = false;
  /** Changes were taken that lists have not followed yet: the network went in between. */
  #owed = false;

  constructor(client: Client, store: MailStore, events: SyncEvents) {
    this.#client = client;
    this.#store = store;
    this.#events = events;
  }

  /** Whether a state that was pushed is news. */
  isNews(type: string, state: string): boolean {
    const records = { Email: this.#store.emails, Mailbox: this.#store.mailboxes, Thread: this.#store.threads }[type];
    return records === undefined || (records.state !== null && records.state !== state);
  }

  /** Waits for the catching up that is under way, if any. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Catches up. Asked while one is under way, another follows it. */
  run(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#loop().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #loop(): Promise<void> {
    do {
      this.#again = false;
      try {
        for (let round = 0; round < ROUNDS && (await this.#round()); round++);
      } catch (error) {
        // The stream tells when the server is back, and then this runs again.
        if (!(error instanceof JmapError)) throw error;
      }
    } while (this.#again);
  }

  /** One request for all types; true if there is more. */
  async #round(): Promise<boolean> {
    const { accountId } = this.#client;
    const store = this.#store;
    const batch = this.#client.batch();
    const since = (sinceState: string | null) => ({ accountId, sinceState: sinceState ?? '' });
    const mailboxes =
      store.mailboxes.state === null ? null : batch.call('Mailbox/changes', since(store.mailboxes.state));
    const created = mailboxes && batch.call('Mailbox/get', { accountId, ids: mailboxes.ref('/created') });
    const updated =
      mailboxes &&
      batch.call('Mailbox/get', {
        accountId,
        ids: mailboxes.ref('/updated'),
        properties: mailboxes.ref('/updatedProperties'),
      });
    const threads = store.threads.state === null ? null : batch.call('Thread/changes', since(store.threads.state));
    const emails = store.emails.state === null ? null : batch.call('Email/changes', since(store.emails.state));
    await batch.send();

    const changed = changesOf(mailboxes);
    if (changed === 'unknown') await store.loadMailboxes();
    else if (changed && created && updated)
      this.#takeMailboxes(changed, [...created.value.list], [...updated.value.list]);
    const emailChanges = changesOf(emails);
    const threadChanges = changesOf(threads);
    if (emailChanges === 'unknown' || threadChanges === 'unknown') {
      store.forget();
      this.#owed = true;
      await this.#takeEmails(null, null);
      return false;
    }
    await this.#takeEmails(emailChanges, threadChanges);
    return [changed, emailChanges, threadChanges].some(
      (one) => one !== null && one !== 'unknown' && one.hasMoreChanges,
    );
  }

  #takeMailboxes(changes: ChangesResult, created: Mailbox[], updated: { id: Id }[]): void {
    const { mailboxes, mailboxIds } = this.#store;
    mailboxes.put(created);
    mailboxes.merge(updated);
    mailboxes.remove(changes.destroyed);
    mailboxes.state = changes.newState;
    if (changes.created.length > 0 || changes.destroyed.length > 0) {
      const gone = new Set(changes.destroyed);
      mailboxIds.value = [...new Set([...mailboxIds.value, ...changes.created])].filter((id) => !gone.has(id));
    }
  }

  async #takeEmails(emails: ChangesResult | null, threads: ChangesResult | null): Promise<void> {
    const store = this.#store;
    const any = (changes: ChangesResult | null) =>
      changes !== null && changes.created.length + changes.updated.length + changes.destroyed.length > 0;
    if (threads !== null) {
      store.threads.remove(threads.destroyed);
      await store.fetchThreads(store.threads.known(threads.updated));
      store.threads.state = threads.newState;
    }
    if (emails !== null) {
      await store.fetchEmails(store.emails.known(emails.updated), ['id', 'threadId', 'keywords', 'mailboxIds']);
      store.emails.remove(emails.destroyed);
      store.emails.state = emails.newState;
    }
    this.#owed ||= any(emails) || any(threads);
    if (!this.#owed) return;
    await this.#events.onEmails(emails?.created ?? []);
    this.#owed = false;
  }
}

/** Null if it was not asked for, 'unknown' if the server cannot say (RFC 8620 §5.2). */
function changesOf<M extends Method>(call: Call<M> | null): ChangesResult | 'unknown' | null {
  if (call === null) return null;
  try {
    return call.value as ChangesResult;
  } catch (error) {
    if (error instanceof JmapError && error.type === 'cannotCalculateChanges') return 'unknown';
    throw error;
  }
}
