/** The store against the fake server: after any changes, what is shown is what is there. */
import { afterEach, expect, test } from 'vitest';
import { Client } from '../../src/jmap/client';
import { MessageList } from '../../src/state/list';
import { MailStore } from '../../src/state/store';
import { Sync } from '../../src/state/sync';
import { generate, message } from '../fake/generate';
import { run } from '../fake/query';
import { type FakeOptions, FakeServer } from '../fake/server';

let server: FakeServer;
const network = { isGone: (_body: string) => false };

afterEach(() => server.close());

async function connect(options: FakeOptions = {}, many = 300) {
  server = new FakeServer(generate(many), options);
  const url = await server.listen();
  globalThis.location = { href: `${url}/mail` } as Location;
  const Cookie = `waxwing=${server.owner.begin('test')}`;
  const auth = { headers: () => ({ 'X-Waxwing': '1', Cookie }), credentials: 'same-origin' as const };
  const client = await Client.connect(auth, {
    fetch: async (path, init) => {
      if (network.isGone(String(init.body ?? ''))) throw new TypeError('Failed to fetch');
      return fetch(url + path, init);
    },
    sleep: async () => {},
  });
  const store = new MailStore(client);
  await store.loadMailboxes();
  const inbox = server.model.mailboxWithRole('inbox');
  const list = new MessageList(client, store, { inMailbox: inbox }, inbox);
  const sync = new Sync(client, store, { onEmails: () => list.follow() });
  return { client, store, list, sync, inbox };
}

test('a page of rows is one request, with all that they show', async () => {
  const { list, store } = await connect();
  await list.ensure(0, 20);
  expect(server.calls.slice(-4)).toEqual(['Email/query', 'Email/get', 'Thread/get', 'Email/get']);
  const ids = list.ids.peek().slice(0, 21);
  expect(ids.every((id) => id !== undefined && store.emails.has(id))).toBe(true);
  const thread = store.threads.peek(store.emails.peek(ids[0] ?? '')?.threadId ?? '');
  expect(thread?.emailIds.every((id) => store.emails.has(id))).toBe(true);
});

test('threads of more messages than one call may ask for are fetched in parts', async () => {
  const { list, store } = await connect({ maxObjectsInGet: 55 });
  await list.ensure(0, 20);
  const ids = list.ids.peek().slice(0, 21);
  const members = ids.flatMap((id) => store.threads.peek(store.emails.peek(id ?? '')?.threadId ?? '')?.emailIds ?? []);
  expect(members.length).toBeGreaterThan(21);
  expect(store.emails.missing(members)).toEqual([]);
});

test('bodies are fetched once', async () => {
  const { list, store } = await connect();
  await list.ensure(0, 5);
  const id = list.ids.peek()[0] ?? '';
  const before = server.calls.length;
  await Promise.all([store.open([id]), store.open([id])]);
  await store.open([id]);
  expect(server.calls.length).toBe(before + 1);
  expect(store.contents.peek(id)?.bodyValues['1']?.value).toContain('A carry that meets a nine');
});

test('the first message of an empty mailbox is heard of', async () => {
  const { client, store } = await connect({}, 10);
  const { model } = server;
  const archive = model.mailboxWithRole('archive');
  const empty = new MessageList(client, store, { inMailbox: archive }, archive);
  const follow = new Sync(client, store, { onEmails: () => empty.follow() });
  await empty.ensure(0, 20);
  expect(empty.total.peek()).toBe(0);
  const first = message(model, { mailboxIds: { [archive]: true } });
  model.add(first);
  expect(follow.isNews('Email', model.state('Email'))).toBe(true);
  await follow.run();
  expect(empty.ids.peek()).toEqual([first.id]);
});

test('a list that the network kept from following follows when it is back', async () => {
  const { list, sync, inbox } = await connect();
  await list.ensure(0, 20);
  server.model.add(message(server.model, { minutesAgo: -1 }));
  network.isGone = (body) => body.includes('Email/queryChanges');
  await sync.run();
  network.isGone = () => false;
  await sync.run();
  expect(list.ids.peek()[0]).toBe(run(server.model, { inMailbox: inbox }, true)[0]);
});

test('a state that the server has forgotten starts anew', async () => {
  const { list, store, sync } = await connect();
  await list.ensure(0, 20);
  store.emails.state = 'ages ago';
  await sync.run();
  const first = list.ids.peek()[0];
  expect(first !== undefined && store.emails.has(first)).toBe(true);
});

test('what is news is told from what is known', async () => {
  const { list, store, sync } = await connect();
  expect(sync.isNews('Email', 'x')).toBe(false); // nothing of it is known yet
  await list.ensure(0, 5);
  expect(sync.isNews('Email', store.emails.state ?? '')).toBe(false);
  expect(sync.isNews('Email', 'x')).toBe(true);
  expect(sync.isNews('Unknown', 'x')).toBe(true);
});

for (const canFollowQueries of [true, false]) {
  test(`a random history is followed exactly${canFollowQueries ? '' : ' by a server that knows no queryChanges'}`, async () => {
    const { list, store, sync, inbox } = await connect({ canFollowQueries }, 150);
    const { model } = server;
    const archive = model.mailboxWithRole('archive');
    let state = 42;
    const pick = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
      return Math.floor((state / 0x80000000) * below);
    };
    await list.ensure(0, 60);
    for (let round = 0; round < 40; round++) {
      for (let change = pick(5); change >= 0; change--) {
        const emails = [...model.emails.values()];
        const email = emails[pick(emails.length)];
        if (email === undefined) break;
        const kind = pick(4);
        if (kind === 0)
          model.add(
            message(model, { threadId: pick(2) === 0 ? email.threadId : model.id('T'), minutesAgo: pick(5_000) }),
          );
        else if (kind === 1) model.remove(email);
        else if (kind === 2) model.change(email, (one) => void (one.keywords.$seen = !one.keywords.$seen));
        else {
          const isIn = email.mailboxIds[inbox] === true;
          model.change(email, (one) => void (one.mailboxIds = { [isIn ? archive : inbox]: true }));
        }
      }
      if (pick(3) === 0) list.take([list.ids.peek()[pick(10)] ?? '']);
      await sync.run();
      const truth = run(model, { inMailbox: inbox }, true);
      const known = list.ids.peek();
      expect(known.length).toBe(truth.length);
      for (const [index, id] of truth.entries()) expect([undefined, id]).toContain(known[index]);
      expect(known.slice(0, 50)).toEqual(truth.slice(0, 50));
      for (const id of known.slice(0, 50)) {
        const shown = store.emails.peek(id ?? '');
        expect(shown?.keywords).toEqual(model.emails.get(id ?? '')?.keywords);
        expect(shown?.mailboxIds).toEqual(model.emails.get(id ?? '')?.mailboxIds);
      }
      const counted = store.mailboxes.peek(inbox);
      expect([counted?.totalEmails, counted?.unreadEmails]).toEqual([
        model.counts.get(inbox)?.total,
        model.counts.get(inbox)?.unread,
      ]);
    }
  });
}
