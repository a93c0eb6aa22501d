/** The page around everything once one is logged in. */
import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { isOnline } from '../state/account';
import { composing } from '../state/compose';
import { go, route } from '../state/route';
import { useAccount } from './context';
import { Dialogs } from './dialogs';
import { isDrawerOpen } from './drawer';
import { Icon } from './icons';
import { startKeyboard } from './keyboard';
import { lazy, Suspense } from './lazy';
import { ListPane } from './list-pane';
import { Empty } from './parts';
import { Sidebar } from './sidebar';
import { ThreadView } from './thread';

const Composer = lazy(() => import('./composer'));
const SettingsPage = lazy(() => import('./settings'));

export function Shell() {
  const account = useAccount();
  useEffect(() => startKeyboard(account).stop, [account]);
  useSignalEffect(() => follow(account));
  useSignalEffect(() => {
    const inbox = account.mailboxes.withRole('inbox');
    const unread = inbox?.unreadEmails ?? 0;
    const list = account.list.value;
    const name = list?.mailboxId ? account.mailboxName(list.mailboxId) : t('list.results');
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${name} · Waxwing`;
  });
  const current = route.value;
  const isReading = current.page !== 'settings' && current.threadId !== null;
  const page = current.page === 'settings' ? 'settings' : isReading ? 'reading' : 'listing';
  return (
    <div class={`shell ${page}`}>
      <button type="button" class="skip" onClick={skip}>
        {t('a11y.skip')}
      </button>
      {!isOnline.value && (
        <div class="offline" role="status">
          <Icon name="offline" size={18} /> {t('status.offline')}
        </div>
      )}
      <Sidebar isOpen={isDrawerOpen.value} onClose={() => void (isDrawerOpen.value = false)} />
      {current.page === 'settings' ? (
        <Suspense of={SettingsPage} />
      ) : (
        <main class="panes">
          <ListPane />
          <section class="reading-pane" id="main" tabIndex={-1} aria-label={t('thread.label')}>
            {current.threadId === null ? (
              <Empty icon="all" title={t('thread.none')} />
            ) : (
              <ThreadView key={current.threadId} threadId={current.threadId} />
            )}
          </section>
        </main>
      )}
      {composing.value !== null && <Suspense of={Composer} />}
      <Dialogs />
    </div>
  );
}

/** The fragment is the route's: a link to an element would change it. */
function skip(): void {
  document.getElementById('main')?.focus();
}

/** Shows the list that the address names. */
function follow(account: ReturnType<typeof useAccount>): void {
  const current = route.value;
  isDrawerOpen.value = false;
  if (current.page === 'search') account.showSearch(current.query);
  if (current.page !== 'box') return;
  const known = current.mailboxId !== null && account.mailboxes.get(current.mailboxId) ? current.mailboxId : undefined;
  const wanted = known ?? account.mailboxes.withRole('inbox')?.id ?? account.mailboxes.tree[0]?.mailbox.id;
  if (wanted === undefined) return;
  account.showMailbox(wanted);
  // Links to what is in the list are made of where one is.
  if (wanted !== current.mailboxId) go({ page: 'box', mailboxId: wanted, threadId: null }, true);
}
