import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { plural, t } from '../i18n';
import { longDate } from '../i18n/format';
import type { AppPassword, Overview, Proof, Proposal } from '../jmap/owner';
import { showError, showToast } from '../state/toasts';
import { CodeField } from './code-field';
import { useAccount } from './context';
import { Field } from './parts';

interface OfOwner {
  overview: Overview;
}

interface ProvedFormProps extends OfOwner {
  title: string;
  action: string;
  children?: ComponentChildren;
  /** The password is the one before, and not the one that is wanted. */
  label?: string;
  run: (data: FormData, proof: Proof) => Promise<void>;
}

/** A form that is for whoever shows again that he is the owner. */
function ProvedForm({ overview, title, action, children, label, run }: ProvedFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const code = String(data.get('code') ?? '').trim();
    const proof = { password: String(data.get('password')), ...(code === '' ? {} : { code }) };
    setBusy(true);
    try {
      await run(data, proof);
      form.current?.reset();
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="proved" ref={form} onSubmit={submit} aria-label={title}>
      {/* Password managers fill in what belongs together. */}
      <input class="hidden" name="username" autocomplete="username" value={overview.username} readOnly hidden />
      {children}
      <div class="field-pair">
        <Field label={label ?? t('security.ownPassword')}>
          <input name="password" type="password" autocomplete="current-password" required />
        </Field>
        {overview.totp && <CodeField name="code" label={t('login.code')} />}
      </div>
      <button type="submit" class="button primary" disabled={isBusy}>
        {action}
      </button>
    </form>
  );
}

export function AppPasswords({ overview }: OfOwner) {
  const { owner } = useAccount();
  const [list, setList] = useState<AppPassword[] | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const load = () => owner.appPasswords().then(setList, showError);
  useEffect(() => void load(), []);
  const add = async (data: FormData, proof: Proof) => {
    setSecret(await owner.addAppPassword(String(data.get('name')).trim(), ['imap', 'smtp', 'pop3', 'jmap'], proof));
    await load();
  };
  const remove = async (id: string) => {
    await owner.removeAppPassword(id).catch(showError);
    await load();
  };
  return (
    <section class="settings-card" aria-busy={list === null} aria-label={t('security.appPasswords')}>
      <h2>{t('security.appPasswords')}</h2>
      <p class="field-hint">{t('security.appPasswords.hint')}</p>
      <ul class="known">
        {(list ?? []).map(({ id, name, created }) => (
          <li key={id}>
            <div>
              <strong>{name || t('security.unnamed')}</strong>
              <span class="field-hint">{longDate(new Date(created).toISOString())}</span>
            </div>
            <button type="button" class="button" onClick={() => void remove(id)}>
              {t('security.revoke')}
            </button>
          </li>
        ))}
      </ul>
      {secret !== null && (
        <output class="secret">
          <span>{t('security.secretOnce')}</span>
          <code>{secret}</code>
        </output>
      )}
      <ProvedForm
        overview={overview}
        title={t('security.appPasswords')}
        action={t('security.makeAppPassword')}
        run={add}
      >
        <Field label={t('security.name')}>
          <input name="name" maxLength={80} required placeholder={t('security.name.example')} />
        </Field>
      </ProvedForm>
    </section>
  );
}

export function Totp({ overview, onChange }: OfOwner & { onChange: () => void }) {
  const { owner } = useAccount();
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [wish, setWish] = useState<'off' | 'codes' | null>(null);
  const enable = async (data: FormData, proof: Proof) => {
    setCodes(await owner.enableTotp(proposal?.secret ?? '', String(data.get('confirmation')), proof));
    setProposal(null);
    showToast(t('security.totp.isOn'));
    onChange();
  };
  const disable = async (_: FormData, proof: Proof) => {
    await owner.disableTotp(proof);
    setCodes(null);
    setWish(null);
    showToast(t('security.totp.isOff'));
    onChange();
  };
  const renew = async (_: FormData, proof: Proof) => {
    setCodes(await owner.makeRecoveryCodes(proof));
    setWish(null);
    onChange();
  };
  return (
    <section class="settings-card" aria-label={t('security.totp')}>
      <h2>{t('security.totp')}</h2>
      <p class="field-hint">{t(overview.totp ? 'security.totp.on.hint' : 'security.totp.off.hint')}</p>
      {codes !== null && overview.totp && <RecoveryCodes codes={codes} />}
      {overview.totp && (
        <>
          <p class="field-hint">{plural('security.recovery.left', overview.recoveryCodes)}</p>
          <div class="choices">
            <button type="button" class="button" aria-expanded={wish === 'codes'} onClick={() => setWish('codes')}>
              {t('security.recovery.make')}
            </button>
            <button type="button" class="button" aria-expanded={wish === 'off'} onClick={() => setWish('off')}>
              {t('security.totp.turnOff')}
            </button>
          </div>
        </>
      )}
      {overview.totp && wish !== null && (
        <ProvedForm
          key={wish}
          overview={overview}
          title={t('security.totp')}
          action={t(wish === 'off' ? 'security.totp.turnOff' : 'security.recovery.make')}
          run={wish === 'off' ? disable : renew}
        />
      )}
      {!overview.totp && proposal === null && (
        <button type="button" class="button" onClick={() => void owner.proposeTotp().then(setProposal, showError)}>
          {t('security.totp.turnOn')}
        </button>
      )}
      {proposal !== null && (
        <ProvedForm overview={overview} title={t('security.totp')} action={t('security.totp.turnOn')} run={enable}>
          <TotpSecret {...proposal} />
          <CodeField name="confirmation" label={t('security.totp.confirmation')} recovers={false} />
        </ProvedForm>
      )}
    </section>
  );
}

/** Shown once, to be written down or printed. */
function RecoveryCodes({ codes }: { codes: string[] }) {
  return (
    <output class="secret">
      <span>{t('security.recovery.once')}</span>
      <ul class="recovery-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
    </output>
  );
}

function TotpSecret({ secret, uri, qr }: Proposal) {
  return (
    <div class="secret">
      <span>{t('security.totp.scan')}</span>
      {qr !== undefined && (
        <img
          class="qr"
          alt={t('security.totp.qr')}
          width={200}
          height={200}
          src={`data:image/svg+xml,${encodeURIComponent(qr)}`}
        />
      )}
      <a href={uri}>
        <code>{secret.match(/.{1,4}/g)?.join(' ')}</code>
      </a>
    </div>
  );
}

export function PasswordForm({ overview }: OfOwner) {
  const { owner } = useAccount();
  const change = async (data: FormData, proof: Proof) => {
    await owner.changePassword(String(data.get('new')), proof);
    showToast(t('security.password.changed'));
  };
  return (
    <section class="settings-card" aria-label={t('security.password')}>
      <h2>{t('security.password')}</h2>
      <p class="field-hint">{t('security.password.hint')}</p>
      <ProvedForm
        overview={overview}
        title={t('security.password')}
        action={t('security.password.change')}
        label={t('security.password.before')}
        run={change}
      >
        <Field label={t('security.password.new')}>
          <input name="new" type="password" autocomplete="new-password" minLength={8} maxLength={200} required />
        </Field>
      </ProvedForm>
    </section>
  );
}
