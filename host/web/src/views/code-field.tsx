import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { Field } from './parts';

const OF_APP = { inputMode: 'numeric', autocomplete: 'one-time-code', pattern: '[0-9 ]{6,7}', maxLength: 7 } as const;
const OF_RECOVERY = { autocomplete: 'off', autocapitalize: 'off', spellcheck: false, maxLength: 30 } as const;

interface CodeFieldProps {
  name: string;
  label: string;
  /** Whether a recovery code does as well. */
  recovers?: boolean;
  autofocus?: boolean;
}

/** A one-time code, or what takes its place for whoever has lost the authenticator. */
export function CodeField({ name, label, recovers = true, autofocus = false }: CodeFieldProps) {
  const [isRecovery, setRecovery] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autofocus || isRecovery) input.current?.focus();
  }, [isRecovery]);
  return (
    <div class="code-field">
      <Field label={isRecovery ? t('login.recoveryCode') : label}>
        <input key={String(isRecovery)} {...{ name, ref: input }} {...(isRecovery ? OF_RECOVERY : OF_APP)} required />
      </Field>
      {recovers && (
        <button type="button" class="text-button" onClick={() => setRecovery(!isRecovery)}>
          {t(isRecovery ? 'login.useCode' : 'login.useRecoveryCode')}
        </button>
      )}
    </div>
  );
}
