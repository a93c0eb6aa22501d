import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { language, languageName, languages, type MessageKey, plural, t, useLanguage } from '../i18n';
import { Capability } from '../jmap/types';
import { go, route, routeHash } from '../state/route';
import { changeSettings, type Settings, settings } from '../state/settings';
import { useAccount } from './context';
import { isDrawerOpen } from './drawer';
import { Field, IconButton } from './parts';
import { IdentitySettings } from './settings-identities';
import { SecuritySettings } from './settings-security';
import { TransferSettings } from './settings-transfer';
import { VacationSettings } from './settings-vacation';

interface Tab {
  name: string;
  label: MessageKey;
  capability: string | null;
  view: () => ComponentChildren;
}

const TABS: Tab[] = [
  { name: 'general', label: 'settings.general', capability: null, view: () => <General /> },
  {
    name: 'identities',
    label: 'settings.identities',
    capability: Capability.submission,
    view: () => <IdentitySettings />,
  },
  { name: 'vacation', label: 'settings.vacation', capability: Capability.vacation, view: () => <VacationSettings /> },
  { name: 'security', label: 'security.title', capability: null, view: () => <SecuritySettings /> },
  { name: 'transfer', label: 'transfer.title', capability: null, view: () => <TransferSettings /> },
];

export default function SettingsPage() {
  const account = useAccount();
  const current = route.value;
  const tabs = TABS.filter(({ capability }) => capability === null || account.features.has(capability));
  const shown = tabs.find(({ name }) => current.page === 'settings' && name === current.tab) ?? tabs[0];
  useEffect(() => {
    document.title = `${t('settings.title')} · Waxwing`;
  }, [language.value]);
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a telephone there is room for some of them only.
    bar.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    // Another page begins at its top.
    bar.current?.closest('.settings')?.scrollTo(0, 0);
  }, [shown]);
  return (
    <main class="settings" id="main" tabIndex={-1}>
      <div class="settings-head">
        <IconButton
          icon="menu"
          label={t('mailbox.all')}
          class="drawer-button"
          onClick={() => void (isDrawerOpen.value = true)}
        />
        <h1>{t('settings.title')}</h1>
        <IconButton
          icon="close"
          label={t('action.close')}
          onClick={() => go({ page: 'box', mailboxId: null, threadId: null })}
        />
      </div>
      <nav class="tabs" ref={bar} aria-label={t('settings.title')}>
        {tabs.map((tab) => (
          <a
            key={tab.name}
            href={routeHash({ page: 'settings', tab: tab.name })}
            aria-current={tab === shown ? 'page' : undefined}
          >
            {t(tab.label)}
          </a>
        ))}
      </nav>
      <div class="settings-body">{shown?.view()}</div>
    </main>
  );
}

function Choice<K extends keyof Settings>(props: {
  of: K;
  label: string;
  hint?: string;
  options: [Settings[K], string][];
}) {
  const { of, label, options } = props;
  return (
    <Field label={label} {...(props.hint ? { hint: props.hint } : {})}>
      <select
        value={String(settings.value[of])}
        onChange={(event) => {
          const found = options.find(([value]) => String(value) === event.currentTarget.value);
          if (found !== undefined) changeSettings({ [of]: found[0] } as Partial<Settings>);
        }}
      >
        {options.map(([value, words]) => (
          <option key={String(value)} value={String(value)}>
            {words}
          </option>
        ))}
      </select>
    </Field>
  );
}

function General() {
  const seconds = [0, 5, 8, 15, 30].map((value): [number, string] => [
    value,
    value === 0 ? t('settings.undo.never') : plural('settings.undo.seconds', value),
  ]);
  return (
    <section class="settings-card">
      <Field label={t('settings.language')}>
        <select
          value={language.value}
          onChange={(event) => {
            changeSettings({ language: event.currentTarget.value });
            void useLanguage(event.currentTarget.value);
          }}
        >
          {languages.map((tag) => (
            <option key={tag} value={tag} lang={tag}>
              {languageName(tag)}
            </option>
          ))}
        </select>
      </Field>
      <Choice
        of="theme"
        label={t('settings.theme')}
        options={[
          ['system', t('settings.theme.system')],
          ['light', t('settings.theme.light')],
          ['dark', t('settings.theme.dark')],
        ]}
      />
      <Choice
        of="density"
        label={t('settings.density')}
        options={[
          ['comfortable', t('settings.density.comfortable')],
          ['compact', t('settings.density.compact')],
        ]}
      />
      <Choice
        of="format"
        label={t('settings.format')}
        options={[
          ['html', t('settings.format.html')],
          ['text', t('settings.format.text')],
        ]}
      />
      <Choice of="undoSeconds" label={t('settings.undo')} hint={t('settings.undo.hint')} options={seconds} />
      <label class="check">
        <input
          type="checkbox"
          checked={settings.value.shortcuts}
          onChange={(event) => changeSettings({ shortcuts: event.currentTarget.checked })}
        />
        {t('settings.shortcuts')}
      </label>
      <TrustedSenders />
      <a class="licences" href={`${import.meta.env.BASE_URL}licences.txt`} target="_blank" rel="noopener">
        {t('settings.licences')}
      </a>
    </section>
  );
}

function TrustedSenders() {
  const isOpen = useSignal(false);
  const { trusted } = settings.value;
  if (trusted.length === 0) return null;
  return (
    <details class="trusted" open={isOpen.value}>
      <summary>{t('settings.trusted')}</summary>
      <ul>
        {trusted.map((sender) => (
          <li key={sender}>
            {sender}
            <IconButton
              icon="close"
              label={t('settings.untrust', { sender })}
              onClick={() => {
                isOpen.value = true;
                changeSettings({ trusted: trusted.filter((other) => other !== sender) });
              }}
            />
          </li>
        ))}
      </ul>
    </details>
  );
}
