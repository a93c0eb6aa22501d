/** What is done to all of a mailbox, however much that is: by as many messages as one call may name. */
import { plural, t } from '../i18n';
import { demand } from '../jmap/client';
import type { Filter, Id } from '../jmap/types';
import type { Account } from './account';
import { keywordPath } from './patch';
import { hideToast, showError, showToast } from './toasts';

/** A server that does nothing of what it says it did would keep us busy for ever. */
const ROUNDS = 2_000;

/** Destroys what is in this mailbox and in no other. */
export async function emptyMailbox(account: Account, mailboxId: Id): Promise<void> {
  const elsewhere: Filter = { inMailboxOtherThan: [mailboxId] };
  const filter: Filter = {
    operator: 'AND',
    conditions: [{ inMailbox: mailboxId }, { operator: 'NOT', conditions: [elsewhere] }],
  };
  const { client } = account;
  const { accountId } = client;
  await inRounds(account, async () => {
    const batch = client.batch();
    const query = batch.call('Email/query', { accountId, filter, limit: client.features.core.maxObjectsInSet });
    const set = batch.call('Email/set', { accountId, destroy: query.ref('/ids') });
    await batch.send();
    demand([set.value.notDestroyed]);
    return query.value.ids.length;
  });
}

export async function markAllRead(account: Account, mailboxId: Id): Promise<void> {
  const filter: Filter = { inMailbox: mailboxId, notKeyword: '$seen' };
  const { client } = account;
  await inRounds(account, async () => {
    const { ids } = await client.call('Email/query', { filter, limit: client.features.core.maxObjectsInSet });
    const update = Object.fromEntries(ids.map((id) => [id, { [keywordPath('$seen')]: true }]));
    if (ids.length > 0) demand([(await client.call('Email/set', { update })).notUpdated]);
    return ids.length;
  });
}

async function inRounds(account: Account, round: () => Promise<number>): Promise<void> {
  const toast = showToast(t('status.working'), { seconds: null });
  let done = 0;
  try {
    for (let count = 0; count < ROUNDS; count++) {
      const some = await round();
      if (some === 0) break;
      done += some;
    }
    showToast(plural('done.bulk', done));
  } catch (error) {
    showError(error);
  } finally {
    hideToast(toast);
  }
  await account.sync.run();
}
