import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Mark } from '../../src/views/icons';
import { allows } from './api';
import { language, languageName, languages, t, useLanguage, word } from './i18n';
import { Field, values } from './parts';
import { Accounts } from './rooms/accounts';
import { Audit } from './rooms/audit';
import { Domains } from './rooms/domains';
import { FlowRoom } from './rooms/flow';
import { Plugins } from './rooms/plugins';
import { Queue } from './rooms/queue';
import { Rules } from './rooms/rules';
import { Trace } from './rooms/trace';
import { AREAS, explain, link, login, logout, lost, notice, place, ROOMS, type Room, who } from './state';

const VIEWS: Record<Room, ComponentType> = {
  flow: FlowRoom,
  queue: Queue,
  trace: Trace,
  domains: Domains,
  accounts: Accounts,
  plugins: Plugins,
  rules: Rules,
  audit: Audit,
};

export function App() {
  return who.value === null ? <Login /> : <Console />;
}

function Login() {
  const [error, setError] = useState<string | null>(lost.value ? t('login.lost') : null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    const { token = '' } = values(event);
    setBusy(true);
    try {
      await login(token);
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form class="login-card" onSubmit={(event) => void submit(event)} autocomplete="off">
        <div class="login-brand">
          <Mark size={56} />
          <h1>{t('login.title')}</h1>
        </div>
        <Field label={t('login.token')}>
          {(id) => <input id={id} name="token" type="password" required autofocus spellcheck={false} />}
        </Field>
        <p class="soft">{t('login.hint')}</p>
        <p class="login-error" role="alert">
          {error}
        </p>
        <button class="button primary wide" type="submit" disabled={isBusy}>
          {t('login.submit')}
        </button>
      </form>
      <Languages />
    </main>
  );
}

function Languages() {
  return (
    <nav class="login-languages" aria-label={t('nav.languages')}>
      {languages.map((tag) => (
        <button
          key={tag}
          type="button"
          lang={tag}
          aria-pressed={tag === language.value}
          onClick={() => void useLanguage(tag)}
        >
          {languageName(tag)}
        </button>
      ))}
    </nav>
  );
}

function Console() {
  const token = who.value;
  const { room } = place.value;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${word('room', room)} – Waxwing`;
    title.current?.focus();
  }, [room, language.value]);
  if (token === null) return null;
  const View = VIEWS[room];
  const isOpen = allows(token, AREAS[room], 'read');
  return (
    <div class="console">
      <header class="bar">
        <span class="brand">
          <Mark size={28} /> Waxwing
        </span>
        <nav aria-label={t('nav.rooms')}>
          <ul class="rooms">
            {ROOMS.filter((one) => allows(token, AREAS[one], 'read')).map((one) => (
              <li key={one}>
                <a href={link(one)} aria-current={one === room ? 'page' : undefined}>
                  {word('room', one)}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <span class="me" title={token.scopes.join(', ')}>
          {token.name}
        </span>
        <button type="button" class="button small quiet" onClick={logout}>
          {t('action.logout')}
        </button>
      </header>
      <main class="room" id="main">
        <h1 tabIndex={-1} ref={title}>
          {word('room', room)}
        </h1>
        <div role="status" aria-live="polite">
          {notice.value !== null && (
            <p class={notice.value.isError ? 'trouble' : 'done'}>
              {notice.value.text}{' '}
              <button type="button" class="button small quiet" onClick={() => void (notice.value = null)}>
                {t('action.close')}
              </button>
            </p>
          )}
        </div>
        {isOpen ? <View key={room} /> : <p class="trouble">{t('error.scope', { scope: `${AREAS[room]}:read` })}</p>}
      </main>
      <footer class="foot">
        <Languages />
      </footer>
    </div>
  );
}
