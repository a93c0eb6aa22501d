/** What buttons and keys do: on the chosen rows, else on the open thread, else on the row at the cursor. */

import { plural, t } from '../i18n';
import type { Id } from '../jmap/types';
import type { Account } from './account';
import { type AnswerKind, answer } from './answer';
import { confirm, editLabels, pickMailbox } from './dialogs';
import { go, route, withThread } from './route';

const PHONE = '(max-width: 760px)';

/** The row of the open thread. */
export function openRow(account: Account): Id | null {
  const current = route.peek();
  const threadId = current.page === 'settings' ? null : current.threadId;
  if (threadId === null) return null;
  const rows = account.list.peek()?.ids.peek() ?? [];
  const row = rows.find((id) => id !== undefined && account.store.emails.peek(id)?.threadId === threadId);
  return row ?? account.store.threads.peek(threadId)?.emailIds.at(-1) ?? null;
}

export function targets(account: Account): Id[] {
  const chosen = [...account.selection.ids.peek()];
  if (chosen.length > 0) return chosen;
  const open = openRow(account);
  if (open !== null) return [open];
  const cursor = account.selection.cursor.peek();
  return cursor === null ? [] : [cursor];
}

/** Runs what takes rows away, and shows what is next. */
function leave(account: Account, rows: Id[], run: (rows: Id[]) => Promise<void>): void {
  if (rows.length === 0) return;
  const next = nextThread(account, rows);
  const open = openRow(account);
  account.selection.clear();
  void run(rows);
  if (open !== null && rows.includes(open)) {
    go(withThread(route.peek(), matchMedia(PHONE).matches ? null : next), true);
  }
}

function nextThread(account: Account, rows: Id[]): Id | null {
  const ids = account.list.peek()?.ids.peek() ?? [];
  const last = Math.max(...rows.map((row) => ids.indexOf(row)));
  const after = ids.slice(last + 1).find((id) => id !== undefined && !rows.includes(id));
  const before = ids.slice(0, Math.max(last, 0)).findLast((id) => id !== undefined && !rows.includes(id));
  const next = after ?? before;
  if (next !== undefined) account.selection.cursor.value = next;
  return next === undefined ? null : (account.store.emails.peek(next)?.threadId ?? null);
}

export class Commands {
  readonly #account: Account;

  constructor(account: Account) {
    this.#account = account;
  }

  archive = (rows = targets(this.#account)) => leave(this.#account, rows, (ids) => this.#account.actions.archive(ids));

  junk = (rows = targets(this.#account)) => leave(this.#account, rows, (ids) => this.#account.actions.junk(ids));

  notJunk = (rows = targets(this.#account)) => leave(this.#account, rows, (ids) => this.#account.actions.notJunk(ids));

  trash = async (rows = targets(this.#account)) => {
    if (rows.length === 0) return;
    const { actions } = this.#account;
    if (!actions.isDestroying) return leave(this.#account, rows, (ids) => actions.trash(ids));
    const sure = await confirm({
      title: plural('confirm.destroy.title', rows.length),
      text: t('confirm.destroy.text'),
      action: t('action.destroy'),
      isDanger: true,
    });
    if (sure) leave(this.#account, rows, (ids) => actions.destroy(ids));
  };

  move = async (rows = targets(this.#account)) => {
    if (rows.length === 0) return;
    const target = await pickMailbox(plural('dialog.move', rows.length));
    if (target !== null) this.moveTo(target, rows);
  };

  moveTo = (target: Id, rows: Id[]) => leave(this.#account, rows, (ids) => this.#account.actions.moveTo(ids, target));

  label = async (rows = targets(this.#account)) => {
    const members = await this.#account.actions.allMembersOf(rows);
    if (members.length > 0) await editLabels(members);
  };

  star = (rows = targets(this.#account)) => {
    const { store, actions } = this.#account;
    const on = rows.some((id) => store.emails.peek(id)?.keywords.$flagged !== true);
    void actions.setKeyword(rows, '$flagged', on);
  };

  read = (read: boolean, rows = targets(this.#account)) => {
    const { actions, selection } = this.#account;
    void actions.allMembersOf(rows).then((members) => actions.markRead(members, read));
    selection.clear();
    if (!read && openRow(this.#account) !== null) go(withThread(route.peek(), null));
  };

  answer = (kind: AnswerKind) => {
    const { store, features } = this.#account;
    const open = openRow(this.#account);
    const thread = open === null ? undefined : store.threads.peek(store.emails.peek(open)?.threadId ?? '');
    const last = thread?.emailIds.findLast((id) => store.emails.peek(id)?.keywords.$draft !== true) ?? open;
    if (last !== null && features.canSubmit) void answer(this.#account, last, kind);
  };

  /** Opens the row so many rows from the one at hand, or goes there only if none is open. */
  step = (by: number) => {
    const { list, selection, store } = this.#account;
    const ids = list.peek()?.ids.peek() ?? [];
    const from = openRow(this.#account) ?? selection.cursor.peek();
    const at = from === null ? -1 : ids.indexOf(from);
    const next = ids[Math.min(Math.max(at + by, 0), ids.length - 1)];
    if (next === undefined) return;
    selection.cursor.value = next;
    const current = route.peek();
    const threadId = store.emails.peek(next)?.threadId;
    if (current.page !== 'settings' && current.threadId !== null && threadId) go(withThread(current, threadId), true);
  };

  open = () => {
    const cursor = this.#account.selection.cursor.peek();
    const threadId = cursor === null ? undefined : this.#account.store.emails.peek(cursor)?.threadId;
    if (threadId !== undefined) go(withThread(route.peek(), threadId));
  };
}
