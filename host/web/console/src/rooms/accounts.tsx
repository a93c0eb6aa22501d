import { useState } from 'preact/hooks';
import { type Account, type Alias, allows, ask, get, type Page, part, query } from '../api';
import { count, moment, size, t } from '../i18n';
import { Field, Sure, Table, useAsked, values, Waiting } from '../parts';
import { attempt, who } from '../state';

const MEGABYTE = 1_000_000;
const mayWrite = () => who.value !== null && allows(who.value, 'accounts', 'write');

/** A list that is searched and read by pages. */
function usePages<T>(path: string) {
  const [search, setSearch] = useState('');
  const [after, setAfter] = useState<string[]>([]);
  const last = after[after.length - 1];
  const asked = useAsked(() => get<Page<T>>(path + query({ search, after: last, limit: 50 })), [path, search, last]);
  const begin = (text: string) => {
    setAfter([]);
    setSearch(text);
  };
  const next = asked.value?.next;
  return {
    asked,
    begin,
    onward: typeof next === 'string' ? () => setAfter([...after, next]) : null,
    back: after.length > 0 ? () => setAfter(after.slice(0, -1)) : null,
  };
}

function Pages({ onward, back }: { onward: (() => void) | null; back: (() => void) | null }) {
  return (
    <p class="pages">
      {back !== null && (
        <button type="button" class="button" onClick={back}>
          {t('action.before')}
        </button>
      )}
      {onward !== null && (
        <button type="button" class="button" onClick={onward}>
          {t('action.next')}
        </button>
      )}
    </p>
  );
}

function Search({ label, begin }: { label: string; begin: (text: string) => void }) {
  return (
    <form class="search" aria-label={label} onSubmit={(event) => begin(values(event).search ?? '')}>
      <Field label={label}>{(id) => <input id={id} name="search" type="search" spellcheck={false} />}</Field>
      <button class="button" type="submit">
        {t('action.search')}
      </button>
    </form>
  );
}

export function Accounts() {
  return (
    <>
      <AccountList />
      <AliasList />
    </>
  );
}

/** What a field of megabytes says: empty takes the limit away. */
export function limit(text: string): { bytes: number | null } {
  const value = Number(text);
  return { bytes: text === '' || !Number.isFinite(value) ? null : Math.round(value * MEGABYTE) };
}

function AccountList() {
  const { asked, begin, onward, back } = usePages<Account>('/accounts');
  const [chosen, setChosen] = useState<string | null>(null);
  const accounts = asked.value?.items ?? [];
  const add = async (event: Event) => {
    const form = event.currentTarget as HTMLFormElement;
    const { address = '', password = '', quota = '' } = values(event);
    const body = { address, password: password === '' ? null : password, quota: limit(quota) };
    if (await attempt(t('accounts.added', { address }), () => ask('POST', '/accounts', body))) {
      form.reset();
      await asked.load();
    }
  };
  const remove = async (address: string) => {
    const path = `/accounts/${part(address)}`;
    if (await attempt(t('accounts.removed', { address }), () => ask('DELETE', path))) await asked.load();
  };
  return (
    <section>
      {mayWrite() && (
        <details class="card">
          <summary>{t('accounts.new')}</summary>
          <form class="search" autocomplete="off" onSubmit={(event) => void add(event)}>
            <Field label={t('accounts.address')}>
              {(id) => <input id={id} name="address" type="email" required spellcheck={false} />}
            </Field>
            <Field label={t('accounts.password')}>
              {(id) => <input id={id} name="password" type="password" autocomplete="new-password" />}
            </Field>
            <Field label={t('accounts.limit')}>{(id) => <input id={id} name="quota" type="number" min="0" />}</Field>
            <button class="button primary" type="submit">
              {t('action.add')}
            </button>
          </form>
        </details>
      )}
      <Search label={t('accounts.search')} begin={begin} />
      <Waiting of={asked}>
        <Table
          caption={t('accounts.accounts')}
          heads={[
            'accounts.address',
            'accounts.messages',
            'accounts.keeps',
            'accounts.may',
            'head.since',
            'head.actions',
          ]}
          isEmpty={accounts.length === 0}
        >
          {accounts.map((account) => (
            <tr key={account.address}>
              <td class="wrap">{account.address}</td>
              <td class="number">{count(account.usage.messages)}</td>
              <td class="number">{size(account.usage.bytes)}</td>
              <td class="number">
                {account.quota.bytes === null ? t('accounts.unlimited') : size(account.quota.bytes)}
              </td>
              <td>{moment(account.created)}</td>
              <td>
                {mayWrite() && (
                  <span class="deeds">
                    <button
                      type="button"
                      class="button small"
                      aria-expanded={chosen === account.address}
                      onClick={() => setChosen(chosen === account.address ? null : account.address)}
                    >
                      {t('accounts.change')}
                    </button>
                    <Sure
                      label={t('action.remove')}
                      question={t('accounts.sure', { address: account.address })}
                      act={() => void remove(account.address)}
                    />
                  </span>
                )}
                {chosen === account.address && <Change of={account} done={asked.load} />}
              </td>
            </tr>
          ))}
        </Table>
        <Pages onward={onward} back={back} />
      </Waiting>
    </section>
  );
}

function Change({ of, done }: { of: Account; done: () => Promise<void> }) {
  const path = `/accounts/${part(of.address)}`;
  const password = async (event: Event) => {
    const form = event.currentTarget as HTMLFormElement;
    const { password: fresh = '' } = values(event);
    const act = () => ask('PUT', `${path}/password`, { password: fresh });
    if (await attempt(t('accounts.changed', { address: of.address }), act)) form.reset();
  };
  const quota = async (event: Event) => {
    const body = { quota: limit(values(event).quota ?? '') };
    if (await attempt(t('accounts.changed', { address: of.address }), () => ask('PATCH', path, body))) await done();
  };
  return (
    <div class="change">
      <form class="search" onSubmit={(event) => void password(event)}>
        <Field label={t('accounts.newPassword')}>
          {(id) => <input id={id} name="password" type="password" required autocomplete="new-password" />}
        </Field>
        <button class="button small" type="submit">
          {t('action.save')}
        </button>
      </form>
      <form class="search" onSubmit={(event) => void quota(event)}>
        <Field label={t('accounts.limit')}>
          {(id) => (
            <input
              id={id}
              name="quota"
              type="number"
              min="0"
              defaultValue={of.quota.bytes === null ? '' : String(of.quota.bytes / MEGABYTE)}
            />
          )}
        </Field>
        <button class="button small" type="submit">
          {t('action.save')}
        </button>
      </form>
    </div>
  );
}

function AliasList() {
  const { asked, begin, onward, back } = usePages<Alias>('/aliases');
  const aliases = asked.value?.items ?? [];
  const add = async (event: Event) => {
    const form = event.currentTarget as HTMLFormElement;
    const { address = '', targets = '' } = values(event);
    const body = { address, targets: targets.split(/[\s,]+/).filter((target) => target !== '') };
    if (await attempt(t('accounts.added', { address }), () => ask('POST', '/aliases', body))) {
      form.reset();
      await asked.load();
    }
  };
  const remove = async (address: string) => {
    const path = `/aliases/${part(address)}`;
    if (await attempt(t('accounts.removed', { address }), () => ask('DELETE', path))) await asked.load();
  };
  return (
    <section>
      <h2>{t('accounts.aliases')}</h2>
      {mayWrite() && (
        <details class="card">
          <summary>{t('accounts.newAlias')}</summary>
          <form class="search" onSubmit={(event) => void add(event)}>
            <Field label={t('accounts.alias')}>
              {(id) => <input id={id} name="address" required spellcheck={false} />}
            </Field>
            <Field label={t('accounts.targets')}>
              {(id) => <input id={id} name="targets" required spellcheck={false} />}
            </Field>
            <button class="button primary" type="submit">
              {t('action.add')}
            </button>
          </form>
        </details>
      )}
      <Search label={t('accounts.searchAliases')} begin={begin} />
      <Waiting of={asked}>
        <Table
          caption={t('accounts.aliases')}
          heads={['accounts.alias', 'accounts.targets', 'head.actions']}
          isEmpty={aliases.length === 0}
        >
          {aliases.map((alias) => (
            <tr key={alias.address}>
              <td class="wrap">{alias.address}</td>
              <td class="wrap">{alias.targets.join(', ')}</td>
              <td>
                {mayWrite() && (
                  <Sure
                    label={t('action.remove')}
                    question={t('accounts.sureAlias', { address: alias.address })}
                    act={() => void remove(alias.address)}
                  />
                )}
              </td>
            </tr>
          ))}
        </Table>
        <Pages onward={onward} back={back} />
      </Waiting>
    </section>
  );
}
