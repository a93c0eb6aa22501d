/** What is done to messages: shown at once, then asked of the server, taken back if it refuses. */
import { batch as together } from '@preact/signals';
import { plural, t } from '../i18n';
import { demand } from '../jmap/client';
import { SetError } from '../jmap/errors';
import type { Patch } from '../jmap/methods';
import type { EmailSummary, Id } from '../jmap/types';
import type { Account } from './account';
import { applyPatch, type EmailPatches, inverse, keywordPath, mailboxPath } from './patch';
import { hideToast, showError, showToast } from './toasts';

/** What one last did that can be taken back. */
let lastUndo: (() => void) | null = null;

export function undoLast(): void {
  const undo = lastUndo;
  lastUndo = null;
  undo?.();
}

export function offerUndo(text: string, undo: () => void): void {
  lastUndo = undo;
  showToast(text, { action: { label: t('action.undo'), run: undoLast } });
}

export class Actions {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  /** Messages that an action on rows is about: those of the thread that are in the list's mailbox. */
  membersOf(rows: readonly Id[]): Id[] {
    const { store, mailboxes } = this.#account;
    const mailboxId = this.#account.list.peek()?.mailboxId ?? null;
    const hidden = (['sent', 'drafts', 'trash', 'junk'] as const).map((role) => mailboxes.withRole(role)?.id);
    const members = rows.flatMap((row) => {
      const email = store.emails.peek(row);
      const thread = email && store.threads.peek(email.threadId);
      const inScope = (thread?.emailIds ?? [row]).filter((id) => {
        const member = store.emails.peek(id);
        if (member === undefined) return false;
        if (mailboxId !== null) return member.mailboxIds[mailboxId] === true;
        return id === row || !Object.keys(member.mailboxIds).every((place) => hidden.includes(place));
      });
      return inScope.length > 0 ? inScope : [row];
    });
    return [...new Set(members)];
  }

  /** Whether something has to be waited for before an action is about all that it should be. */
  #lacks(rows: readonly Id[]): boolean {
    return this.#account.store.unknownMembers(rows).length > 0;
  }

  /** Fetches what is not known yet of the rows' threads, so that an action is about all of their messages. */
  async #completed(rows: readonly Id[]): Promise<boolean> {
    const toast = showToast(t('status.working'), { seconds: null });
    try {
      await this.#account.store.fetchEmails(this.#account.store.unknownMembers(rows));
      return true;
    } catch (error) {
      showError(error);
      return false;
    } finally {
      hideToast(toast);
    }
  }

  /** The members of rows, all of them. */
  async allMembersOf(rows: readonly Id[]): Promise<Id[]> {
    if (this.#lacks(rows) && !(await this.#completed(rows))) return [];
    return this.membersOf(rows);
  }

  async setKeyword(ids: readonly Id[], keyword: string, on: boolean): Promise<void> {
    const changed = ids.filter((id) => (this.#account.store.emails.peek(id)?.keywords[keyword] === true) !== on);
    await this.#apply(patches(changed, { [keywordPath(keyword)]: on || null }));
  }

  markRead(ids: readonly Id[], read: boolean): Promise<void> {
    return this.setKeyword(ids, '$seen', read);
  }

  /** Moves rows of the current list away, with a way back. */
  async move(rows: readonly Id[], targetId: Id, text: string, keywords: Patch = {}): Promise<void> {
    const list = this.#account.list.peek();
    const change: EmailPatches = {};
    if (this.#lacks(rows) && !(await this.#completed(rows))) return;
    for (const id of this.membersOf(rows)) {
      const email = this.#account.store.emails.peek(id);
      if (email !== undefined) change[id] = { ...placesPatch(email, list?.mailboxId ?? null, targetId), ...keywords };
    }
    const back = this.#inverse(change);
    if (list?.mailboxId !== null && list?.mailboxId !== targetId) list?.take(rows);
    offerUndo(text, () => void this.#apply(back));
    await this.#apply(change);
  }

  async archive(rows: readonly Id[]): Promise<void> {
    const archive = this.#account.mailboxes.withRole('archive');
    if (archive) await this.move(rows, archive.id, plural('done.archived', rows.length));
  }

  async junk(rows: readonly Id[]): Promise<void> {
    const junk = this.#account.mailboxes.withRole('junk');
    const keywords = { [keywordPath('$junk')]: true, [keywordPath('$notjunk')]: null };
    if (junk) await this.move(rows, junk.id, plural('done.junk', rows.length), keywords);
  }

  async notJunk(rows: readonly Id[]): Promise<void> {
    const inbox = this.#account.mailboxes.withRole('inbox');
    const keywords = { [keywordPath('$junk')]: null, [keywordPath('$notjunk')]: true };
    if (inbox) await this.move(rows, inbox.id, plural('done.notJunk', rows.length), keywords);
  }

  async moveTo(rows: readonly Id[], targetId: Id): Promise<void> {
    const name = this.#account.mailboxName(targetId);
    await this.move(rows, targetId, plural('done.moved', rows.length, { name }));
  }

  /** Into the trash. What is there already is to be destroyed, which `isDestroying` tells so that one can ask. */
  async trash(rows: readonly Id[]): Promise<void> {
    const trash = this.#account.mailboxes.withRole('trash');
    if (trash) await this.move(rows, trash.id, plural('done.trashed', rows.length));
  }

  get isDestroying(): boolean {
    const trash = this.#account.mailboxes.withRole('trash');
    return trash === undefined || this.#account.list.peek()?.mailboxId === trash.id;
  }

  async destroy(rows: readonly Id[]): Promise<void> {
    const list = this.#account.list.peek();
    if (this.#lacks(rows) && !(await this.#completed(rows))) return;
    const ids = this.membersOf(rows);
    list?.take(rows);
    try {
      for (const chunk of this.#chunks(ids)) {
        demand([(await this.#account.client.call('Email/set', { destroy: chunk })).notDestroyed]);
      }
      showToast(plural('done.destroyed', rows.length));
    } catch (error) {
      showError(error);
    }
    await this.#settle();
  }

  #inverse(change: EmailPatches): EmailPatches {
    const back: EmailPatches = {};
    for (const [id, patch] of Object.entries(change)) {
      const email = this.#account.store.emails.peek(id);
      if (email !== undefined) back[id] = inverse(email, patch);
    }
    return back;
  }

  async #apply(change: EmailPatches): Promise<void> {
    if (Object.keys(change).length === 0) return;
    const back = this.#inverse(change);
    this.#show(change);
    try {
      for (const ids of this.#chunks(Object.keys(change))) await this.#send(change, ids, back);
    } catch (error) {
      this.#show(back);
      showError(error);
    }
    await this.#settle();
  }

  async #send(change: EmailPatches, ids: Id[], back: EmailPatches): Promise<void> {
    const update = Object.fromEntries(ids.map((id) => [id, change[id] ?? {}]));
    const result = await this.#account.client.call('Email/set', { update });
    for (const [id, refused] of Object.entries(result.notUpdated ?? {})) {
      const patch = back[id];
      if (patch !== undefined) this.#show({ [id]: patch });
      showError(new SetError(refused));
    }
  }

  #show(change: EmailPatches): void {
    const { emails } = this.#account.store;
    together(() => {
      for (const [id, patch] of Object.entries(change)) {
        const email = emails.peek(id);
        if (email !== undefined) emails.put([applyPatch(email, patch)]);
      }
    });
  }

  /** Counts and lists are the server's to say. */
  async #settle(): Promise<void> {
    await this.#account.sync.run();
  }

  #chunks(ids: readonly Id[]): Id[][] {
    const size = this.#account.client.features.core.maxObjectsInSet;
    const chunks: Id[][] = [];
    for (let at = 0; at < ids.length; at += size) chunks.push(ids.slice(at, at + size));
    return chunks;
  }
}

function patches(ids: readonly Id[], patch: Patch): EmailPatches {
  return Object.fromEntries(ids.map((id) => [id, patch]));
}

/** From the mailbox one is in, or from all if one is in none. */
function placesPatch(email: EmailSummary, fromId: Id | null, targetId: Id): Patch {
  const leaves = fromId !== null ? [fromId] : Object.keys(email.mailboxIds);
  const patch: Patch = Object.fromEntries(leaves.map((id) => [mailboxPath(id), null]));
  return { ...patch, [mailboxPath(targetId)]: true };
}
