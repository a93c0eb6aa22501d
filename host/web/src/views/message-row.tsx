import { useEffect, useRef } from 'preact/hooks';
import { plural, t } from '../i18n';
import { longDate, shortDate } from '../i18n/format';
import type { EmailAddress, EmailSummary, Id } from '../jmap/types';
import { nameOf, shortName, unique } from '../mail/addresses';
import { snippetSpans } from '../mail/snippet';
import { openDraft } from '../state/answer';
import { Commands } from '../state/commands';
import type { MessageList } from '../state/list';
import { route, routeHash, withThread } from '../state/route';
import { useAccount } from './context';
import { startDrag } from './drag';
import { Icon } from './icons';
import { Labels } from './labels';
import { Avatar, IconButton } from './parts';

interface RowProps {
  id: Id | undefined;
  index: number;
  total: number;
  top: number;
  list: MessageList;
}

export function MessageRow({ id, index, total, top, list }: RowProps) {
  const account = useAccount();
  const email = id === undefined ? undefined : account.store.emails.get(id);
  const style = { transform: `translateY(${top}px)` };
  if (id === undefined || email === undefined) {
    return (
      <li class="row loading" style={style} aria-hidden="true">
        <span class="ghost-avatar" />
        <span class="ghost-lines" />
      </li>
    );
  }
  return <LoadedRow id={id} email={email} index={index} total={total} style={style} list={list} />;
}

interface LoadedProps {
  id: Id;
  email: EmailSummary;
  index: number;
  total: number;
  style: { transform: string };
  list: MessageList;
}

function LoadedRow({ id, email, index, total, style, list }: LoadedProps) {
  const account = useAccount();
  const link = useRef<HTMLAnchorElement>(null);
  const { selection, store, mailboxes } = account;
  const current = route.value;
  const members = useMembers(email);
  // Of a long thread only the newest are known.
  const unknown = store.unknownMembers([id]).length;
  const size = members.length + unknown;
  const isUnread = members.some((member) => member.keywords.$seen !== true);
  const isOpen = current.page !== 'settings' && current.threadId === email.threadId;
  const isChosen = selection.has(id);
  const isCursor = selection.cursor.value === id;
  const isOutgoing = list.mailboxId !== null && ['sent', 'drafts'].includes(mailboxes.get(list.mailboxId)?.role ?? '');
  const subject = email.subject || t('message.noSubject');
  const people = isOutgoing ? (email.to ?? []) : unique(members.flatMap((member) => member.from ?? []));
  const isStarred = members.some((member) => member.keywords.$flagged === true);
  const isDraft = email.keywords.$draft === true;
  useEffect(() => {
    if (isCursor && document.activeElement?.closest('.rows')) link.current?.focus({ preventScroll: true });
  }, [isCursor]);
  const classes = ['row', isUnread && 'unread', isOpen && 'open', isChosen && 'chosen', isCursor && 'cursor'];
  return (
    <li class={classes.filter(Boolean).join(' ')} style={style} aria-setsize={total} aria-posinset={index + 1}>
      {/* biome-ignore lint/a11y/useSemanticElements: it shows an avatar until it is chosen */}
      <button
        type="button"
        class="row-choose"
        role="checkbox"
        aria-checked={isChosen}
        aria-label={t('list.select', { subject })}
        tabIndex={-1}
        onClick={(event) => (event.shiftKey ? selection.extend(id, list.ids.peek()) : selection.toggle(id))}
      >
        <Avatar of={isOutgoing ? email.to?.[0] : email.from?.[0]} />
        <span class="row-check" aria-hidden="true">
          <Icon name="check" size={18} />
        </span>
      </button>
      <a
        class="row-link"
        ref={link}
        href={routeHash(withThread(current, email.threadId))}
        aria-current={isOpen ? 'true' : undefined}
        draggable={!account.features.isReadOnly}
        onDragStart={(event) => startDrag(event, account, id)}
        tabIndex={isCursor || index === 0 ? 0 : -1}
        onMouseEnter={() => void store.open([id]).catch(() => {})}
        onFocus={() => void (selection.cursor.value = id)}
        onClick={(event) => choose(event, account, list, id, isDraft)}
      >
        <span class="row-head">
          <span class="row-people">
            {isDraft && <span class="row-draft">{t('message.draft')}</span>}
            {isOutgoing && people.length > 0 && <span class="hidden">{t('field.to')}: </span>}
            <People of={people} />
            {size > 1 && <span class="row-size"> {size}</span>}
          </span>
          {isUnread && <span class="hidden">{t('message.unread')}</span>}
          <time class="row-date" dateTime={email.receivedAt} title={longDate(email.receivedAt)}>
            {shortDate(email.receivedAt)}
          </time>
        </span>
        <Words email={email} subject={subject} isSearch={list.mailboxId === null} members={members} />
      </a>
      <IconButton
        icon="flagged"
        class={isStarred ? 'row-star on' : 'row-star'}
        filled={isStarred}
        label={t('action.star')}
        pressed={isStarred}
        tabIndex={-1}
        onClick={() => new Commands(account).star(isStarred ? members.map((member) => member.id) : [id])}
      />
    </li>
  );
}

/** The thread's messages that are neither drafts nor thrown away; at least the row's own. */
function useMembers(email: EmailSummary): EmailSummary[] {
  const { store, mailboxes } = useAccount();
  const trash = mailboxes.withRole('trash')?.id ?? '';
  const thread = store.threads.get(email.threadId);
  const members = (thread?.emailIds ?? []).map((id) => store.emails.get(id)).filter((member) => member !== undefined);
  const shown = members.filter(
    (member) => member.id === email.id || (!member.keywords.$draft && !member.mailboxIds[trash]),
  );
  return shown.length > 0 ? shown : [email];
}

function choose(
  event: MouseEvent,
  account: ReturnType<typeof useAccount>,
  list: MessageList,
  id: Id,
  isDraft: boolean,
): void {
  const { selection, features } = account;
  if (event.shiftKey || event.ctrlKey || event.metaKey) {
    event.preventDefault();
    if (event.shiftKey) selection.extend(id, list.ids.peek());
    else selection.toggle(id);
    return;
  }
  selection.cursor.value = id;
  if (isDraft && features.canSubmit) {
    event.preventDefault();
    void openDraft(account, id);
  }
}

function People({ of }: { of: EmailAddress[] }) {
  if (of.length === 0) return <>{t('message.nobody')}</>;
  if (of.length === 1) return <>{nameOf(of[0])}</>;
  const shown = of.slice(0, 3).map(shortName);
  const rest = of.length - shown.length;
  return <>{shown.join(', ') + (rest > 0 ? ` ${plural('list.more', rest)}` : '')}</>;
}

interface WordsProps {
  email: EmailSummary;
  subject: string;
  isSearch: boolean;
  members: EmailSummary[];
}

function Words({ email, subject, isSearch, members }: WordsProps) {
  const account = useAccount();
  const snippet = isSearch ? account.snippets.found.value.get(email.id) : undefined;
  const hasAttachment = members.some((member) => member.hasAttachment);
  return (
    <>
      <span class="row-subject">
        <span class="row-subject-text">{snippet?.subject ? <Marked html={snippet.subject} /> : subject}</span>
        {email.keywords.$answered && <Icon name="reply" size={15} />}
        {email.keywords.$forwarded && <Icon name="forward" size={15} />}
        {hasAttachment && (
          <>
            <Icon name="attachment" size={15} />
            <span class="hidden">{t('message.hasAttachment')}</span>
          </>
        )}
      </span>
      <span class="row-preview">
        <Labels of={email} />
        {snippet?.preview ? <Marked html={snippet.preview} /> : email.preview}
      </span>
    </>
  );
}

function Marked({ html }: { html: string }) {
  // The places of the pieces are all that tells them apart.
  return <>{snippetSpans(html).map(({ text, marked }, index) => (marked ? <mark key={index}>{text}</mark> : text))}</>;
}
