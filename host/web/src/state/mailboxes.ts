/** Mailboxes in the order that people look for them, and what may be done to them. */
import type { Client } from '../jmap/client';
import { demand } from '../jmap/client';
import type { Id, Mailbox, Role } from '../jmap/types';
import type { MailStore } from './store';

const ROLES: (Role | null)[] = ['inbox', 'flagged', 'important', 'drafts', 'sent', 'archive', 'all', 'junk', 'trash'];

export interface MailboxNode {
  mailbox: Mailbox;
  depth: number;
}

function compare(a: Mailbox, b: Mailbox): number {
  const rank = (mailbox: Mailbox) => (mailbox.role === null ? ROLES.length : ROLES.indexOf(mailbox.role));
  return rank(a) - rank(b) || a.sortOrder - b.sortOrder || a.name.localeCompare(b.name);
}

/** Each mailbox after its parent, siblings in order. One whose parent is not there stands at the top. */
export function mailboxTree(mailboxes: readonly Mailbox[]): MailboxNode[] {
  const ids = new Set(mailboxes.map(({ id }) => id));
  const children = new Map<Id | null, Mailbox[]>();
  for (const mailbox of [...mailboxes].sort(compare)) {
    const parent = mailbox.parentId !== null && ids.has(mailbox.parentId) ? mailbox.parentId : null;
    children.set(parent, [...(children.get(parent) ?? []), mailbox]);
  }
  const nodes: MailboxNode[] = [];
  const seen = new Set<Id>();
  const walk = (parent: Id | null, depth: number) => {
    for (const mailbox of children.get(parent) ?? []) {
      if (seen.has(mailbox.id)) continue;
      seen.add(mailbox.id);
      nodes.push({ mailbox, depth });
      walk(mailbox.id, depth + 1);
    }
  };
  walk(null, 0);
  return nodes;
}

export class Mailboxes {
  readonly #client: Client;
  readonly #store: MailStore;

  constructor(client: Client, store: MailStore) {
    this.#client = client;
    this.#store = store;
  }

  /** All that may be read; whoever renders them is rendered again when one changes. */
  get all(): Mailbox[] {
    return this.#store.mailboxIds.value
      .map((id) => this.#store.mailboxes.get(id))
      .filter((found) => found !== undefined);
  }

  get tree(): MailboxNode[] {
    return mailboxTree(this.all.filter(({ myRights }) => myRights.mayReadItems));
  }

  get(id: Id): Mailbox | undefined {
    return this.#store.mailboxes.get(id);
  }

  withRole(role: Role): Mailbox | undefined {
    return this.all.find((mailbox) => mailbox.role === role);
  }

  /** By name, path or role, as it is typed. */
  named(name: string): Id | null {
    const wanted = name.toLowerCase();
    const found =
      this.all.find((mailbox) => mailbox.role === wanted) ??
      this.all.find((mailbox) => mailbox.name.toLowerCase() === wanted) ??
      this.all.find((mailbox) => this.path(mailbox).toLowerCase() === wanted);
    return found?.id ?? null;
  }

  path(mailbox: Mailbox): string {
    const parent = mailbox.parentId === null ? undefined : this.#store.mailboxes.peek(mailbox.parentId);
    return parent === undefined ? mailbox.name : `${this.path(parent)}/${mailbox.name}`;
  }

  async create(name: string, parentId: Id | null): Promise<Id> {
    const create = { new: { name, parentId } };
    const result = await this.#client.call('Mailbox/set', { create });
    demand([result.notCreated]);
    await this.#store.loadMailboxes();
    return result.created?.new?.id ?? '';
  }

  async update(id: Id, patch: { name?: string; parentId?: Id | null }): Promise<void> {
    const result = await this.#client.call('Mailbox/set', { update: { [id]: patch } });
    demand([result.notUpdated]);
    this.#store.mailboxes.merge([{ id, ...patch }]);
  }

  /** With the messages that are in no other mailbox. */
  async destroy(id: Id): Promise<void> {
    const result = await this.#client.call('Mailbox/set', { destroy: [id], onDestroyRemoveEmails: true });
    demand([result.notDestroyed]);
    await this.#store.loadMailboxes();
  }
}
