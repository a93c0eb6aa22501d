import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { VacationResponse } from '../jmap/types';
import { explain, showError, showToast } from '../state/toasts';
import { daysOf, loadVacation, saveVacation, windowOf } from '../state/vacation';
import { useAccount } from './context';
import { Empty, Field } from './parts';

export function VacationSettings() {
  const { client } = useAccount();
  const vacation = useSignal<VacationResponse | null>(null);
  const error = useSignal<string | null>(null);
  useEffect(() => {
    loadVacation(client).then(
      (found) => void (vacation.value = found),
      (failure) => void (error.value = explain(failure)),
    );
  }, []);
  if (error.value !== null) return <Empty icon="warning" title={error.value} />;
  return vacation.value === null ? (
    <div class="settings-card" aria-busy="true" />
  ) : (
    <VacationForm vacation={vacation.value} />
  );
}

function VacationForm({ vacation }: { vacation: VacationResponse }) {
  const { client } = useAccount();
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [first, last] = daysOf(vacation);
  const save = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const field = (name: string) => String(data.get(name) ?? '');
    setBusy(true);
    try {
      await saveVacation(client, {
        isEnabled: data.get('enabled') !== null,
        ...windowOf(field('from'), field('to')),
        subject: field('subject').trim() || null,
        textBody: field('text'),
        htmlBody: null,
      });
      showToast(t('settings.saved'));
    } catch (error) {
      showError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="settings-card" ref={form} onSubmit={save}>
      <label class="check">
        <input type="checkbox" name="enabled" defaultChecked={vacation.isEnabled} /> {t('vacation.enabled')}
      </label>
      <div class="field-pair">
        <Field label={t('vacation.from')}>
          <input type="date" name="from" defaultValue={first} />
        </Field>
        <Field label={t('vacation.to')}>
          <input type="date" name="to" defaultValue={last} />
        </Field>
      </div>
      <Field label={t('field.subject')}>
        <input name="subject" defaultValue={vacation.subject ?? ''} maxLength={500} />
      </Field>
      <Field label={t('vacation.text')}>
        <textarea name="text" rows={7} defaultValue={vacation.textBody ?? ''} />
      </Field>
      <button type="submit" class="button primary" disabled={isBusy}>
        {t('action.save')}
      </button>
    </form>
  );
}
