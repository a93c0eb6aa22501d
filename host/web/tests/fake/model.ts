/** Mail in memory: what a JMAP server holds, with a log of what changed. For tests of the client only. */
import type { EmailAddress } from '../../src/jmap/types';

export interface FakeEmail {
  id: string;
  threadId: string;
  mailboxIds: Record<string, boolean>;
  keywords: Record<string, boolean>;
  from: EmailAddress[] | null;
  to: EmailAddress[] | null;
  cc: EmailAddress[] | null;
  bcc: EmailAddress[] | null;
  replyTo: EmailAddress[] | null;
  subject: string;
  receivedAt: string;
  sentAt: string;
  messageId: string[];
  inReplyTo: string[] | null;
  references: string[] | null;
  text: string;
  html: string | null;
  attachments: FakePart[];
  size: number;
}

export interface FakePart {
  blobId: string;
  type: string;
  name: string | null;
  disposition: string | null;
  cid: string | null;
  size: number;
}

export interface FakeMailbox {
  id: string;
  name: string;
  parentId: string | null;
  role: string | null;
  sortOrder: number;
}

export type Kind = 'Email' | 'Mailbox' | 'Thread' | 'Identity' | 'EmailSubmission' | 'VacationResponse' | 'Quota';
type Change = { state: number; kind: Kind; id: string; what: 'created' | 'updated' | 'destroyed' };

export class Model {
  readonly emails = new Map<string, FakeEmail>();
  readonly mailboxes = new Map<string, FakeMailbox>();
  readonly threads = new Map<string, string[]>();
  readonly blobs = new Map<string, { type: string; bytes: Buffer }>();
  readonly identities = new Map<string, Record<string, unknown>>();
  readonly submissions = new Map<string, Record<string, unknown>>();
  vacation: Record<string, unknown> = {
    ...{
      id: 'singleton',
      isEnabled: false,
      fromDate: null,
      toDate: null,
      subject: null,
      textBody: null,
      htmlBody: null,
    },
  };
  /** Counted as mail comes and goes, since counting 100,000 at each question would be slow. */
  readonly counts = new Map<string, { total: number; unread: number }>();
  readonly states = new Map<Kind, number>();
  readonly #log: Change[] = [];
  readonly #listeners = new Set<() => void>();
  /** Newest first; made anew after each change. */
  #sorted: FakeEmail[] | null = null;
  #clock = 1;
  #oldest = 0;
  #nextId = 1;

  id(prefix: string): string {
    return `${prefix}${this.#nextId++}`;
  }

  state(kind: Kind): string {
    return String(this.states.get(kind) ?? 0);
  }

  note(kind: Kind, id: string, what: Change['what']): void {
    const state = ++this.#clock;
    this.#log.push({ state, kind, id, what });
    this.states.set(kind, state);
  }

  /** Loses the log, as a server may. */
  forget(): void {
    this.#oldest = ++this.#clock;
  }

  /** Tells whoever listens; once for all changes of a request. */
  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** RFC 8620 §5.2: each id once, as what it is now beside what it was. Null for a state that never was. */
  changes(kind: Kind, since: string): { created: string[]; updated: string[]; destroyed: string[] } | null {
    const from = Number(since);
    if (Number.isNaN(from) || from > this.#clock || from < this.#oldest) return null;
    const seen = new Map<string, { first: Change['what']; last: Change['what'] }>();
    for (const { state, kind: of, id, what } of this.#log) {
      if (of !== kind || state <= from) continue;
      seen.set(id, { first: seen.get(id)?.first ?? what, last: what });
    }
    const of = (test: (first: Change['what'], last: Change['what']) => boolean) =>
      [...seen].filter(([, { first, last }]) => test(first, last)).map(([id]) => id);
    return {
      created: of((first, last) => first === 'created' && last !== 'destroyed'),
      updated: of((first, last) => first === 'updated' && last !== 'destroyed'),
      destroyed: of((first, last) => first !== 'created' && last === 'destroyed'),
    };
  }

  get sorted(): FakeEmail[] {
    this.#sorted ??= [...this.emails.values()].sort((a, b) =>
      a.receivedAt < b.receivedAt ? 1 : a.receivedAt > b.receivedAt ? -1 : 0,
    );
    return this.#sorted;
  }

  /** Puts mail in; quietly for what was there before anybody asked. */
  add(email: FakeEmail, quiet = false): void {
    this.emails.set(email.id, email);
    this.#sorted = null;
    const thread = this.threads.get(email.threadId);
    this.threads.set(email.threadId, [...(thread ?? []), email.id]);
    this.#count(email, 1);
    if (quiet) return;
    this.note('Email', email.id, 'created');
    this.note('Thread', email.threadId, thread === undefined ? 'created' : 'updated');
    this.#noteMailboxes(Object.keys(email.mailboxIds));
  }

  change(email: FakeEmail, change: (email: FakeEmail) => void): void {
    const before = Object.keys(email.mailboxIds);
    this.#count(email, -1);
    change(email);
    this.#count(email, 1);
    this.note('Email', email.id, 'updated');
    this.#noteMailboxes([...before, ...Object.keys(email.mailboxIds)]);
  }

  remove(email: FakeEmail): void {
    this.#count(email, -1);
    this.emails.delete(email.id);
    this.#sorted = null;
    const rest = (this.threads.get(email.threadId) ?? []).filter((id) => id !== email.id);
    if (rest.length > 0) this.threads.set(email.threadId, rest);
    else this.threads.delete(email.threadId);
    this.note('Email', email.id, 'destroyed');
    this.note('Thread', email.threadId, rest.length > 0 ? 'updated' : 'destroyed');
    this.#noteMailboxes(Object.keys(email.mailboxIds));
  }

  #noteMailboxes(ids: string[]): void {
    for (const id of new Set(ids)) this.note('Mailbox', id, 'updated');
  }

  #count(email: FakeEmail, by: number): void {
    for (const id of Object.keys(email.mailboxIds)) {
      const count = this.counts.get(id) ?? { total: 0, unread: 0 };
      count.total += by;
      if (!email.keywords.$seen) count.unread += by;
      this.counts.set(id, count);
    }
  }

  blob(type: string, bytes: Buffer): string {
    const id = this.id('B');
    this.blobs.set(id, { type, bytes });
    return id;
  }

  mailboxWithRole(role: string): string {
    for (const mailbox of this.mailboxes.values()) if (mailbox.role === role) return mailbox.id;
    throw new Error(`no mailbox is ${role}`);
  }
}
