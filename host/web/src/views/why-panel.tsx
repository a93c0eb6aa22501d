/** What the server's policy did with a message, in its own words; only where the server offers it. */
import { useSignal } from '@preact/signals';
import { t } from '../i18n';
import type { Id } from '../jmap/types';
import { explain } from '../state/toasts';
import { fetchWhy, type Why } from '../state/why';
import { useAccount } from './context';

export function WhyPanel({ emailId }: { emailId: Id }) {
  const { client } = useAccount();
  const why = useSignal<Why | null>(null);
  const error = useSignal<string | null>(null);
  const load = () => {
    if (why.peek() !== null) return;
    fetchWhy(client, emailId).then(
      (found) => void (why.value = found),
      (failure) => void (error.value = explain(failure)),
    );
  };
  return (
    <details class="why" onToggle={load}>
      <summary>{t('why.title')}</summary>
      {error.value}
      {why.value?.score != null && <p>{t('why.score', { score: why.value.score, verdict: why.value.verdict })}</p>}
      {why.value?.steps.length === 0 && <p>{t('why.nothing')}</p>}
      <ul>
        {why.value?.steps.map((step) => (
          <li key={`${step.plugin}/${step.hook}/${step.verdict}`}>
            {step.plugin} ({step.hook}): {step.verdict}
            {step.findings.length > 0 && (
              <ul>
                {step.findings.map(({ symbol, weight, evidence }) => (
                  <li key={symbol}>
                    {symbol} = {weight}
                    {evidence && <span class="field-hint"> {evidence}</span>}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
