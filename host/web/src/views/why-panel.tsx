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
      <ul>
        {why.value?.steps.map((step) => (
          <li key={`${step.plugin}/${step.hook}`}>
            {step.plugin} ({step.hook}): {step.verdict}
            {step.findings.map((finding) => ` ${finding.symbol}=${finding.weight}`)}
          </li>
        ))}
      </ul>
    </details>
  );
}
