import { useState } from 'preact/hooks';
import { ask, type Build, type Comparison, get, type Page, type Pipeline, type Preview, part, type Step } from '../api';
import { count, duration, moment, t, word } from '../i18n';
import { Field, Sure, Table, Tag, useAsked, values, Waiting } from '../parts';
import { Shares } from '../plot';
import { attempt, link } from '../state';
import { Outcome } from './outcome';

/** Differences that are shown of each trial; each leads to its trace. */
const SHOWN = 5;

interface Props {
  step: Step;
  /** Of policy.toml when this was shown: what somebody else changed meanwhile is not overwritten. */
  digest: string | undefined;
  done: () => Promise<void>;
}

/** What is done with a step that is tried out. */
export function Trial({ step, digest, done }: Props) {
  const path = `/plugins/${part(step.name)}`;
  const change = async (said: string, method: string, place: string, body?: unknown) => {
    if (await attempt(said, () => ask(method, place, body, digest))) await done();
  };
  const promote = () =>
    change(t('plugins.promoted', { step: step.name }), 'POST', `${path}/promote?build=${step.digest}`);
  const withdraw = () => change(t('plugins.withdrawn', { step: step.name }), 'DELETE', path);
  const setMode = (event: Event) => {
    const percent = Number(values(event).percent ?? '');
    const build = step.digest;
    const body = percent === 0 ? { mode: 'shadow', build } : { mode: 'canary', percent, build };
    void change(t('plugins.moded', { step: step.name }), 'PUT', `${path}/mode`, body);
  };
  return (
    <>
      <p class="deeds">
        <Sure label={t('plugins.promote')} question={t('plugins.surePromote')} act={() => void promote()} />
        {step.replaces !== undefined && (
          <Sure label={t('plugins.withdraw')} question={t('plugins.sureWithdraw')} act={() => void withdraw()} />
        )}
      </p>
      <Replay body={{ step: step.name }} />
      <details>
        <summary>{t('plugins.share')}</summary>
        <form class="search" onSubmit={setMode}>
          <Percent value={step.percent ?? 0} />
          <button class="button small" type="submit">
            {t('action.save')}
          </button>
        </form>
      </details>
    </>
  );
}

function Percent({ value }: { value: number }) {
  return (
    <Field label={t('plugins.percent')}>
      {(id) => <input id={id} name="percent" type="number" min="0" max="100" required defaultValue={String(value)} />}
    </Field>
  );
}

/** A build is chosen, seen on recent mail, and tried out in the step's place. */
export function TryOut({ step, builds, digest, done }: Props & { builds: Build[] }) {
  const [chosen, choose] = useState('');
  const offered = builds.filter(({ name, steps }) => !steps.includes(step.name) && name !== step.plugin);
  const build = builds.find(({ name }) => name === chosen);
  const begin = async (event: Event) => {
    const { plugin = '', percent = '0' } = values(event);
    const body = { plugin, percent: Number(percent) === 0 ? null : Number(percent), build: build?.digest };
    const act = () => ask('POST', `/plugins/${part(step.name)}/trial`, body, digest);
    if (await attempt(t('plugins.begun', { plugin, step: step.name }), act)) await done();
  };
  return (
    <details>
      <summary>{t('plugins.try')}</summary>
      <form class="search" onSubmit={(event) => void begin(event)}>
        <Field label={t('plugins.build')}>
          {(id) => (
            <select id={id} name="plugin" required onChange={(event) => choose(event.currentTarget.value)}>
              <option value="">–</option>
              {offered.map(({ name, version }) => (
                <option key={name} value={name}>
                  {name} {version}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Percent value={0} />
        <button class="button small" type="submit" disabled={build === undefined || build.problem !== undefined}>
          {t('plugins.begin')}
        </button>
      </form>
      {build?.problem !== undefined && (
        <p class="trouble">
          {build.name} {build.problem}
        </p>
      )}
      {build !== undefined && build.problem === undefined && (
        <Replay key={chosen} body={{ step: step.name, plugin: chosen }} />
      )}
    </details>
  );
}

/** What recent mail would come to. */
function Replay({ body }: { body: { step: string; plugin?: string } }) {
  const [seen, setSeen] = useState<Preview | null>(null);
  const [isBusy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    await attempt(t('rules.tried'), async () => {
      setSeen(await ask<Preview>('POST', '/plugins/replay', body));
    });
    setBusy(false);
  };
  return (
    <>
      <p class="deeds">
        <button type="button" class="button small" disabled={isBusy} onClick={() => void look()}>
          {t('rules.preview')}
        </button>
      </p>
      {seen !== null && <Outcome of={seen} />}
    </>
  );
}

/** Steps that are tried out, beside what serves. */
export function Comparisons({ of }: { of: Pipeline | null }) {
  const asked = useAsked(() => get<Page<Comparison>>('/plugins/comparison'), [of]);
  const reports = asked.value?.items ?? [];
  if (reports.length === 0) return null;
  return (
    <section aria-label={t('plugins.tried')}>
      <h2>{t('plugins.tried')}</h2>
      <p class="deeds">
        <button type="button" class="button small" onClick={() => void asked.load()}>
          {t('action.again')}
        </button>
      </p>
      <Waiting of={asked}>
        {reports.map((report) => (
          <Compared key={report.step} report={report} />
        ))}
      </Waiting>
    </section>
  );
}

function Compared({ report }: { report: Comparison }) {
  const { symbols, changes, examples, replaces } = report;
  const same = changes.filter(({ kind }) => kind === 'same').reduce((sum, { count: times }) => sum + times, 0);
  const other = changes.filter(({ kind }) => kind !== 'same');
  const shares = Object.fromEntries([
    [t('plugins.same'), same],
    ...other.map(({ hook, kind, count: times }) => [`${hook}: ${kind}`, times]),
  ]);
  return (
    <div class="card">
      <h3>
        {report.step} <Tag kind={report.mode}>{word('mode', report.mode)}</Tag>
        {replaces !== undefined && <span class="soft"> {t('plugins.replaces', { step: replaces })}</span>}
      </h3>
      {report.sides === undefined ? (
        <>
          <p>
            {t('plugins.compared', { count: count(report.compared) })} –{' '}
            {t('plugins.times', { trial: duration(report.microseconds[0]), serving: duration(report.microseconds[1]) })}
          </p>
          <Shares of={shares} label={t('plugins.changed')} />
        </>
      ) : (
        <Sides of={report.sides} />
      )}
      {symbols.length > 0 && (
        <Table
          caption={`${t('plugins.symbols')}: ${report.step}`}
          heads={['trace.found', 'plugins.onlyTrial', 'plugins.onlyServing', 'plugins.otherScore']}
          isEmpty={false}
        >
          {symbols.map((symbol) => (
            <tr key={symbol.name}>
              <td>{symbol.name}</td>
              <td class="number">{count(symbol['only-trial'])}</td>
              <td class="number">{count(symbol['only-serving'])}</td>
              <td class="number">{count(symbol['other-score'])}</td>
            </tr>
          ))}
        </Table>
      )}
      {examples.length > 0 && (
        <Table
          caption={`${t('plugins.examples')}: ${report.step}`}
          heads={['queue.message', 'head.when', 'plugins.serving', 'plugins.trial']}
          isEmpty={false}
        >
          {examples.slice(0, SHOWN).map((example, at) => (
            <tr key={at}>
              <td>
                <a href={link('trace', example['queue-id'])}>{example['queue-id']}</a>
              </td>
              <td>{moment(example.at)}</td>
              <td class="wrap">{example.serving}</td>
              <td class="wrap">{example.trial}</td>
            </tr>
          ))}
        </Table>
      )}
    </div>
  );
}

/** What transactions came to with a canary, and without it. */
function Sides({ of }: { of: NonNullable<Comparison['sides']> }) {
  const names = ['refused', 'deferred', 'junk'].filter((name) => of.some((side) => side[name] !== undefined));
  return (
    <ul class="plain">
      {of.map((side, at) => (
        <li key={at}>
          <strong>{at === 0 ? t('plugins.trial') : t('plugins.serving')}</strong>{' '}
          {t('plugins.transactions', { count: count(side.transactions) })}
          {names.map((name) => `, ${name} ${count(100 * (side[name] ?? 0))} %`)}
        </li>
      ))}
    </ul>
  );
}
