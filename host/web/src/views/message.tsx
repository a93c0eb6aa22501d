import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import { t } from '../i18n';
import { longDate, shortDate } from '../i18n/format';
import type { EmailAddress, EmailContent, EmailSummary } from '../jmap/types';
import { formatAddress, nameOf, sameAddress } from '../mail/addresses';
import { answer, openDraft } from '../state/answer';
import { saveBlob } from '../state/download';
import { explain } from '../state/toasts';
import { isWhyOffered } from '../state/why';
import { useAccount } from './context';
import { Icon } from './icons';
import { MessageBody } from './message-body';
import { Avatar, IconButton, Menu, type MenuItem } from './parts';
import { WhyPanel } from './why-panel';

interface MessageProps {
  summary: EmailSummary;
  /** Whether it begins open. */
  isOpen: boolean;
  isOnly: boolean;
}

export function Message({ summary, isOpen: beginsOpen, isOnly }: MessageProps) {
  const account = useAccount();
  const isOpen = useSignal(beginsOpen);
  const hasDetails = useSignal(false);
  const error = useSignal<string | null>(null);
  const content = account.store.contents.get(summary.id);
  const bodyId = useId();
  useEffect(() => {
    if (!isOpen.value || content !== undefined) return;
    account.store.open([summary.id]).catch((failure) => void (error.value = explain(failure)));
  }, [isOpen.value]);
  const isDraft = summary.keywords.$draft === true;
  const from = summary.from?.[0];
  if (!isOpen.value) {
    return (
      <article class="message folded" aria-label={nameOf(from)}>
        <button type="button" class="message-unfold" aria-expanded="false" onClick={() => void (isOpen.value = true)}>
          <Avatar of={from} />
          <span class="message-from">{nameOf(from) || t('message.nobody')}</span>
          {isDraft && <span class="row-draft">{t('message.draft')}</span>}
          <span class="message-preview">{summary.preview}</span>
          <time dateTime={summary.receivedAt}>{shortDate(summary.receivedAt)}</time>
        </button>
      </article>
    );
  }
  return (
    <article class="message" aria-label={nameOf(from)}>
      <header class="message-head">
        <Avatar of={from} />
        <div class="message-who">
          <div class="message-line">
            <span class="message-from">{nameOf(from) || t('message.nobody')}</span>
            {from?.name && <span class="message-address">{from.email}</span>}
            {isDraft && <span class="row-draft">{t('message.draft')}</span>}
          </div>
          <Recipients summary={summary} content={content} isOpen={hasDetails} />
        </div>
        <time class="message-date" dateTime={summary.receivedAt} title={longDate(summary.receivedAt)}>
          {shortDate(summary.receivedAt)}
        </time>
        <MessageTools summary={summary} isDraft={isDraft} onFold={isOnly ? null : () => void (isOpen.value = false)} />
      </header>
      {hasDetails.value && <Details summary={summary} content={content} />}
      <div class="message-body" id={bodyId}>
        {error.value !== null && <p class="message-error">{error.value}</p>}
        {content !== undefined && <MessageBody email={{ ...summary, ...content }} />}
        {content === undefined && error.value === null && <div class="ghost-body" aria-busy="true" />}
      </div>
      {isWhyOffered(account.client) && <WhyPanel emailId={summary.id} />}
    </article>
  );
}

interface ToolsProps {
  summary: EmailSummary;
  isDraft: boolean;
  onFold: (() => void) | null;
}

function MessageTools({ summary, isDraft, onFold }: ToolsProps) {
  const account = useAccount();
  const { id } = summary;
  const isStarred = summary.keywords.$flagged === true;
  const canSubmit = account.features.canSubmit;
  const items: MenuItem[] = [];
  if (canSubmit) {
    items.push({ label: t('action.replyAll'), icon: 'replyAll', run: () => void answer(account, id, 'replyAll') });
    items.push({ label: t('action.forward'), icon: 'forward', run: () => void answer(account, id, 'forward') });
  }
  const original = { blobId: summary.blobId, name: `${summary.subject || 'message'}.eml`, type: 'message/rfc822' };
  items.push({ label: t('message.download'), icon: 'download', run: () => void saveBlob(account.client, original) });
  if (onFold !== null) items.push({ label: t('message.fold'), icon: 'down', run: onFold });
  return (
    <div class="message-tools">
      <IconButton
        icon="flagged"
        class={isStarred ? 'row-star on' : 'row-star'}
        filled={isStarred}
        pressed={isStarred}
        label={t('action.star')}
        onClick={() => void account.actions.setKeyword([id], '$flagged', !isStarred)}
      />
      {canSubmit && isDraft && (
        <IconButton icon="drafts" label={t('action.editDraft')} onClick={() => void openDraft(account, id)} />
      )}
      {canSubmit && !isDraft && (
        <IconButton icon="reply" label={t('action.reply')} onClick={() => void answer(account, id, 'reply')} />
      )}
      <Menu label={t('message.menu')} items={items} />
    </div>
  );
}

interface RecipientsProps {
  summary: EmailSummary;
  content: EmailContent | undefined;
}

/** To whom it went, in a few words; pressed, it shows the rest. */
function Recipients({ summary, content, isOpen }: RecipientsProps & { isOpen: Signal<boolean> }) {
  const own = useAccount().identities.value;
  const nameFor = (address: EmailAddress) =>
    own.some((identity) => sameAddress(identity, address)) ? t('message.me') : nameOf(address);
  const all = [...(summary.to ?? []), ...(content?.cc ?? [])];
  const shown = all.slice(0, 3).map(nameFor).join(', ');
  const rest = all.length > 3 ? ` +${all.length - 3}` : '';
  return (
    <button
      type="button"
      class="message-to"
      aria-expanded={isOpen.value}
      onClick={() => void (isOpen.value = !isOpen.value)}
    >
      {all.length > 0 ? t('message.to', { names: shown + rest }) : t('message.toNobody')}
      <Icon name="down" size={14} />
    </button>
  );
}

function Details({ summary, content }: RecipientsProps) {
  const rows: [string, EmailAddress[] | null | undefined][] = [
    [t('field.from'), summary.from],
    [t('field.replyTo'), content?.replyTo],
    [t('field.to'), summary.to],
    [t('field.cc'), content?.cc],
    [t('field.bcc'), content?.bcc],
  ];
  return (
    <dl class="message-details">
      {rows.map(([label, addresses]) =>
        addresses?.length ? (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{addresses.map(formatAddress).join(', ')}</dd>
          </div>
        ) : null,
      )}
      <div>
        <dt>{t('field.date')}</dt>
        <dd>{longDate(content?.sentAt ?? summary.receivedAt)}</dd>
      </div>
    </dl>
  );
}
