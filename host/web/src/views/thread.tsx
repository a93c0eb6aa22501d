/** A conversation: its messages by age, those that were read folded. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { plural, t } from '../i18n';
import { JmapError } from '../jmap/errors';
import type { EmailSummary, Id } from '../jmap/types';
import { answer } from '../state/answer';
import { Commands } from '../state/commands';
import { go, route, withThread } from '../state/route';
import { THREAD_PART } from '../state/store';
import { explain, showError } from '../state/toasts';
import { useAccount } from './context';
import { Icon } from './icons';
import { Labels } from './labels';
import { Message } from './message';
import { Empty, IconButton } from './parts';

export function ThreadView({ threadId }: { threadId: Id }) {
  const account = useAccount();
  const { store } = account;
  const error = useSignal<string | null>(null);
  /** The first that is shown; those before it come when they are asked for. */
  const first = useSignal<Id | null>(null);
  const load = () => {
    error.value = null;
    openThread(account, threadId)
      .then((id) => void (first.value ??= id))
      .catch((failure) => void (error.value = explain(failure)));
  };
  const thread = store.threads.get(threadId);
  const all = thread?.emailIds ?? [];
  const start = startOf(all, first.value);
  // What was known is forgotten where the server cannot say what changed: then it is loaded anew.
  useEffect(load, [threadId, thread === undefined]);
  const messages = visibleMessages(
    account,
    all.slice(start).map((id) => store.emails.get(id)),
  );
  const showEarlier = async () => {
    const from = Math.max(start - THREAD_PART, 0);
    try {
      await store.fetchEmails(store.emails.missing(all.slice(from, start)));
      first.value = all[from] ?? null;
    } catch (failure) {
      showError(failure);
    }
  };
  if (error.value !== null && messages.length === 0) {
    return (
      <Empty icon="warning" title={error.value}>
        <button type="button" class="button" onClick={load}>
          {t('action.retry')}
        </button>
      </Empty>
    );
  }
  if (thread === undefined || messages.length === 0) return <div class="thread" aria-busy="true" />;
  return <Conversation key={threadId} messages={messages} earlier={start} showEarlier={showEarlier} />;
}

/** Where what is shown of a thread begins: with that message, or its newest part. */
function startOf(all: readonly Id[], first: Id | null): number {
  const at = first === null ? -1 : all.indexOf(first);
  return at < 0 ? Math.max(all.length - THREAD_PART, 0) : at;
}

/** Loads the newest part of a thread; the first message of it. */
async function openThread(account: ReturnType<typeof useAccount>, threadId: Id): Promise<Id | null> {
  const { store } = account;
  if (!store.threads.has(threadId)) await store.fetchThreads([threadId]);
  const ids = store.threads.peek(threadId)?.emailIds.slice(-THREAD_PART);
  if (ids === undefined) throw new JmapError('notFound');
  await store.fetchEmails(store.emails.missing(ids));
  const unread = ids.filter((id) => store.emails.peek(id)?.keywords.$seen !== true);
  await store.open([...new Set([...unread, ...ids.slice(-1)])]);
  if (unread.length > 0 && !account.client.features.isReadOnly) await account.actions.markRead(unread, true);
  prefetchNext(account, threadId);
  return ids[0] ?? null;
}

/** What is likely to be opened next is there when it is. */
function prefetchNext(account: ReturnType<typeof useAccount>, threadId: Id): void {
  const { store, list } = account;
  const rows = list.peek()?.ids.peek() ?? [];
  const at = rows.findIndex((id) => id !== undefined && store.emails.peek(id)?.threadId === threadId);
  const next = at < 0 ? undefined : rows[at + 1];
  if (next !== undefined) void store.open([next]).catch(() => {});
}

/** Without what was thrown away, unless one looks at what was. */
function visibleMessages(
  account: ReturnType<typeof useAccount>,
  messages: (EmailSummary | undefined)[],
): EmailSummary[] {
  const current = account.list.value?.mailboxId ?? null;
  const hidden = [account.mailboxes.withRole('trash')?.id, account.mailboxes.withRole('junk')?.id];
  const known = messages.filter((message) => message !== undefined);
  const shown = known.filter(
    (message) =>
      (current !== null && message.mailboxIds[current]) ||
      !Object.keys(message.mailboxIds).every((id) => hidden.includes(id)),
  );
  return shown.length > 0 ? shown : known;
}

interface ConversationProps {
  messages: EmailSummary[];
  /** Messages before the first of these. */
  earlier: number;
  showEarlier: () => Promise<void>;
}

function Conversation({ messages, earlier, showEarlier }: ConversationProps) {
  const account = useAccount();
  const scroll = useRef<HTMLDivElement>(null);
  const title = useRef<HTMLHeadingElement>(null);
  // Which are open is decided when one comes, and does not change because they are read now.
  const first = useRef(new Set(messages.filter((one) => one.keywords.$seen !== true).map(({ id }) => id)));
  const last = messages.findLast((one) => one.keywords.$draft !== true) ?? messages.at(-1);
  const subject = messages[0]?.subject || t('message.noSubject');
  useEffect(() => {
    // On a phone the list is gone, and the focus with it.
    if (document.activeElement === document.body) title.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="thread">
      <ThreadBar />
      <div class="thread-scroll" ref={scroll}>
        <div class="thread-inner">
          <h1 class="thread-title" ref={title} tabIndex={-1}>
            {subject} {last && <Labels of={last} />}
          </h1>
          {earlier > 0 && (
            <button
              type="button"
              class="button thread-earlier"
              onClick={() => void keepInPlace(scroll.current, showEarlier)}
            >
              {plural('thread.earlier', earlier)}
            </button>
          )}
          {messages.map((message) => (
            <Message
              key={message.id}
              summary={message}
              isOpen={message === last || first.current.has(message.id)}
              isOnly={messages.length === 1}
            />
          ))}
          {account.features.canSubmit && last && <AnswerBar last={last} />}
        </div>
      </div>
    </div>
  );
}

/** What one looks at stays where it is, however much comes above it. */
async function keepInPlace(box: HTMLElement | null, change: () => Promise<void>): Promise<void> {
  const below = box === null ? 0 : box.scrollHeight - box.scrollTop;
  await change();
  requestAnimationFrame(() => {
    if (box !== null) box.scrollTop = box.scrollHeight - below;
  });
}

function AnswerBar({ last }: { last: EmailSummary }) {
  const account = useAccount();
  const isMany = (last.to?.length ?? 0) + (account.store.contents.get(last.id)?.cc?.length ?? 0) > 1;
  return (
    <div class="answer-bar">
      <button type="button" class="button" onClick={() => void answer(account, last.id, 'reply')}>
        <Icon name="reply" /> {t('action.reply')}
      </button>
      {isMany && (
        <button type="button" class="button" onClick={() => void answer(account, last.id, 'replyAll')}>
          <Icon name="replyAll" /> {t('action.replyAll')}
        </button>
      )}
      <button type="button" class="button" onClick={() => void answer(account, last.id, 'forward')}>
        <Icon name="forward" /> {t('action.forward')}
      </button>
    </div>
  );
}

function ThreadBar() {
  const account = useAccount();
  const commands = new Commands(account);
  const list = account.list.value;
  const isJunk = list?.mailboxId != null && list.mailboxId === account.mailboxes.withRole('junk')?.id;
  if (account.features.isReadOnly) return <BackBar />;
  return (
    <div class="thread-bar" role="toolbar" aria-label={t('thread.toolbar')}>
      <BackButton />
      {account.mailboxes.withRole('archive') && (
        <IconButton icon="archive" label={t('action.archive')} shortcut="e" onClick={() => commands.archive()} />
      )}
      {isJunk ? (
        <button type="button" class="button small" onClick={() => commands.notJunk()}>
          <Icon name="notJunk" /> {t('action.notJunk')}
        </button>
      ) : (
        <IconButton icon="junk" label={t('action.junk')} shortcut="!" onClick={() => commands.junk()} />
      )}
      <IconButton icon="trash" label={t('action.delete')} shortcut="#" onClick={() => void commands.trash()} />
      <span class="bar-rule" />
      <IconButton icon="unread" label={t('action.markUnread')} shortcut="U" onClick={() => commands.read(false)} />
      <IconButton icon="move" label={t('action.move')} shortcut="v" onClick={() => void commands.move()} />
      <IconButton icon="label" label={t('action.label')} shortcut="l" onClick={() => void commands.label()} />
      <span class="spacer" />
      <Position />
    </div>
  );
}

function BackBar() {
  return (
    <div class="thread-bar">
      <BackButton />
    </div>
  );
}

function BackButton() {
  return (
    <IconButton
      icon="back"
      label={t('action.back')}
      class="back-button"
      onClick={() => go(withThread(route.peek(), null))}
    />
  );
}

function Position() {
  const account = useAccount();
  const commands = new Commands(account);
  const list = account.list.value;
  const current = route.value;
  const threadId = current.page === 'settings' ? null : current.threadId;
  const at = (list?.ids.value ?? []).findIndex(
    (id) => id !== undefined && account.store.emails.get(id)?.threadId === threadId,
  );
  if (at < 0) return null;
  return (
    <span class="thread-position">
      <span class="thread-count">{plural('thread.position', list?.total.value ?? 0, { at: at + 1 })}</span>
      <IconButton
        icon="chevron"
        class="turn-back"
        label={t('shortcuts.previous')}
        shortcut="k"
        onClick={() => commands.step(-1)}
      />
      <IconButton icon="chevron" label={t('shortcuts.next')} shortcut="j" onClick={() => commands.step(1)} />
    </span>
  );
}
