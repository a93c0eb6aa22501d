/** What is known of an account's mail, and how more of it is fetched. */
import { signal } from '@preact/signals';
import type { Client } from '../jmap/client';
import { JmapError } from '../jmap/errors';
import type { QueryArgs, QueryResult } from '../jmap/methods';
import type { EmailContent, EmailSummary, Id, Mailbox, Thread } from '../jmap/types';
import { Records } from './records';

export const SUMMARY = [
  ...['id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'from', 'to', 'subject', 'receivedAt', 'hasAttachment'],
  ...['preview', 'size'],
];
const CONTENT = [
  ...['id', 'cc', 'bcc', 'replyTo', 'sender', 'sentAt', 'messageId', 'inReplyTo', 'references', 'textBody', 'htmlBody'],
  ...['attachments', 'bodyValues'],
];
const PART = ['partId', 'blobId', 'size', 'name', 'type', 'charset', 'disposition', 'cid'];
const MAX_BODY = 2_000_000;
/** Messages of a thread that are shown at first, and that come at a time: a thread may hold as many as a mailbox. */
export const THREAD_PART = 50;

export class MailStore {
  readonly client: Client;
  readonly mailboxes = new Records<Mailbox>();
  /** Which mailboxes there are, in no order. */
  readonly mailboxIds = signal<Id[]>([]);
  readonly emails = new Records<EmailSummary>();
  readonly contents = new Records<EmailContent>();
  readonly threads = new Records<Thread>();
  readonly #opening = new Map<Id, Promise<void>>();

  constructor(client: Client) {
    this.client = client;
  }

  async loadMailboxes(): Promise<void> {
    const result = await this.client.call('Mailbox/get', { ids: null });
    this.mailboxes.clear();
    this.mailboxes.put(result.list);
    this.mailboxes.state = result.state;
    this.mailboxIds.value = result.list.map(({ id }) => id);
  }

  /** A page of a query with all that its rows show, in one request (the example of RFC 8621 §4.10). */
  async queryPage(args: Omit<QueryArgs, 'accountId'>, position: number, limit: number): Promise<QueryResult> {
    const { accountId } = this.client;
    const batch = this.client.batch();
    const query = batch.call('Email/query', { accountId, ...args, position, limit, calculateTotal: true });
    const rows = batch.call('Email/get', { accountId, ids: query.ref('/ids'), properties: SUMMARY });
    const threads = batch.call('Thread/get', { accountId, ids: rows.ref('/list/*/threadId') });
    const others = batch.call('Email/get', {
      accountId,
      ids: threads.ref('/list/*/emailIds'),
      properties: SUMMARY,
    });
    await batch.send();
    const result = query.value;
    // An empty list has a state, too: that from which the first message is heard of.
    this.#take(rows.value, threads.value);
    if (result.ids.length === 0) return result;
    try {
      this.emails.put(others.value.list);
    } catch (error) {
      // Threads may hold more messages than one call may ask for.
      if (!(error instanceof JmapError) || error.type === 'unauthorized') throw error;
      await this.fetchEmails(this.emails.missing(threads.value.list.flatMap(newest)));
    }
    return result;
  }

  #take(rows: { list: EmailSummary[]; state: string }, threads: { list: Thread[]; state: string }): void {
    this.emails.state ??= rows.state;
    this.threads.state ??= threads.state;
    this.emails.put(rows.list);
    this.threads.put(threads.list);
  }

  /** What rows show, for messages of which nothing is known. */
  async ensureRows(ids: readonly Id[]): Promise<void> {
    await this.fetchEmails(this.emails.missing(ids));
    const threadIds = ids.map((id) => this.emails.peek(id)?.threadId).filter((id) => id !== undefined);
    await this.fetchThreads(this.threads.missing([...new Set(threadIds)]));
  }

  async fetchThreads(ids: readonly Id[]): Promise<void> {
    for (const chunk of this.#chunks(ids)) {
      const result = await this.client.call('Thread/get', { ids: chunk });
      this.threads.state ??= result.state;
      this.threads.put(result.list);
      this.threads.remove(result.notFound);
    }
    const threads = ids.map((id) => this.threads.peek(id)).filter((thread) => thread !== undefined);
    await this.fetchEmails(this.emails.missing(threads.flatMap(newest)));
  }

  /** Messages of these rows' threads of which nothing is known: of long threads only the newest are fetched unasked. */
  unknownMembers(rows: readonly Id[]): Id[] {
    const threadIds = new Set(rows.map((id) => this.emails.peek(id)?.threadId ?? ''));
    return this.emails.missing([...threadIds].flatMap((id) => this.threads.peek(id)?.emailIds ?? []));
  }

  async fetchEmails(ids: readonly Id[], properties: string[] = SUMMARY): Promise<void> {
    for (const chunk of this.#chunks(ids)) {
      const result = await this.client.call('Email/get', { ids: chunk, properties });
      this.emails.state ??= result.state;
      if (properties === SUMMARY) this.emails.put(result.list);
      else this.emails.merge(result.list);
      this.emails.remove(result.notFound);
    }
  }

  /** Bodies. A message never changes, so that what was fetched once is never fetched again. */
  async open(ids: readonly Id[]): Promise<void> {
    const wanted = this.contents.missing(ids).filter((id) => !this.#opening.has(id));
    if (wanted.length > 0) {
      const opening = this.#fetchContents(wanted).finally(() => {
        for (const id of wanted) this.#opening.delete(id);
      });
      for (const id of wanted) this.#opening.set(id, opening);
    }
    await Promise.all(ids.map((id) => this.#opening.get(id)));
  }

  async #fetchContents(ids: Id[]): Promise<void> {
    for (const chunk of this.#chunks(ids)) {
      const result = await this.client.call('Email/get', {
        ids: chunk,
        properties: CONTENT,
        bodyProperties: PART,
        fetchHTMLBodyValues: true,
        fetchTextBodyValues: true,
        maxBodyValueBytes: MAX_BODY,
      });
      this.contents.put(result.list);
      this.emails.remove(result.notFound);
    }
  }

  #chunks(ids: readonly Id[]): Id[][] {
    const size = this.client.features.core.maxObjectsInGet;
    const chunks: Id[][] = [];
    for (let at = 0; at < ids.length; at += size) chunks.push(ids.slice(at, at + size));
    return chunks;
  }

  /** Nothing of what is known can be trusted any more. */
  forget(): void {
    this.emails.clear();
    this.threads.clear();
  }
}

function newest({ emailIds }: Thread): Id[] {
  return emailIds.slice(-THREAD_PART);
}
