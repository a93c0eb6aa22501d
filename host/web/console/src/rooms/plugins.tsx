import { allows, ask, type Build, type Generation, get, type Page, type Pipeline, type Step } from '../api';
import { count, duration, moment, t, word } from '../i18n';
import { Field, Sure, Table, Tag, useAsked, values, Waiting } from '../parts';
import { Shares } from '../plot';
import { attempt, who } from '../state';
import { Comparisons, Trial, TryOut } from './trials';

const mayWrite = () => who.value !== null && allows(who.value, 'policy', 'write');

export function Plugins() {
  const asked = useAsked(() => get<Pipeline>('/plugins'), []);
  const history = useAsked(() => get<Page<Generation>>('/plugins/history'), []);
  const builds = useAsked(() => get<Page<Build>>('/plugins/builds'), []);
  const load = async () => {
    await Promise.all([asked.load(), history.load(), builds.load()]);
  };
  const pipeline = asked.value;
  const restore = async () => {
    const act = () => ask('POST', '/plugins/restore', undefined, pipeline?.['policy-digest']);
    if (await attempt(t('plugins.restored'), act)) await load();
  };
  return (
    <>
      <Waiting of={asked}>
        {pipeline !== null && (
          <>
            <p>{t('plugins.serves', { generation: pipeline.generation, at: moment(pipeline.since) })}</p>
            {pipeline.problems.length > 0 && (
              <ul class="trouble plain" aria-label={t('plugins.problems')}>
                {pipeline.problems.map((problem, at) => (
                  <li key={at}>
                    {problem.file}
                    {problem.line === undefined ? '' : `:${problem.line}`}: {problem.text}
                  </li>
                ))}
              </ul>
            )}
            {pipeline.problems.length > 0 && mayWrite() && (
              <p class="deeds">
                <Sure label={t('plugins.restore')} question={t('plugins.sureRestore')} act={() => void restore()} />
              </p>
            )}
            {pipeline.notes?.map((note) => (
              <p key={note} class="soft">
                {note}
              </p>
            ))}
            <Comparisons of={pipeline} />
            <ol class="pipeline" aria-label={t('plugins.pipeline')}>
              {pipeline.steps.map((step, at) => (
                <StepCard
                  key={step.name}
                  number={at + 1}
                  step={step}
                  builds={builds.value?.items ?? []}
                  digest={pipeline['policy-digest']}
                  done={load}
                />
              ))}
            </ol>
          </>
        )}
      </Waiting>
      <h2>{t('plugins.history')}</h2>
      {mayWrite() && <Back done={load} />}
      <Waiting of={history}>
        <Table
          caption={t('plugins.history')}
          heads={['plugins.generation', 'head.when', 'audit.who', 'plugins.why', 'plugins.changes']}
          isEmpty={history.value?.items.length === 0}
        >
          {[...(history.value?.items ?? [])].reverse().map((event) => (
            <tr key={`${event.generation}-${event.at}`}>
              <td class="number">{event.generation}</td>
              <td>{moment(event.at)}</td>
              <td>{event.who}</td>
              <td class="wrap">{event.why}</td>
              <td class="wrap">{event.changes.join('; ')}</td>
            </tr>
          ))}
        </Table>
      </Waiting>
    </>
  );
}

interface StepProps {
  number: number;
  step: Step;
  builds: Build[];
  digest: string | undefined;
  done: () => Promise<void>;
}

/** A step as a station of the line: what it is, where it is asked, what it costs, how it answers. */
function StepCard({ number, step, builds, digest, done }: StepProps) {
  const mean = step.calls === 0 ? '–' : duration(step.microseconds / step.calls);
  return (
    <li class={`station mode-${step.mode}`}>
      <span class="station-number" aria-hidden="true">
        {number}
      </span>
      <div class="card">
        <h2>
          {step.name} <Tag kind={step.mode}>{word('mode', step.mode)}</Tag>{' '}
          {step.breaker !== 'closed' && <Tag kind="failed">{t('plugins.broken')}</Tag>}
        </h2>
        <p class="soft">
          {step.plugin} {step.version} · <span title={step.digest}>{step.digest.slice(0, 12)}</span>
          {step.percent !== undefined && ` · ${step.percent} %`}
          {step.replaces !== undefined && ` · ${t('plugins.replaces', { step: step.replaces })}`}
        </p>
        <p class="hooks">
          {step.hooks.map((hook) => (
            <span key={hook} class="hook">
              {hook}
            </span>
          ))}
        </p>
        <dl class="facts tight">
          <dt>{t('plugins.calls')}</dt>
          <dd>{count(step.calls)}</dd>
          <dt>{t('plugins.cost')}</dt>
          <dd>{mean}</dd>
          <dt>{t('plugins.faults')}</dt>
          <dd>
            {count(step.faults)} <span class="soft">{step['last-fault']}</span>
          </dd>
        </dl>
        <Shares of={step.answers} label={t('plugins.answers')} />
        {mayWrite() && step.mode !== 'enforce' && <Trial step={step} digest={digest} done={done} />}
        {mayWrite() && step.mode === 'enforce' && (
          <TryOut key={digest} step={step} builds={builds} digest={digest} done={done} />
        )}
      </div>
    </li>
  );
}

function Back({ done }: { done: () => Promise<void> }) {
  const back = async (event: Event) => {
    const { to = '', reason = '' } = values(event);
    const body = { to: to === '' ? null : Number(to), reason: reason === '' ? null : reason };
    if (await attempt(t('plugins.back'), () => ask('POST', '/plugins/rollback', body))) await done();
  };
  return (
    <details class="card">
      <summary>{t('plugins.goBack')}</summary>
      <form class="search" onSubmit={(event) => void back(event)}>
        <Field label={t('plugins.to')}>{(id) => <input id={id} name="to" type="number" min="1" />}</Field>
        <Field label={t('plugins.reason')}>{(id) => <input id={id} name="reason" maxLength={200} />}</Field>
        <button class="button danger" type="submit">
          {t('plugins.goBack')}
        </button>
      </form>
    </details>
  );
}
