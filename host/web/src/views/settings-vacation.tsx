import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import type { VacationResponse } from '../jmap/types';
import { utc } from '../mail/search';
import { explain, showError, showToast } from '../state/toasts';
import { loadVacation, saveVacation } from '../state/vacation';
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

/** A moment as the day that it is here, for a date field. */
function dayOf(iso: string | null): string {
  if (iso === null) return '';
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The first moment of a day, or the last. */
function momentOf(day: string, time: string): string | null {
  const date = new Date(`${day}T${time}`);
  return day === '' || Number.isNaN(date.getTime()) ? null : utc(date);
}

function VacationForm({ vacation }: { vacation: VacationResponse }) {
  const { client } = useAccount();
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const save = async (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const field = (name: string) => String(data.get(name) ?? '');
    setBusy(true);
    try {
      await saveVacation(client, {
        isEnabled: data.get('enabled') !== null,
        fromDate: momentOf(field('from'), '00:00:00'),
        toDate: momentOf(field('to'), '23:59:59'),
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
          <input type="date" name="from" defaultValue={dayOf(vacation.fromDate)} />
        </Field>
        <Field label={t('vacation.to')}>
          <input type="date" name="to" defaultValue={dayOf(vacation.toDate)} />
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
