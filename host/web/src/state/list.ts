/** A list of threads, one row a thread: the newest first, loaded by pages as they come into view. */
import { signal } from '@preact/signals';
import type { Client } from '../jmap/client';
import { JmapError } from '../jmap/errors';
import type { Filter, Id } from '../jmap/types';
import type { MailStore } from './store';
import { applyChanges, missingPages, type SparseIds, without, writePage } from './window';

const PAGE = 50;
const SORT = [{ property: 'receivedAt', isAscending: false }];
/** More than this many changes are slower to follow than the pages in view to load anew. */
const MAX_CHANGES = 500;

export class MessageList {
  readonly filter: Filter;
  /** The mailbox that this list is of; null for a search. */
  readonly mailboxId: Id | null;
  readonly ids = signal<SparseIds>([]);
  readonly total = signal<number | null>(null);
  readonly error = signal<JmapError | null>(null);
  readonly #client: Client;
  readonly #store: MailStore;
  readonly #pending = new Set<number>();
  #queryState: string | null = null;
  #canFollow = false;
  #range: [number, number] = [0, PAGE - 1];
  /** Rises whenever positions become others, so that a page asked for before is not written where it no longer belongs. */
  #epoch = 0;

  constructor(client: Client, store: MailStore, filter: Filter, mailboxId: Id | null) {
    this.#client = client;
    this.#store = store;
    this.filter = filter;
    this.mailboxId = mailboxId;
  }

  /** Loads what is missing of the rows from `first` to `last`. */
  async ensure(first: number, last: number): Promise<void> {
    this.#range = [first, last];
    const pages = missingPages(this.ids.peek(), first, last, PAGE, this.total.peek());
    await Promise.all(pages.filter((page) => !this.#pending.has(page)).map((page) => this.#load(page)));
  }

  /** Tries again what went wrong. */
  async retry(): Promise<void> {
    this.error.value = null;
    await this.ensure(...this.#range);
  }

  async #load(page: number): Promise<void> {
    this.#pending.add(page);
    const epoch = this.#epoch;
    try {
      const result = await this.#store.queryPage(this.#args(), page * PAGE, PAGE);
      if (epoch !== this.#epoch) return;
      const total = result.total ?? result.position + result.ids.length;
      this.#queryState ??= result.queryState;
      this.#canFollow = result.canCalculateChanges;
      // Pages of two states do not fit together: the older ones are loaded again.
      const before = this.#queryState === result.queryState ? this.ids.peek() : [];
      this.#queryState = result.queryState;
      this.ids.value = writePage(before, result.position, result.ids, total);
      this.total.value = total;
      this.error.value = null;
    } catch (error) {
      if (epoch === this.#epoch) this.error.value = error instanceof JmapError ? error : new JmapError('unexpected');
    } finally {
      if (epoch === this.#epoch) this.#pending.delete(page);
    }
  }

  /** Follows what happened to the result since it was loaded. */
  async follow(): Promise<void> {
    if (this.#queryState === null) return this.retry();
    const followed = this.#canFollow && (await this.#queryChanges());
    if (!followed) await this.#reload();
    await this.#store.ensureRows(this.#visible());
    await this.ensure(...this.#range);
  }

  async #queryChanges(): Promise<boolean> {
    const epoch = this.#epoch;
    try {
      const changes = await this.#client.call('Email/queryChanges', {
        ...this.#args(),
        sinceQueryState: this.#queryState ?? '',
        maxChanges: MAX_CHANGES,
        calculateTotal: true,
      });
      // Something else has moved the rows meanwhile: these indices are of rows that are no more.
      if (epoch !== this.#epoch) return false;
      await this.#store.ensureRows(changes.added.map(({ id }) => id).slice(0, MAX_CHANGES));
      this.#move(applyChanges(this.ids.peek(), changes));
      this.#queryState = changes.newQueryState;
      return true;
    } catch (error) {
      if (error instanceof JmapError && error.type === 'network') throw error;
      return false;
    }
  }

  async #reload(): Promise<void> {
    const first = Math.floor(Math.max(this.#range[0], 0) / PAGE) * PAGE;
    const result = await this.#store.queryPage(this.#args(), first, PAGE * 2);
    const total = result.total ?? result.position + result.ids.length;
    this.#canFollow = result.canCalculateChanges;
    this.#queryState = result.queryState;
    this.#move(writePage([], result.position, result.ids, total));
  }

  /** Takes rows out before the server is asked; the next `follow` puts right what was wrong. */
  take(ids: readonly Id[]): void {
    const gone = new Set(ids);
    this.#move(without(this.ids.peek(), gone));
    // What the server knew by that query state is not what is here now.
    this.#canFollow = false;
  }

  #move(ids: SparseIds): void {
    this.#epoch++;
    this.#pending.clear();
    this.ids.value = ids;
    this.total.value = ids.length;
  }

  #args() {
    return { filter: this.filter, sort: SORT, collapseThreads: true };
  }

  #visible(): Id[] {
    return this.ids
      .peek()
      .slice(Math.max(this.#range[0], 0), this.#range[1] + 1)
      .filter((id) => id !== undefined);
  }
}
