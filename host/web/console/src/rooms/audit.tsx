import { useState } from 'preact/hooks';
import { type AuditRow, get, type Page, query } from '../api';
import { moment, t, word } from '../i18n';
import { Field, Table, Tag, useAsked, values, Waiting } from '../parts';

export function Audit() {
  const [filter, setFilter] = useState<Record<string, string>>({});
  const [before, setBefore] = useState<string | undefined>();
  const asked = useAsked(
    () => get<Page<AuditRow>>(`/audit${query({ ...filter, before, limit: 50 })}`),
    [filter, before],
  );
  const rows = asked.value?.items ?? [];
  return (
    <>
      <form
        class="search"
        onSubmit={(event) => {
          setBefore(undefined);
          setFilter(values(event));
        }}
      >
        <Field label={t('audit.who')}>{(id) => <input id={id} name="who" spellcheck={false} />}</Field>
        <Field label={t('audit.subject')}>{(id) => <input id={id} name="subject" spellcheck={false} />}</Field>
        <button class="button" type="submit">
          {t('action.search')}
        </button>
      </form>
      <Waiting of={asked}>
        <Table
          caption={word('room', 'audit')}
          heads={[
            'head.when',
            'audit.who',
            'audit.origin',
            'audit.action',
            'audit.subject',
            'audit.outcome',
            'audit.detail',
          ]}
          isEmpty={rows.length === 0}
        >
          {rows.map((row, at) => (
            <tr key={at}>
              <td>{moment(row.at)}</td>
              <td>{row.who}</td>
              <td>{row.origin}</td>
              <td>{row.action}</td>
              <td class="wrap">{row.subject}</td>
              <td class="wrap">
                <Tag kind={row.outcome === 'done' ? 'relayed' : 'failed'}>{row.outcome || '…'}</Tag>
              </td>
              <td class="wrap said">{row.detail === null ? '' : JSON.stringify(row.detail)}</td>
            </tr>
          ))}
        </Table>
        {typeof asked.value?.next === 'string' && (
          <button type="button" class="button" onClick={() => setBefore(String(asked.value?.next))}>
            {t('action.more')}
          </button>
        )}
      </Waiting>
    </>
  );
}
