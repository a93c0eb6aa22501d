/** What the fake server answers to each method. */
import type { Filter } from '../../src/jmap/types';
import { setEmails } from './email-set';
import type { FakeEmail, Kind, Model } from './model';
import { listed, matches, run, snippet, textOf } from './query';
import { setIdentities, setMailboxes, setSubmissions } from './sets';

export type Args = Record<string, unknown>;
export type Answer = [name: string, args: Args];

export class MethodFailure extends Error {}

export interface Limits {
  maxObjectsInGet: number;
  canFollowQueries: boolean;
}

export function call(model: Model, name: string, args: Args, limits: Limits): Answer[] {
  const handler = HANDLERS[name];
  if (handler === undefined) throw new MethodFailure('unknownMethod');
  return handler(model, args, limits).map(([of, answer]) => [of, { accountId: args.accountId, ...answer }]);
}

type Handler = (model: Model, args: Args, limits: Limits) => Answer[];

const HANDLERS: Record<string, Handler> = {
  'Mailbox/get': get('Mailbox', (model) => [...model.mailboxes.keys()], mailboxObject),
  'Thread/get': get('Thread', (model) => [...model.threads.keys()], threadObject),
  'Email/get': (model, args, limits) => {
    const object = (of: Model, id: string) => emailObject(of, id, args);
    return get('Email', (of) => [...of.emails.keys()], object)(model, args, limits);
  },
  'Identity/get': get(
    'Identity',
    (model) => [...model.identities.keys()],
    (model, id) => model.identities.get(id) ?? null,
  ),
  'VacationResponse/get': get(
    'VacationResponse',
    () => ['singleton'],
    (model) => model.vacation,
  ),
  'Quota/get': get('Quota', () => ['Q1'], quotaObject),
  'Mailbox/changes': changes('Mailbox'),
  'Thread/changes': changes('Thread'),
  'Email/changes': changes('Email'),
  'Email/query': query,
  'Email/queryChanges': queryChanges,
  'SearchSnippet/get': snippets,
  'Email/set': setEmails,
  'Mailbox/set': setMailboxes,
  'Identity/set': setIdentities,
  'EmailSubmission/set': setSubmissions,
  'VacationResponse/set': (model, args) => {
    const update = (args.update as Record<string, Args>).singleton ?? {};
    Object.assign(model.vacation, update);
    model.note('VacationResponse', 'singleton', 'updated');
    return [
      [
        'VacationResponse/set',
        { newState: model.state('VacationResponse'), updated: { singleton: null }, notUpdated: null },
      ],
    ];
  },
};

function get(
  kind: Kind,
  all: (model: Model) => string[],
  object: (model: Model, id: string) => object | null,
): Handler {
  return (model, args, limits) => {
    const ids = (args.ids as string[] | null) ?? all(model);
    if (ids.length > limits.maxObjectsInGet) throw new MethodFailure('requestTooLarge');
    const list: object[] = [];
    const notFound: string[] = [];
    for (const id of new Set(ids)) {
      const found = object(model, id);
      if (found === null) notFound.push(id);
      else list.push(pick(found, args.properties as string[] | null));
    }
    return [[`${kind}/get`, { state: model.state(kind), list, notFound }]];
  };
}

function pick(object: object, properties: string[] | null | undefined): object {
  if (!properties) return object;
  return Object.fromEntries(Object.entries(object).filter(([name]) => name === 'id' || properties.includes(name)));
}

function changes(kind: Kind): Handler {
  return (model, args) => {
    const found = model.changes(kind, String(args.sinceState));
    if (found === null) throw new MethodFailure('cannotCalculateChanges');
    const extra = kind === 'Mailbox' ? { updatedProperties: null } : {};
    return [
      [
        `${kind}/changes`,
        { oldState: args.sinceState, newState: model.state(kind), hasMoreChanges: false, ...found, ...extra },
      ],
    ];
  };
}

const RIGHTS = [
  'mayReadItems',
  'mayAddItems',
  'mayRemoveItems',
  'maySetSeen',
  'maySetKeywords',
  'mayCreateChild',
  'maySubmit',
];

function mailboxObject(model: Model, id: string): object | null {
  const mailbox = model.mailboxes.get(id);
  if (mailbox === undefined) return null;
  const { total, unread } = model.counts.get(id) ?? { total: 0, unread: 0 };
  const rights = Object.fromEntries(RIGHTS.map((right) => [right, true]));
  return {
    ...mailbox,
    ...{ totalEmails: total, unreadEmails: unread, totalThreads: total, unreadThreads: unread, isSubscribed: true },
    myRights: { ...rights, mayRename: mailbox.role === null, mayDelete: mailbox.role === null },
  };
}

function threadObject(model: Model, id: string): object | null {
  const emailIds = model.threads.get(id);
  if (emailIds === undefined) return null;
  const age = (emailId: string) => model.emails.get(emailId)?.receivedAt ?? '';
  return { id, emailIds: [...emailIds].sort((a, b) => age(a).localeCompare(age(b))) };
}

function quotaObject(): object {
  return {
    ...{
      id: 'Q1',
      resourceType: 'octets',
      used: 3_412_000_000,
      hardLimit: 10_000_000_000,
      softLimit: null,
      warnLimit: null,
    },
    ...{ scope: 'account', name: 'Mail', types: ['Mail'] },
  };
}

function emailObject(model: Model, id: string, args: Args): object | null {
  const email = model.emails.get(id);
  if (email === undefined) return null;
  const preview = textOf(email).replace(/\s+/g, ' ').trim().slice(0, 200);
  const summary = { ...email, blobId: `raw-${id}`, hasAttachment: listed(email), preview };
  const { text: _text, html: _html, ...rest } = summary;
  return { ...rest, sender: null, ...bodyOf(email, args) };
}

function bodyOf(email: FakeEmail, args: Args): object {
  const part = (partId: string, type: string) => ({
    ...{
      partId,
      blobId: `raw-${email.id}-${partId}`,
      size: 100,
      name: null,
      type,
      charset: 'utf-8',
      disposition: null,
      cid: null,
    },
  });
  const textBody = [part('1', 'text/plain')];
  const htmlBody = email.html === null ? textBody : [part('2', 'text/html')];
  const bodyValues: Record<string, object> = {};
  const value = (text: string) => ({ value: text, isEncodingProblem: false, isTruncated: false });
  if (args.fetchTextBodyValues) bodyValues['1'] = value(email.text);
  if (args.fetchHTMLBodyValues) bodyValues[email.html === null ? '1' : '2'] = value(email.html ?? email.text);
  const attachments = email.attachments.map((one) => ({ partId: null, charset: null, ...one }));
  return { textBody, htmlBody, bodyValues, attachments };
}

function query(model: Model, args: Args, limits: Limits): Answer[] {
  const filter = (args.filter as Filter | null) ?? null;
  const ids = run(model, filter, args.collapseThreads === true);
  const position = Math.max(Number(args.position ?? 0), 0);
  const page = ids.slice(position, position + Math.min(Number(args.limit ?? 256), 256));
  const total = args.calculateTotal === true ? { total: ids.length } : {};
  return [
    [
      'Email/query',
      { queryState: model.state('Email'), canCalculateChanges: limits.canFollowQueries, position, ids: page, ...total },
    ],
  ];
}

/** By the log: whatever changed is said to have gone, and to have come where it is now. */
function queryChanges(model: Model, args: Args, limits: Limits): Answer[] {
  const since = String(args.sinceQueryState);
  const changed = model.changes('Email', since);
  if (changed === null || !limits.canFollowQueries) throw new MethodFailure('cannotCalculateChanges');
  const filter = (args.filter as Filter | null) ?? null;
  const ids = run(model, filter, args.collapseThreads === true);
  const touched = new Set([...changed.created, ...changed.updated, ...changed.destroyed]);
  // Of a thread that a message came to another may be the first now.
  const threads = new Set([...touched].map((id) => model.emails.get(id)?.threadId));
  // Of one that was destroyed only its thread remembers.
  for (const id of model.changes('Thread', since)?.updated ?? []) threads.add(id);
  const removed = new Set(touched);
  for (const threadId of threads) for (const id of model.threads.get(threadId ?? '') ?? []) removed.add(id);
  const added = ids.flatMap((id, index) => (removed.has(id) ? [{ id, index }] : []));
  return [
    [
      'Email/queryChanges',
      { oldQueryState: since, newQueryState: model.state('Email'), total: ids.length, removed: [...removed], added },
    ],
  ];
}

function snippets(model: Model, args: Args): Answer[] {
  const filter = (args.filter as Filter | null) ?? null;
  const found = (args.emailIds as string[]).map((id) => model.emails.get(id)).filter((email) => email !== undefined);
  const list = found
    .filter((email) => matches(email, filter))
    .map((email) => ({ emailId: email.id, ...snippet(email, filter) }));
  return [['SearchSnippet/get', { list, notFound: null }]];
}
