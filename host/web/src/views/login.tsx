import { useRef, useState } from 'preact/hooks';
import { language, languageName, languages, t, useLanguage } from '../i18n';
import type { Proof } from '../jmap/owner';
import { isCodeWanted } from '../state/login';
import { changeSettings } from '../state/settings';
import { explain } from '../state/toasts';
import { CodeField } from './code-field';
import { Mark } from './icons';
import { Field } from './parts';

interface LoginProps {
  reason: string | null;
  onLogin: (address: string, proof: Proof) => Promise<void>;
}

export function Login({ reason, onLogin }: LoginProps) {
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isCodeShown, setCodeShown] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    setBusy(true);
    setError(null);
    try {
      const code = String(data.get('code') ?? '').trim();
      const password = String(data.get('password'));
      await onLogin(String(data.get('username')).trim(), { password, ...(code === '' ? {} : { code }) });
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
      if (isCodeWanted(failure)) setCodeShown(true);
      else form.current?.querySelector<HTMLInputElement>('input[type=password]')?.select();
    }
  };
  const shown = error ?? reason;
  return (
    <main class="login">
      <form class="login-card" ref={form} onSubmit={submit} method="post">
        <div class="login-brand">
          <Mark size={56} />
          <h1>{t('login.title')}</h1>
        </div>
        <Field label={t('login.address')}>
          <input name="username" type="email" autocomplete="username" required autofocus spellcheck={false} />
        </Field>
        <Field label={t('login.password')}>
          <input name="password" type="password" autocomplete="current-password" required />
        </Field>
        {isCodeShown && <CodeField name="code" label={t('login.code')} autofocus />}
        <p class="login-error" role="alert">
          {shown}
        </p>
        <button class="button primary wide" type="submit" disabled={isBusy}>
          {isBusy ? t('login.busy') : t('login.submit')}
        </button>
      </form>
      <LanguageLinks />
    </main>
  );
}

function LanguageLinks() {
  return (
    <nav class="login-languages" aria-label={t('settings.language')}>
      {languages.map((tag) => (
        <button
          key={tag}
          type="button"
          lang={tag}
          aria-pressed={tag === language.value}
          onClick={() => {
            changeSettings({ language: tag });
            void useLanguage(tag);
          }}
        >
          {languageName(tag)}
        </button>
      ))}
    </nav>
  );
}
