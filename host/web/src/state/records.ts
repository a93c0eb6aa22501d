/** Objects of one type by id, each of which a view can follow by itself. */
import { type Signal, signal } from '@preact/signals';
import type { Id } from '../jmap/types';

export class Records<T extends { id: Id }> {
  /** The server's state that these records are of; null before the first /get. */
  state: string | null = null;
  readonly #signals = new Map<Id, Signal<T | undefined>>();

  /** The record; whoever renders it is rendered again when it changes. */
  get(id: Id): T | undefined {
    let found = this.#signals.get(id);
    if (found === undefined) {
      found = signal<T | undefined>(undefined);
      this.#signals.set(id, found);
    }
    return found.value;
  }

  peek(id: Id): T | undefined {
    return this.#signals.get(id)?.peek();
  }

  has(id: Id): boolean {
    return this.peek(id) !== undefined;
  }

  put(records: readonly T[]): void {
    for (const record of records) {
      const found = this.#signals.get(record.id);
      if (found === undefined) this.#signals.set(record.id, signal<T | undefined>(record));
      else found.value = record;
    }
  }

  /** Some properties of records that are there; of others nothing is kept. */
  merge(parts: readonly (Partial<T> & { id: Id })[]): void {
    for (const part of parts) {
      const known = this.peek(part.id);
      if (known !== undefined) this.put([{ ...known, ...part }]);
    }
  }

  remove(ids: readonly Id[]): void {
    for (const id of ids) {
      const found = this.#signals.get(id);
      if (found !== undefined) found.value = undefined;
    }
  }

  known(ids: readonly Id[]): Id[] {
    return ids.filter((id) => this.has(id));
  }

  missing(ids: readonly Id[]): Id[] {
    return ids.filter((id) => !this.has(id));
  }

  all(): T[] {
    return [...this.#signals.values()].map((found) => found.peek()).filter((record) => record !== undefined);
  }

  clear(): void {
    this.remove([...this.#signals.keys()]);
    this.state = null;
  }
}
