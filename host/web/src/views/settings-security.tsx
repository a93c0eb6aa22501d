import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { longDate } from '../i18n/format';
import type { Overview, WebLogin } from '../jmap/owner';
import { agentName } from '../mail/agent';
import { explain, showError, showToast } from '../state/toasts';
import { useAccount } from './context';
import { Empty } from './parts';
import { AppPasswords, PasswordForm, Totp } from './settings-secrets';

/** Who is logged in, and by what one is known. */
export function SecuritySettings() {
  const { owner } = useAccount();
  const [overview, setOverview] = useState<Overview | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = () =>
    owner.overview().then(setOverview, (failure) => {
      setError(explain(failure));
    });
  useEffect(() => void load(), []);
  if (error !== null) return <Empty icon="warning" title={error} />;
  if (overview === null) return <div class="settings-card" aria-busy="true" />;
  return (
    <>
      <Logins />
      <AppPasswords overview={overview} />
      {overview.password && <Totp overview={overview} onChange={load} />}
      {overview.password && <PasswordForm overview={overview} />}
    </>
  );
}

function Logins() {
  const { owner } = useAccount();
  const [logins, setLogins] = useState<WebLogin[] | null>(null);
  const load = () => owner.logins().then(setLogins, showError);
  useEffect(() => void load(), []);
  const end = async (login: WebLogin | null) => {
    try {
      await (login === null ? owner.endOtherLogins() : owner.endLogin(login.id));
      showToast(t('security.ended'));
    } catch (error) {
      showError(error);
    }
    await load();
  };
  const others = (logins ?? []).filter(({ current }) => !current);
  return (
    <section class="settings-card" aria-busy={logins === null} aria-label={t('security.logins')}>
      <h2>{t('security.logins')}</h2>
      <ul class="known">
        {[...(logins ?? [])].reverse().map((login) => (
          <li key={login.id}>
            <div>
              <strong title={login.agent}>{agentName(login.agent) || t('security.unknownAgent')}</strong>
              {login.current && <span class="badge">{t('security.thisBrowser')}</span>}
              <span class="field-hint">
                {t('security.used', { when: longDate(new Date(login.used).toISOString()), from: login.client })}
              </span>
            </div>
            {!login.current && (
              <button type="button" class="button" onClick={() => void end(login)}>
                {t('security.end')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <button type="button" class="button" onClick={() => void end(null)}>
          {t('security.endOthers')}
        </button>
      )}
    </section>
  );
}
