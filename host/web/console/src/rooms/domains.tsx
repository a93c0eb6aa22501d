import { useState } from 'preact/hooks';
import { allows, ask, type DnsRecord, type Domain, type Finding, get, type Page, part } from '../api';
import { moment, t, word } from '../i18n';
import { Field, Sure, Table, useAsked, values, Waiting } from '../parts';
import { attempt, link, place, who } from '../state';

export function Domains() {
  const { about } = place.value;
  return about === '' ? <List /> : <One name={about} />;
}

const mayWrite = () => who.value !== null && allows(who.value, 'domains', 'write');

function List() {
  const asked = useAsked(() => get<Page<Domain>>('/domains'), []);
  const domains = asked.value?.items ?? [];
  const add = async (event: Event) => {
    const form = event.currentTarget as HTMLFormElement;
    const { domain = '' } = values(event);
    if (await attempt(t('domains.added', { domain }), () => ask('POST', '/domains', { domain }))) {
      form.reset();
      await asked.load();
    }
  };
  const remove = async (domain: string) => {
    const path = `/domains/${part(domain)}`;
    if (await attempt(t('domains.removed', { domain }), () => ask('DELETE', path))) await asked.load();
  };
  return (
    <>
      {mayWrite() && (
        <form class="search" onSubmit={(event) => void add(event)}>
          <Field label={t('domains.new')}>
            {(id) => <input id={id} name="domain" required spellcheck={false} autocapitalize="none" />}
          </Field>
          <button class="button primary" type="submit">
            {t('action.add')}
          </button>
        </form>
      )}
      <Waiting of={asked}>
        <Table
          caption={word('room', 'domains')}
          heads={['domains.domain', 'head.since', 'head.actions']}
          isEmpty={domains.length === 0}
        >
          {domains.map((domain) => (
            <tr key={domain.name}>
              <td>
                <a href={link('domains', domain.name)}>{domain.name}</a>
              </td>
              <td>{moment(domain.created)}</td>
              <td>
                {mayWrite() && (
                  <Sure
                    label={t('action.remove')}
                    question={t('domains.sure', { domain: domain.name })}
                    act={() => void remove(domain.name)}
                  />
                )}
              </td>
            </tr>
          ))}
        </Table>
      </Waiting>
    </>
  );
}

function One({ name }: { name: string }) {
  const records = useAsked(() => get<{ records: DnsRecord[] }>(`/domains/${part(name)}/records`), [name]);
  return (
    <>
      <p>
        <a href={link('domains')}>{t('domains.back')}</a>
      </p>
      <h2>{name}</h2>
      <Published name={name} />
      <h2>{t('domains.records')}</h2>
      <Waiting of={records}>
        <Table
          caption={t('domains.records')}
          heads={['domains.name', 'domains.type', 'domains.data', 'domains.purpose']}
          isEmpty={records.value?.records.length === 0}
        >
          {records.value?.records.map((record, at) => (
            <tr key={at}>
              <td class="code wrap">{record.name}</td>
              <td class="code">{record.type}</td>
              <td class="code wrap">{record.data}</td>
              <td class="wrap soft">{record.purpose}</td>
            </tr>
          ))}
        </Table>
        <Copy
          text={(records.value?.records ?? []).map(({ name: at, type, data }) => `${at} IN ${type} ${data}`).join('\n')}
        />
      </Waiting>
    </>
  );
}

function Copy({ text }: { text: string }) {
  return (
    <button
      type="button"
      class="button"
      onClick={() => void attempt(t('domains.copied'), () => navigator.clipboard.writeText(`${text}\n`))}
    >
      {t('domains.copy')}
    </button>
  );
}

/** What is wrong with what is published: looked up when somebody wants to know. */
function Published({ name }: { name: string }) {
  const [turn, setTurn] = useState(0);
  if (turn === 0) {
    return (
      <button type="button" class="button primary" onClick={() => setTurn(1)}>
        {t('domains.check')}
      </button>
    );
  }
  return <Findings key={turn} name={name} again={() => setTurn(turn + 1)} />;
}

function Findings({ name, again }: { name: string; again: () => void }) {
  const asked = useAsked(() => get<{ findings: Finding[] }>(`/domains/${part(name)}/check`), [name]);
  const findings = asked.value?.findings ?? [];
  return (
    <section aria-label={t('domains.published')}>
      <Waiting of={asked}>
        {findings.length === 0 && <p class="done">{t('domains.well')}</p>}
        <ul class="plain">
          {findings.map((finding, at) => (
            <li key={at} class="card">
              <strong>{finding.about}</strong> <Quoting text={finding.problem} />
              <p class="soft">
                <Quoting text={finding.advice} />
              </p>
            </li>
          ))}
        </ul>
        <button type="button" class="button" onClick={again}>
          {t('action.again')}
        </button>
      </Waiting>
    </section>
  );
}

/** A text in which backticks hold what is typed or published as it stands. */
function Quoting({ text }: { text: string }) {
  return <>{text.split('`').map((piece, at) => (at % 2 === 1 ? <code key={at}>{piece}</code> : piece))}</>;
}
