import { useState } from 'preact/hooks';
import { allows, ask, type Entry, get, type Page, part, type Queued, query, Refusal } from '../api';
import { moment, size, t, word } from '../i18n';
import { Field, Sure, Table, Tag, useAsked, values, Waiting } from '../parts';
import { attempt, link, place, who } from '../state';

type Deed = 'retry' | 'hold' | 'release' | 'remove';

/** Does something to a message, or to one of its entries. */
function act(id: string | number, deed: Deed): Promise<boolean> {
  const path = `/queue/${part(String(id))}`;
  return attempt(t(`queue.done.${deed}`), () =>
    deed === 'remove' ? ask('DELETE', path) : ask('POST', `${path}/${deed}`),
  );
}

export function Queue() {
  const { about } = place.value;
  return about === '' ? <List /> : <Message id={about} />;
}

function List() {
  const [search, setSearch] = useState('');
  const [held, setHeld] = useState('');
  const [more, setMore] = useState<Entry[]>([]);
  const [next, setNext] = useState<string | number | null>(null);
  const page = (after?: string | number) => get<Page<Entry>>(`/queue${query({ search, held, after, limit: 50 })}`);
  const asked = useAsked(async () => {
    const first = await page();
    setMore([]);
    setNext(first.next ?? null);
    return first;
  }, [search, held]);
  const onward = async () => {
    if (next === null) return;
    const another = await page(next);
    setMore([...more, ...another.items]);
    setNext(another.next ?? null);
  };
  const entries = [...(asked.value?.items ?? []), ...more];
  return (
    <>
      <form
        class="search"
        onSubmit={(event) => {
          const form = values(event);
          setSearch(form.search ?? '');
          setHeld(form.held ?? '');
        }}
      >
        <Field label={t('queue.search')}>
          {(id) => <input id={id} name="search" type="search" spellcheck={false} />}
        </Field>
        <Field label={t('queue.which')}>
          {(id) => (
            <select id={id} name="held">
              <option value="">{t('queue.all')}</option>
              <option value="false">{t('queue.waiting')}</option>
              <option value="true">{t('queue.held')}</option>
            </select>
          )}
        </Field>
        <button class="button" type="submit">
          {t('action.search')}
        </button>
      </form>
      <Waiting of={asked}>
        <Table
          caption={word('room', 'queue')}
          heads={[
            'queue.message',
            'queue.from',
            'queue.to',
            'queue.state',
            'queue.due',
            'queue.tries',
            'queue.said',
            'head.actions',
          ]}
          isEmpty={entries.length === 0}
        >
          {entries.map((entry) => (
            <tr key={entry.entry}>
              <td>
                <a href={link('queue', entry['queue-id'])}>{entry['queue-id']}</a>
              </td>
              <td class="wrap">{entry.sender === '' ? t('queue.report') : entry.sender}</td>
              <td class="wrap">{entry.recipients.map(({ address }) => address).join(', ') || entry.destination}</td>
              <td>
                <Tag kind={entry.state}>{word('state', entry.state)}</Tag>
              </td>
              <td>{moment(entry.due)}</td>
              <td class="number">{entry.attempts}</td>
              <td class="wrap said">{entry.said}</td>
              <td>
                <Deeds of={entry} done={asked.load} />
              </td>
            </tr>
          ))}
        </Table>
        {next !== null && (
          <button type="button" class="button" onClick={() => void onward()}>
            {t('action.more')}
          </button>
        )}
      </Waiting>
    </>
  );
}

function Deeds({ of, done }: { of: Entry; done: () => Promise<void> }) {
  if (who.value === null || !allows(who.value, 'queue', 'write')) return null;
  const run = async (deed: Deed) => {
    if (await act(of.entry, deed)) await done();
  };
  const deeds = of.state === 'held' ? (['release'] as const) : (['retry', 'hold'] as const);
  return (
    <span class="deeds">
      {deeds.map((deed) => (
        <button key={deed} type="button" class="button small" onClick={() => void run(deed)}>
          {t(`queue.${deed}`)}
        </button>
      ))}
      <Sure label={t('action.remove')} question={t('queue.sure')} act={() => void run('remove')} />
    </span>
  );
}

function Message({ id }: { id: string }) {
  const asked = useAsked(async () => {
    // It may have gone meanwhile: its trace tells how.
    const gone: Queued = { 'queue-id': id, entries: [], attempts: [] };
    return get<Queued>(`/queue/${part(id)}`).catch((failure) => {
      if (failure instanceof Refusal && failure.status === 404) return gone;
      throw failure;
    });
  }, [id]);
  const message = asked.value;
  return (
    <>
      <p>
        <a href={link('queue')}>{t('queue.back')}</a>
      </p>
      <Waiting of={asked}>
        {message !== null && (
          <>
            <h2>{message['queue-id']}</h2>
            <p>
              <a href={link('trace', message['queue-id'])}>{t('queue.trace')}</a>
            </p>
            {message.entries.length === 0 && <p class="soft">{t('queue.gone')}</p>}
            {message.entries.map((entry) => (
              <section key={entry.entry} class="card">
                <h3>
                  {entry.destination} <Tag kind={entry.state}>{word('state', entry.state)}</Tag>
                </h3>
                <dl class="facts">
                  <dt>{t('queue.from')}</dt>
                  <dd>{entry.sender === '' ? t('queue.report') : entry.sender}</dd>
                  <dt>{t('queue.size')}</dt>
                  <dd>{size(entry.size)}</dd>
                  <dt>{t('queue.received')}</dt>
                  <dd>{moment(entry.received)}</dd>
                  <dt>{t('queue.due')}</dt>
                  <dd>{moment(entry.due)}</dd>
                  <dt>{t('queue.expires')}</dt>
                  <dd>{moment(entry.expires)}</dd>
                </dl>
                <ul class="plain">
                  {entry.recipients.map((recipient) => (
                    <li key={recipient.address}>
                      {recipient.address} <Tag kind={recipient.state}>{word('state', recipient.state)}</Tag>{' '}
                      <span class="said">{recipient.said}</span>
                    </li>
                  ))}
                </ul>
                <Deeds of={entry} done={asked.load} />
              </section>
            ))}
            <h2>{t('queue.attempts')}</h2>
            <Table
              caption={t('queue.attempts')}
              heads={['head.when', 'queue.host', 'queue.said']}
              isEmpty={message.attempts.length === 0}
            >
              {message.attempts.map((one, at) => (
                <tr key={at}>
                  <td>{moment(one.at)}</td>
                  <td>{one.host}</td>
                  <td class="wrap said">{one.said}</td>
                </tr>
              ))}
            </Table>
          </>
        )}
      </Waiting>
    </>
  );
}
