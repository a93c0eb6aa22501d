import { get, type Page, part } from '../api';
import { count, duration, moment, t, word } from '../i18n';
import { Field, Table, Tag, useAsked, values, Waiting } from '../parts';
import { link, place } from '../state';

interface StepRow {
  step: string;
  plugin?: string;
  version?: string;
  hook: string;
  mode?: string;
  about?: string;
  verdict: string;
  fault?: string;
  microseconds: number;
  findings?: { name: string; score: number; would?: number; options?: string[] }[];
  actions?: string[];
  explained?: string[];
}

interface Row {
  'queue-id': string;
  'message-id': string;
  at: number;
  generation: number;
  outcome: string;
  record: {
    envelope?: Record<string, string | number | null>;
    attempt?: { number: number; host: string; tls: string | null };
    recipients?: { address: string; verdict?: string; fate: string; filed?: string[]; reply?: string }[];
    policy?: { score: number; steps: StepRow[] };
  };
}

export function Trace() {
  const { about } = place.value;
  return (
    <>
      <form
        class="search"
        onSubmit={(event) => {
          location.hash = link('trace', values(event).id ?? '');
        }}
      >
        <Field label={t('trace.id')}>
          {(id) => <input id={id} name="id" required defaultValue={about} spellcheck={false} />}
        </Field>
        <button class="button primary" type="submit">
          {t('action.search')}
        </button>
      </form>
      {about !== '' && <Life key={about} id={about} />}
    </>
  );
}

function Life({ id }: { id: string }) {
  const asked = useAsked(() => get<Page<Row>>(`/trace/${part(id)}`), [id]);
  return (
    <Waiting of={asked}>
      {asked.value?.items.map((row, at) => (
        <One key={at} row={row} number={at + 1} />
      ))}
    </Waiting>
  );
}

function One({ row, number }: { row: Row; number: number }) {
  const { envelope, attempt, recipients, policy } = row.record;
  const facts: [string, string][] = [
    [t('trace.queueId'), row['queue-id']],
    ['Message-ID', row['message-id']],
    [t('trace.from'), String(envelope?.sender ?? '')],
    [t('trace.client'), [envelope?.client, envelope?.helo].filter(Boolean).join(' – ')],
    [t('trace.login'), String(envelope?.login ?? '')],
    ['TLS', String(envelope?.tls ?? attempt?.tls ?? '')],
    [t('queue.host'), attempt?.host ?? ''],
  ];
  return (
    <article class="card">
      <h2>
        {moment(row.at)} <Tag kind={row.outcome}>{word('state', row.outcome)}</Tag>
      </h2>
      <dl class="facts">
        {facts
          .filter(([, value]) => value !== '')
          .map(([name, value]) => [<dt key={`${name}-`}>{name}</dt>, <dd key={name}>{value}</dd>])}
      </dl>
      <ul class="plain">
        {recipients?.map((recipient, at) => (
          <li key={at}>
            {recipient.address}{' '}
            {recipient.verdict && <Tag kind={recipient.verdict}>{word('verdict', recipient.verdict)}</Tag>}{' '}
            <span class="said">
              {[recipient.filed?.join(', '), recipient.reply].filter(Boolean).join(' – ') || recipient.fate}
            </span>
          </li>
        ))}
      </ul>
      {policy !== undefined && policy.steps.length > 0 && (
        <>
          <h3>{t('trace.score', { generation: row.generation, score: count(policy.score) })}</h3>
          <Table
            caption={`${t('trace.steps')}: ${number}`}
            heads={['trace.step', 'trace.hook', 'trace.answer', 'trace.cost', 'trace.found']}
            isEmpty={false}
          >
            {policy.steps.map((step, at) => (
              <StepLine key={at} step={step} />
            ))}
          </Table>
        </>
      )}
    </article>
  );
}

function StepLine({ step }: { step: StepRow }) {
  return (
    <tr>
      <td>
        {step.step} <span class="soft">{step.version}</span>{' '}
        {step.mode && <Tag kind={step.mode}>{word('mode', step.mode)}</Tag>}
      </td>
      <td>
        {step.hook} {step.about && <span class="soft">{step.about}</span>}
      </td>
      <td class="wrap">{step.fault ?? step.verdict}</td>
      <td class="number">{duration(step.microseconds)}</td>
      <td class="wrap">
        <ul class="plain">
          {step.findings?.map((finding, at) => (
            <li key={at}>
              <strong>{finding.name}</strong> {count(finding.would ?? finding.score)}{' '}
              <span class="soft">{finding.options?.join(', ')}</span>
            </li>
          ))}
          {[...(step.actions ?? []), ...(step.explained ?? [])].map((line, at) => (
            <li key={`said${at}`} class="soft">
              {line}
            </li>
          ))}
        </ul>
      </td>
    </tr>
  );
}
