import { useEffect, useRef } from 'preact/hooks';
import { formatNumber, t } from '../i18n';
import { formatSize } from '../i18n/format';
import type { Mailbox, Quota } from '../jmap/types';
import { newMessage } from '../state/answer';
import { emptyMailbox, markAllRead } from '../state/bulk';
import { confirm, prompt, showShortcuts } from '../state/dialogs';
import { logout } from '../state/login';
import type { MailboxNode } from '../state/mailboxes';
import { go, route, routeHash } from '../state/route';
import { showError } from '../state/toasts';

import { useAccount } from './context';
import { dropHandlers, dropTarget } from './drag';
import { Icon, type IconName, Mark } from './icons';
import { IconButton, Menu, type MenuItem } from './parts';

export function Sidebar({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const account = useAccount();
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isOpen) panel.current?.querySelector<HTMLElement>('button, a')?.focus();
  }, [isOpen]);
  return (
    <>
      {isOpen && <button type="button" class="drawer-shade" aria-label={t('action.close')} onClick={onClose} />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the drawer */}
      <header
        class={isOpen ? 'sidebar open' : 'sidebar'}
        ref={panel}
        onKeyDown={(event) => event.key === 'Escape' && isOpen && onClose()}
      >
        <div class="brand">
          <Mark />
          <span>Waxwing</span>
        </div>
        {account.features.canSubmit && (
          <button type="button" class="button primary compose-button" onClick={() => void newMessage(account)}>
            <Icon name="compose" /> {t('action.compose')}
          </button>
        )}
        <MailboxNav />
        <div class="sidebar-foot">
          {account.quotas.value.filter(isMailSize).map((quota) => (
            <QuotaBar key={quota.id} quota={quota} />
          ))}
          <div class="sidebar-account">
            <span class="sidebar-name" title={account.features.session.username}>
              {account.features.session.username}
            </span>
            <IconButton icon="help" label={t('shortcuts.help')} onClick={() => void showShortcuts()} />
            <IconButton
              icon="settings"
              label={t('settings.title')}
              onClick={() => go({ page: 'settings', tab: 'general' })}
            />
            <IconButton icon="logout" label={t('action.logout')} onClick={() => void logout()} />
          </div>
        </div>
      </header>
    </>
  );
}

function MailboxNav() {
  const account = useAccount();
  const tree = account.mailboxes.tree;
  const isSpecial = ({ mailbox, depth }: MailboxNode) => mailbox.role !== null && depth === 0;
  const create = async () => {
    const name = await prompt({
      title: t('mailbox.create'),
      label: t('mailbox.name'),
      value: '',
      action: t('action.create'),
    });
    if (name) await account.mailboxes.create(name, null).catch(showError);
  };
  const mayCreate = !account.features.isReadOnly && account.features.mail.mayCreateTopLevelMailbox !== false;
  return (
    <nav class="mailboxes" aria-label={t('mailbox.all')}>
      <ul>
        {tree.filter(isSpecial).map((node) => (
          <MailboxItem key={node.mailbox.id} {...node} />
        ))}
      </ul>
      <div class="nav-title">
        <h2>{t('mailbox.own')}</h2>
        {mayCreate && <IconButton icon="plus" label={t('mailbox.create')} onClick={() => void create()} />}
      </div>
      <ul>
        {tree
          .filter((node) => !isSpecial(node))
          .map((node) => (
            <MailboxItem key={node.mailbox.id} {...node} />
          ))}
      </ul>
    </nav>
  );
}

function MailboxItem({ mailbox, depth }: MailboxNode) {
  const account = useAccount();
  const isCurrent = account.list.value?.mailboxId === mailbox.id && route.value.page === 'box';
  const icon: IconName = mailbox.role ?? 'folder';
  // A draft is not unread; of drafts and junk one wants to know how many there are.
  const isCounted = mailbox.role === 'drafts' || mailbox.role === 'junk';
  const count = isCounted ? mailbox.totalEmails : mailbox.unreadEmails;
  const isLoud = count > 0 && !isCounted && mailbox.role !== 'trash';
  const items = mailboxMenu(account, mailbox);
  return (
    <li
      class={['mailbox', isCurrent && 'current', dropTarget.value === mailbox.id && 'target'].filter(Boolean).join(' ')}
      data-depth={Math.min(depth, 5)}
      {...dropHandlers(account, mailbox.id, mailbox.myRights.mayAddItems)}
    >
      <a
        href={routeHash({ page: 'box', mailboxId: mailbox.id, threadId: null })}
        aria-current={isCurrent ? 'page' : undefined}
      >
        <Icon name={icon} />
        <span class="mailbox-name">{account.mailboxName(mailbox.id)}</span>
        {count > 0 && (
          <span class={isLoud ? 'count loud' : 'count'}>
            {formatNumber(count)}
            <span class="hidden"> {isCounted ? t('mailbox.count') : t('mailbox.unread')}</span>
          </span>
        )}
      </a>
      {items.length > 0 && <Menu label={t('mailbox.menu', { name: account.mailboxName(mailbox.id) })} items={items} />}
    </li>
  );
}

function mailboxMenu(account: ReturnType<typeof useAccount>, mailbox: Mailbox): MenuItem[] {
  const items: MenuItem[] = [];
  const rename = async () => {
    const label = t('mailbox.name');
    const name = await prompt({ title: t('mailbox.rename'), label, value: mailbox.name, action: t('action.rename') });
    if (name && name !== mailbox.name) await account.mailboxes.update(mailbox.id, { name }).catch(showError);
  };
  const createChild = async () => {
    const title = t('mailbox.createIn', { name: account.mailboxName(mailbox.id) });
    const name = await prompt({ title, label: t('mailbox.name'), value: '', action: t('action.create') });
    if (name) await account.mailboxes.create(name, mailbox.id).catch(showError);
  };
  const destroy = async () => {
    const title = t('mailbox.delete.title', { name: mailbox.name });
    const sure = await confirm({ title, text: t('mailbox.delete.text'), action: t('action.delete'), isDanger: true });
    if (!sure) return;
    await account.mailboxes.destroy(mailbox.id).catch(showError);
    if (account.list.peek()?.mailboxId === mailbox.id) go({ page: 'box', mailboxId: null, threadId: null });
  };
  const empty = async () => {
    const title = t('mailbox.empty.title', { name: account.mailboxName(mailbox.id) });
    const sure = await confirm({ title, text: t('mailbox.delete.text'), action: t('mailbox.empty'), isDanger: true });
    if (sure) await emptyMailbox(account, mailbox.id);
  };
  if (account.features.isReadOnly) return items;
  if (mailbox.unreadEmails > 0 && mailbox.myRights.maySetSeen) {
    items.push({ label: t('mailbox.markRead'), icon: 'read', run: () => void markAllRead(account, mailbox.id) });
  }
  if (mailbox.myRights.mayCreateChild)
    items.push({ label: t('mailbox.createChild'), icon: 'plus', run: () => void createChild() });
  if ((mailbox.role === 'trash' || mailbox.role === 'junk') && mailbox.totalEmails > 0) {
    items.push({ label: t('mailbox.empty'), icon: 'trash', run: () => void empty(), isDanger: true });
  }
  if (mailbox.role === null && mailbox.myRights.mayRename) {
    items.push({ label: t('mailbox.rename'), icon: 'drafts', run: () => void rename() });
  }
  if (mailbox.role === null && mailbox.myRights.mayDelete) {
    items.push({ label: t('action.delete'), icon: 'trash', run: () => void destroy(), isDanger: true });
  }
  return items;
}

const isMailSize = (quota: Quota) => quota.resourceType === 'octets' && quota.hardLimit > 0;

function QuotaBar({ quota }: { quota: Quota }) {
  const text = t('quota.used', { used: formatSize(quota.used), limit: formatSize(quota.hardLimit) });
  const isTight = quota.used >= (quota.warnLimit ?? quota.hardLimit * 0.9);
  return (
    <div class={isTight ? 'quota tight' : 'quota'}>
      <meter min={0} max={quota.hardLimit} value={Math.min(quota.used, quota.hardLimit)} aria-label={text} />
      <span>{text}</span>
    </div>
  );
}
