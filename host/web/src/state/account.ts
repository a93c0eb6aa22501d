/** Everything of one login: the connection, what is known, and what follows changes. */
import { signal } from '@preact/signals';
import { type MessageKey, t } from '../i18n';
import type { Authenticator } from '../jmap/auth';
import { Client } from '../jmap/client';
import { JmapError } from '../jmap/errors';
import { Owner } from '../jmap/owner';
import { SharedPush } from '../jmap/shared-push';
import { Capability, type Filter, type Id, type Identity, type Quota, type StateChange } from '../jmap/types';
import { parseSearch } from '../mail/search';
import { Actions } from './actions';
import { MessageList } from './list';
import { Mailboxes } from './mailboxes';
import { Outbox } from './outbox';
import { Selection } from './selection';
import { Snippets } from './snippets';
import { MailStore } from './store';
import { Sync } from './sync';
import { showError } from './toasts';

export class Account {
  readonly client: Client;
  readonly owner: Owner;
  readonly store: MailStore;
  readonly mailboxes: Mailboxes;
  readonly actions: Actions;
  readonly sync: Sync;
  readonly outbox: Outbox;
  readonly snippets: Snippets;
  readonly selection = new Selection();
  readonly list = signal<MessageList | null>(null);
  readonly identities = signal<Identity[]>([]);
  readonly quotas = signal<Quota[]>([]);
  /** Rises with each new Session, so that what shows features is shown anew. */
  readonly sessionVersion = signal(0);
  readonly #push: SharedPush;
  /** The states of what is always fetched whole. */
  readonly #states: Record<string, string> = {};

  private constructor(client: Client) {
    this.client = client;
    this.owner = new Owner(client.transport);
    this.store = new MailStore(client);
    this.mailboxes = new Mailboxes(client, this.store);
    this.actions = new Actions(this);
    this.outbox = new Outbox(this);
    this.snippets = new Snippets(client);
    this.sync = new Sync(client, this.store, { onEmails: (created) => this.#onEmails(created) });
    this.#push = new SharedPush(client, {
      onChange: (change) => void this.#onChange(change),
      onOpen: () => void this.#catchUp(),
    });
    client.onSession(() => {
      this.sessionVersion.value++;
    });
  }

  static async open(auth: Authenticator, onUnauthorized: () => void): Promise<Account> {
    let isOpen = false;
    const client = await Client.connect(auth, {
      onReach: (reached) => void (isOnline.value = reached),
      onUnauthorized: () => isOpen && onUnauthorized(),
    });
    const account = new Account(client);
    isOpen = true;
    await account.store.loadMailboxes();
    void account.#push.run();
    document.addEventListener('visibilitychange', account.#onVisible);
    account.loadIdentities().catch(showError);
    account.loadQuotas().catch(showError);
    return account;
  }

  get features() {
    void this.sessionVersion.value;
    return this.client.features;
  }

  async loadIdentities(): Promise<void> {
    if (!this.features.has(Capability.submission)) return;
    const result = await this.client.call('Identity/get', { ids: null });
    this.#states.Identity = result.state;
    this.identities.value = result.list;
  }

  async loadQuotas(): Promise<void> {
    if (!this.features.has(Capability.quota)) return;
    const result = await this.client.call('Quota/get', { ids: null });
    this.#states.Quota = result.state;
    this.quotas.value = result.list;
  }

  /** Shows a mailbox; the same list as before if it is shown already. */
  showMailbox(mailboxId: Id): void {
    if (this.list.peek()?.mailboxId === mailboxId) return;
    this.#show(new MessageList(this.client, this.store, { inMailbox: mailboxId }, mailboxId));
  }

  showSearch(query: string): void {
    const filter = this.searchFilter(query);
    if (filter === null) return;
    const shown = this.list.peek();
    if (shown?.mailboxId === null && JSON.stringify(shown.filter) === JSON.stringify(filter)) return;
    this.#show(new MessageList(this.client, this.store, filter, null));
  }

  searchFilter(query: string): Filter | null {
    const exclude = [this.mailboxes.withRole('trash')?.id, this.mailboxes.withRole('junk')?.id];
    return parseSearch(query, {
      mailbox: (name) => this.mailboxes.named(name),
      exclude: exclude.filter((id) => id !== undefined),
    });
  }

  #show(list: MessageList): void {
    this.selection.clear();
    this.list.value = list;
  }

  /** The name of a mailbox: in the reader's language if it is one that every account has. */
  mailboxName(id: Id): string {
    const mailbox = this.mailboxes.get(id);
    if (mailbox === undefined) return '';
    return mailbox.role === null ? mailbox.name : t(`role.${mailbox.role}` as MessageKey);
  }

  async #onChange(change: StateChange): Promise<void> {
    const changed = change.changed[this.client.accountId] ?? {};
    const isOther = (type: string) => changed[type] !== undefined && changed[type] !== this.#states[type];
    if (isOther('Identity')) this.loadIdentities().catch(showError);
    if (isOther('Quota')) this.loadQuotas().catch(showError);
    // What is being caught up with may be this very change.
    await this.sync.settled();
    const news = Object.entries(changed).some(([type, state]) => this.sync.isNews(type, state));
    if (news) await this.sync.run();
  }

  async #onEmails(created: Id[]): Promise<void> {
    void created;
    await this.list.peek()?.follow();
  }

  /** After a silence: what changed, and what could not be loaded. */
  async #catchUp(): Promise<void> {
    await this.sync.run();
    if (this.list.peek()?.error.peek()) await this.list.peek()?.retry();
  }

  /** A computer that slept has heard nothing. */
  readonly #onVisible = () => {
    if (document.visibilityState === 'visible') void this.#catchUp();
  };

  async close(): Promise<void> {
    document.removeEventListener('visibilitychange', this.#onVisible);
    this.#push.stop();
    await this.outbox.flush();
  }
}

export const account = signal<Account | null>(null);
export const isOnline = signal(true);

export function isRefusal(error: unknown): boolean {
  return error instanceof JmapError && error.type === 'unauthorized';
}
