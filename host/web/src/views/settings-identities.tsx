import { useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { demand } from '../jmap/client';
import type { Identity } from '../jmap/types';
import { htmlToText } from '../mail/text';
import { sanitiser } from '../state/sanitiser';
import { showError, showToast } from '../state/toasts';
import { useAccount } from './context';
import { Empty, Field } from './parts';

export function IdentitySettings() {
  const { identities } = useAccount();
  if (identities.value.length === 0) return <Empty icon="sent" title={t('settings.noIdentities')} />;
  return (
    <>
      {identities.value.map((identity) => (
        <IdentityForm key={identity.id} identity={identity} />
      ))}
    </>
  );
}

/** A signature that other programs made of HTML is edited as the text that it shows. */
function signatureOf(identity: Identity): string {
  if (identity.textSignature !== '' || identity.htmlSignature === '') return identity.textSignature;
  return htmlToText(sanitiser().editable(identity.htmlSignature));
}

function IdentityForm({ identity }: { identity: Identity }) {
  const account = useAccount();
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const save = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const patch = {
      name: String(data.get('name')).trim(),
      textSignature: String(data.get('signature')),
      htmlSignature: '',
    };
    setBusy(true);
    try {
      const result = await account.client.call('Identity/set', { update: { [identity.id]: patch } });
      demand([result.notUpdated]);
      await account.loadIdentities();
      showToast(t('settings.saved'));
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="settings-card" ref={form} onSubmit={save} aria-label={identity.email}>
      <h2>{identity.email}</h2>
      <Field label={t('identity.name')} hint={t('identity.nameHint')}>
        <input name="name" defaultValue={identity.name} maxLength={200} autocomplete="name" />
      </Field>
      <Field label={t('identity.signature')}>
        <textarea name="signature" rows={4} maxLength={5000} defaultValue={signatureOf(identity)} />
      </Field>
      <button type="submit" class="button primary" disabled={isBusy}>
        {t('action.save')}
      </button>
    </form>
  );
}
