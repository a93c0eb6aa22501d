/** Which rows of the list are chosen, and which one the keyboard is at. */
import { signal } from '@preact/signals';
import type { Id } from '../jmap/types';
import type { SparseIds } from './window';

export class Selection {
  readonly ids = signal<ReadonlySet<Id>>(new Set());
  readonly cursor = signal<Id | null>(null);
  #anchor: Id | null = null;

  has(id: Id): boolean {
    return this.ids.value.has(id);
  }

  clear(): void {
    this.ids.value = new Set();
    this.#anchor = null;
  }

  toggle(id: Id): void {
    const next = new Set(this.ids.peek());
    if (!next.delete(id)) next.add(id);
    this.ids.value = next;
    this.#anchor = id;
    this.cursor.value = id;
  }

  /** All rows between the one chosen last and this one. */
  extend(id: Id, rows: SparseIds): void {
    const from = this.#anchor === null ? -1 : rows.indexOf(this.#anchor);
    const to = rows.indexOf(id);
    if (from < 0 || to < 0) return this.toggle(id);
    const between = rows.slice(Math.min(from, to), Math.max(from, to) + 1).filter((row) => row !== undefined);
    this.ids.value = new Set([...this.ids.peek(), ...between]);
    this.cursor.value = id;
  }

  all(rows: SparseIds): void {
    this.ids.value = new Set(rows.filter((row) => row !== undefined));
  }

  /** Rows that left the list are chosen no longer. */
  keep(rows: SparseIds): void {
    const there = new Set(rows);
    const kept = [...this.ids.peek()].filter((id) => there.has(id));
    if (kept.length !== this.ids.peek().size) this.ids.value = new Set(kept);
  }
}
