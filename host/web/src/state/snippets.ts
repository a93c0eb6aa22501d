/** Where in a message the words of a search are (RFC 8621 §5). */
import { signal } from '@preact/signals';
import type { Client } from '../jmap/client';
import { JmapError } from '../jmap/errors';
import type { Filter, Id, SearchSnippet } from '../jmap/types';

export class Snippets {
  readonly found = signal<ReadonlyMap<Id, SearchSnippet>>(new Map());
  readonly #client: Client;
  #filter: Filter | null = null;
  readonly #asked = new Set<Id>();

  constructor(client: Client) {
    this.#client = client;
  }

  async load(filter: Filter, ids: readonly Id[]): Promise<void> {
    if (filter !== this.#filter) {
      this.#filter = filter;
      this.#asked.clear();
      this.found.value = new Map();
    }
    const wanted = ids.filter((id) => !this.#asked.has(id));
    if (wanted.length === 0) return;
    for (const id of wanted) this.#asked.add(id);
    try {
      const { list } = await this.#client.call('SearchSnippet/get', { filter, emailIds: wanted });
      if (filter !== this.#filter) return;
      this.found.value = new Map([...this.found.peek(), ...list.map((one) => [one.emailId, one] as const)]);
    } catch (error) {
      // Rows show the beginning of the message instead.
      if (!(error instanceof JmapError)) throw error;
    }
  }
}
