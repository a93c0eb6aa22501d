import { useState } from 'preact/hooks';
import type { Preview, Side } from '../api';
import { differences } from '../differences';
import { count, moment, t, word } from '../i18n';
import { Table, Tag } from '../parts';
import { link } from '../state';

/** Messages that are shown before somebody wants all. */
const SHOWN = 10;

/** What recent mail comes to as things are, and as they would be. */
export function Outcome({ of }: { of: Preview }) {
  const [isWhole, setWhole] = useState(false);
  const messages = isWhole ? of.messages : of.messages.slice(0, SHOWN);
  return (
    <div class="stack">
      <h2>{t('rules.outcome')}</h2>
      <p>
        {t('rules.counted', { tried: count(of.tried), differing: count(of.differing), verdicts: count(of.verdicts) })}
      </p>
      {of.tried === 0 && of.changed.length > 0 && <p class="soft">{t('outcome.nothing')}</p>}
      {Object.entries(of.untried ?? {}).map(([step, hooks]) => (
        <p key={step} class="soft">
          {t('outcome.untried', { step, hooks: hooks.join(', ') })}
        </p>
      ))}
      <Table
        caption={`${t('rules.outcome')}: ${of.changed.join(', ')}`}
        heads={['queue.message', 'head.when', 'queue.from', 'rules.before', 'rules.after', 'trace.found']}
        isEmpty={of.messages.length === 0}
      >
        {messages.map((message) => (
          <tr key={message['queue-id']}>
            <td>
              <a href={link('trace', message['queue-id'])}>{message['queue-id']}</a>
            </td>
            <td>{moment(message.at)}</td>
            <td class="wrap">{message.sender}</td>
            <td>
              <Judged side={message.before} />
            </td>
            <td>
              <Judged side={message.after} />
            </td>
            <td class="wrap">{differences(message.before, message.after).join(', ')}</td>
          </tr>
        ))}
      </Table>
      {messages.length < of.messages.length && (
        <p class="deeds">
          <button type="button" class="button small" onClick={() => setWhole(true)}>
            {t('action.more')}
          </button>
        </p>
      )}
    </div>
  );
}

function Judged({ side }: { side: Side }) {
  return (
    <>
      <Tag kind={side.verdict}>{word('verdict', side.verdict)}</Tag> {count(side.score)}
    </>
  );
}
