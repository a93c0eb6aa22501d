/** The list with what stands above it: search, title, and what can be done to chosen rows. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { formatNumber, plural, t } from '../i18n';
import { newMessage } from '../state/answer';
import { Commands, targets } from '../state/commands';
import { go, route } from '../state/route';
import { useAccount } from './context';
import { isDrawerOpen } from './drawer';
import { Icon } from './icons';
import { MessageRows } from './message-rows';
import { IconButton } from './parts';

export function ListPane() {
  const account = useAccount();
  const list = account.list.value;
  const chosen = account.selection.ids.value.size;
  useSignalEffect(() => {
    const shown = account.list.value;
    if (shown !== null) account.selection.keep(shown.ids.value);
  });
  return (
    <section class="list-pane" aria-label={t('list.label')}>
      <div class="list-top">
        <IconButton
          icon="menu"
          label={t('mailbox.all')}
          class="drawer-button"
          onClick={() => void (isDrawerOpen.value = true)}
        />
        <SearchField />
      </div>
      {chosen > 0 ? <SelectionBar count={chosen} /> : <ListTitle />}
      {list !== null && <MessageRows key={`${list.mailboxId}${JSON.stringify(list.filter)}`} list={list} />}
      {account.features.canSubmit && (
        <button
          type="button"
          class="compose-float"
          aria-label={t('action.compose')}
          onClick={() => void newMessage(account)}
        >
          <Icon name="compose" size={24} />
        </button>
      )}
    </section>
  );
}

function listName(account: ReturnType<typeof useAccount>): string {
  const mailboxId = account.list.value?.mailboxId;
  return mailboxId ? account.mailboxName(mailboxId) : t('list.results');
}

function ListTitle() {
  const account = useAccount();
  const list = account.list.value;
  const total = list?.total.value;
  return (
    <div class="list-title">
      <h1>{listName(account)}</h1>
      <span aria-live="polite">{total != null && plural('list.count', total, { count: formatNumber(total) })}</span>
    </div>
  );
}

function SelectionBar({ count }: { count: number }) {
  const account = useAccount();
  const commands = new Commands(account);
  const isJunk = account.list.value?.mailboxId === account.mailboxes.withRole('junk')?.id;
  const isUnread = targets(account).some((id) => account.store.emails.get(id)?.keywords.$seen !== true);
  return (
    <div class="list-title selection-bar" role="toolbar" aria-label={t('list.toolbar')}>
      <h1 class="hidden">{listName(account)}</h1>
      <IconButton icon="close" label={t('action.clearSelection')} onClick={() => account.selection.clear()} />
      <span aria-live="polite">{plural('list.selected', count)}</span>
      <span class="spacer" />
      {account.mailboxes.withRole('archive') && (
        <IconButton icon="archive" label={t('action.archive')} shortcut="e" onClick={() => commands.archive()} />
      )}
      {isJunk ? (
        <IconButton icon="notJunk" label={t('action.notJunk')} onClick={() => commands.notJunk()} />
      ) : (
        <IconButton icon="junk" label={t('action.junk')} shortcut="!" onClick={() => commands.junk()} />
      )}
      <IconButton icon="trash" label={t('action.delete')} shortcut="#" onClick={() => void commands.trash()} />
      <IconButton
        icon={isUnread ? 'read' : 'unread'}
        label={isUnread ? t('action.markRead') : t('action.markUnread')}
        onClick={() => commands.read(isUnread)}
      />
      <IconButton icon="move" label={t('action.move')} shortcut="v" onClick={() => void commands.move()} />
      <IconButton icon="label" label={t('action.label')} shortcut="l" onClick={() => void commands.label()} />
    </div>
  );
}

const SEARCH_AFTER = 160;

function SearchField() {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const current = route.value;
  const query = current.page === 'search' ? current.query : '';
  useEffect(() => {
    // The address may have been changed by a button of the browser; what is being typed stays.
    if (input.current && document.activeElement !== input.current) input.current.value = query;
  }, [query]);
  // Who has gone elsewhere meanwhile is not led back.
  useEffect(() => () => clearTimeout(timer.current), []);
  const search = (text: string) => {
    clearTimeout(timer.current);
    const wasSearching = route.peek().page === 'search';
    if (text.trim() === '') go({ page: 'box', mailboxId: null, threadId: null }, wasSearching);
    else go({ page: 'search', query: text.trim(), threadId: null }, wasSearching);
  };
  const clear = () => {
    if (input.current) input.current.value = '';
    search('');
    input.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers of a year ago do not know <search>
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <Icon name="search" size={18} />
      <input
        ref={input}
        type="search"
        aria-label={t('action.search')}
        placeholder={t('search.placeholder')}
        title={t('search.hint')}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          const text = event.currentTarget.value;
          clearTimeout(timer.current);
          timer.current = setTimeout(() => search(text), SEARCH_AFTER);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') clear();
          if (event.key === 'Enter') search(event.currentTarget.value);
          if (event.key === 'ArrowDown') document.querySelector<HTMLElement>('.row-link')?.focus();
        }}
      />
      {query !== '' && <IconButton icon="close" label={t('search.clear')} onClick={clear} />}
    </form>
  );
}
