/** Keys of the page, as Gmail and others have taught them. */
import { type MessageKey, t } from '../i18n';
import type { Role } from '../jmap/types';
import type { Account } from '../state/account';
import { undoLast } from '../state/actions';
import { newMessage } from '../state/answer';
import { Commands } from '../state/commands';
import { composing } from '../state/compose';
import { dialog, showShortcuts } from '../state/dialogs';
import { go, route, withThread } from '../state/route';
import { settings } from '../state/settings';
import { isDrawerOpen } from './drawer';

export interface Shortcut {
  keys: string[];
  label: MessageKey;
  run: (account: Account, commands: Commands) => void;
  /** Nothing to show where the account cannot send. */
  submits?: boolean;
}

const goTo = (role: Role) => (account: Account) => {
  const mailbox = account.mailboxes.withRole(role);
  if (mailbox !== undefined) go({ page: 'box', mailboxId: mailbox.id, threadId: null });
};

export const SHORTCUTS: { title: MessageKey; list: Shortcut[] }[] = [
  {
    title: 'shortcuts.navigate',
    list: [
      { keys: ['j'], label: 'shortcuts.next', run: (_, commands) => commands.step(1) },
      { keys: ['k'], label: 'shortcuts.previous', run: (_, commands) => commands.step(-1) },
      { keys: ['Enter', 'o'], label: 'shortcuts.open', run: (_, commands) => commands.open() },
      { keys: ['u', 'Escape'], label: 'shortcuts.back', run: back },
      { keys: ['/'], label: 'action.search', run: () => focusOn('.search input') },
      { keys: ['g i'], label: 'shortcuts.goInbox', run: goTo('inbox') },
      { keys: ['g d'], label: 'shortcuts.goDrafts', run: goTo('drafts') },
      { keys: ['g s'], label: 'shortcuts.goSent', run: goTo('sent') },
      { keys: ['g a'], label: 'shortcuts.goArchive', run: goTo('archive') },
      { keys: ['?'], label: 'shortcuts.help', run: () => void showShortcuts() },
    ],
  },
  {
    title: 'shortcuts.messages',
    list: [
      { keys: ['x'], label: 'shortcuts.select', run: toggleCursor },
      { keys: ['* a'], label: 'shortcuts.selectAll', run: selectAll },
      { keys: ['e'], label: 'action.archive', run: (_, commands) => commands.archive() },
      { keys: ['#', 'Delete'], label: 'action.delete', run: (_, commands) => void commands.trash() },
      { keys: ['!'], label: 'action.junk', run: (_, commands) => commands.junk() },
      { keys: ['s'], label: 'action.star', run: (_, commands) => commands.star() },
      { keys: ['I'], label: 'action.markRead', run: (_, commands) => commands.read(true) },
      { keys: ['U'], label: 'action.markUnread', run: (_, commands) => commands.read(false) },
      { keys: ['v'], label: 'action.move', run: (_, commands) => void commands.move() },
      { keys: ['l'], label: 'action.label', run: (_, commands) => void commands.label() },
      { keys: ['z'], label: 'action.undo', run: undoLast },
    ],
  },
  {
    title: 'shortcuts.writing',
    list: [
      { keys: ['c'], label: 'action.compose', submits: true, run: (account) => void newMessage(account) },
      { keys: ['r'], label: 'action.reply', submits: true, run: (_, commands) => commands.answer('reply') },
      { keys: ['a'], label: 'action.replyAll', submits: true, run: (_, commands) => commands.answer('replyAll') },
      { keys: ['f'], label: 'action.forward', submits: true, run: (_, commands) => commands.answer('forward') },
    ],
  },
];

function back(account: Account): void {
  if (isDrawerOpen.peek()) return void (isDrawerOpen.value = false);
  if (account.selection.ids.peek().size > 0) return account.selection.clear();
  const current = route.peek();
  if (current.page === 'settings') go({ page: 'box', mailboxId: null, threadId: null });
  else if (current.threadId !== null) go(withThread(current, null));
  else if (current.page === 'search') go({ page: 'box', mailboxId: null, threadId: null });
}

function toggleCursor(account: Account): void {
  const cursor = account.selection.cursor.peek();
  if (cursor !== null) account.selection.toggle(cursor);
}

function selectAll(account: Account): void {
  account.selection.all(account.list.peek()?.ids.peek() ?? []);
}

export function focusOn(selector: string): void {
  document.querySelector<HTMLElement>(selector)?.focus();
}

/** Keys as they are written in the list above, with the one before for those of two. */
export function shortcutFor(key: string, before: string | null): Shortcut | 'prefix' | null {
  const wanted = before === null ? key : `${before} ${key}`;
  const all = SHORTCUTS.flatMap(({ list }) => list);
  const found = all.find(({ keys }) => keys.includes(wanted));
  if (found !== undefined) return found;
  return before === null && all.some(({ keys }) => keys.some((one) => one.startsWith(`${key} `))) ? 'prefix' : null;
}

export function keyLabel(key: string): string {
  return key === 'Escape' ? t('key.escape') : key === 'Delete' ? t('key.delete') : key;
}

function isTyping(target: EventTarget | null): boolean {
  const element = target instanceof Element ? target : null;
  return element?.closest('input, textarea, select, [contenteditable=true], [role=menu]') != null;
}

/** Listens until the returned function is called. Frames of mail pass their keys on to the same listener. */
export function startKeyboard(account: Account): { handle: (event: KeyboardEvent) => void; stop: () => void } {
  const commands = new Commands(account);
  let before: string | null = null;
  let forget: ReturnType<typeof setTimeout> | undefined;
  const handle = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || dialog.peek() !== null) return;
    if (isTyping(event.target) || !settings.peek().shortcuts) return;
    if (composing.peek() !== null && event.target instanceof Element && event.target.closest('.composer')) return;
    // A focused button or link has Enter for itself.
    if (event.key === 'Enter' && event.target instanceof Element && event.target.closest('a, button')) return;
    const found = shortcutFor(event.key, before);
    clearTimeout(forget);
    before = null;
    if (found === null) return;
    event.preventDefault();
    if (found === 'prefix') {
      before = event.key;
      forget = setTimeout(() => {
        before = null;
      }, 1_500);
    } else if (!found.submits || account.features.canSubmit) found.run(account, commands);
  };
  addEventListener('keydown', handle);
  return { handle, stop: () => removeEventListener('keydown', handle) };
}
