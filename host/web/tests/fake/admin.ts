/** A server in memory that has the API of administration, as far as the console asks for it, and the built console. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headersFor } from '../../tools/policy.ts';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
export const TOKEN = `wxa_${'0'.repeat(64)}`;
const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 27, 12);

export class FakeAdmin {
  scopes = ['*'];
  /** Each request but those that look: method, path and body. */
  readonly did: [string, string, unknown][] = [];
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  #rules = '[[rule]]\nname = "TULIPS"\nscore = 5\nheader = "Subject"\nmatches = \'tulips\'\n';
  #entries = [1, 2, 3].map((entry) => this.#entry(entry));

  constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => response.writeHead(500).end(error.stack));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Tells those who listen. */
  sample(values: { group: string; name: string; value: number }[]): void {
    const data = JSON.stringify({ at: NOW - 1000, seconds: 5, values });
    for (const stream of this.#streams) stream.write(`event: sample\ndata: ${data}\n\n`);
  }

  get listeners(): number {
    return this.#streams.size;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { pathname } = url;
    if (!pathname.startsWith('/admin/api/v1/')) return this.#file(pathname, response);
    if (request.headers.authorization !== `Bearer ${TOKEN}` || request.headers.cookie !== undefined) {
      return refuse(response, 401, 'Who asks is not known', 'Make a token.');
    }
    const path = pathname.slice('/admin/api/v1'.length);
    const text = (await read(request)).toString();
    const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    if (request.method !== 'GET' && !/(?:check|preview|replay)$/.test(path)) {
      this.did.push([request.method ?? '', decodeURIComponent(path), body]);
    }
    if (path === '/flow/live') return this.#live(response);
    const answer = this.#answer(request.method ?? 'GET', path, url.searchParams, body);
    if (answer === undefined) return refuse(response, 404, `There is no ${path}`, 'List what is there.');
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  }

  #answer(method: string, path: string, search: URLSearchParams, body?: Record<string, unknown>): unknown {
    const [, room = '', about = '', part = ''] = path.split('/').map(decodeURIComponent);
    if (path === '/me') return { name: 'console', scopes: this.scopes, created: NOW, expires: null };
    if (path === '/flow') return flow(Number(search.get('minutes')));
    if (room === 'queue') return this.#queue(method, about, part, search);
    if (room === 'rules') return this.#ruleFiles(method, about, part, body);
    if (room === 'trace') return { items: [traced(about)] };
    if (path === '/plugins/replay') return PREVIEW;
    if (room === 'plugins') return PLUGINS[part || about];
    if (room === 'domains')
      return about === '' ? { items: [domain('waxwing.test'), domain('example.org')] } : DOMAIN[part];
    if (room === 'accounts' && method === 'GET') return accounts(search.get('search') ?? '');
    if (room === 'aliases' && method === 'GET') {
      return { items: [{ address: 'info@waxwing.test', targets: ['alice@waxwing.test'] }], next: null };
    }
    if (room === 'audit') return { items: AUDIT, next: null };
    return method === 'GET' ? undefined : {};
  }

  #queue(method: string, about: string, deed: string, search: URLSearchParams): unknown {
    if (about === '') {
      const text = search.get('search') ?? '';
      const items = this.#entries.filter((entry) => JSON.stringify(entry).includes(text));
      return { items, next: null };
    }
    const found = this.#entries.filter((entry) => [String(entry.entry), entry['queue-id']].includes(about));
    if (method === 'DELETE') this.#entries = this.#entries.filter((entry) => !found.includes(entry));
    for (const entry of found) {
      if (deed !== '') entry.state = deed === 'hold' ? 'held' : 'waiting';
    }
    const attempts = [{ entry: 1, at: NOW, host: 'mx.remote.example', said: '450 4.2.1 come back' }];
    return method === 'GET' ? { 'queue-id': about, entries: found, attempts } : { changed: found.length };
  }

  #entry(entry: number) {
    return {
      ...{
        entry,
        'queue-id': `01KB${'0'.repeat(12)}${entry}`,
        sender: 'alice@waxwing.test',
        state: 'waiting',
        owner: null,
      },
      ...{
        destination: 'remote.example',
        size: 12_345,
        priority: 0,
        received: NOW - HOUR,
        due: NOW + HOUR,
        attempts: 2,
      },
      ...{ expires: NOW + 90 * HOUR, tried: NOW, said: '450 4.2.1 <b>come back</b> later, please' },
      recipients: [
        { address: `carol${entry}@remote.example`, state: 'open', said: '450 4.2.1 come back', owed: false },
      ],
    };
  }

  #ruleFiles(method: string, about: string, part: string, body?: Record<string, unknown>): unknown {
    const name = 'rules/basic.toml';
    const digest = `d${this.#rules.length}`;
    const file = { name, steps: ['rules'], octets: this.#rules.length, digest };
    const text = String(body?.text ?? '');
    const problems = text.includes('(') ? [{ file: name, line: 5, text: 'plugin `rules`: unclosed group' }] : [];
    if (about === '') return { items: [file] };
    if (part === 'check') return { problems };
    if (part === 'preview') return PREVIEW;
    if (method === 'GET') return { ...file, text: this.#rules };
    this.#rules = text;
    return { generation: 8, digest: `d${text.length}` };
  }

  #live(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(':\n\n');
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const inside = path === '/admin' ? 'admin/index.html' : path.replace(/^\/mail\//, '').replace(/^\//, '');
    const name = normalize(inside);
    try {
      const content = await readFile(join(DIST, name));
      const kind = TYPES[extname(name)] ?? 'application/octet-stream';
      response.writeHead(200, { ...headersFor(name), 'Content-Type': kind }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}

const TYPES: Record<string, string> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' },
};

function refuse(response: ServerResponse, status: number, title: string, next: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'urn:waxwing:problem:x', status, title, next }));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Waves, the same each time. */
function flow(minutes: number): unknown {
  const wave = (height: number, length: number) =>
    Array.from({ length: minutes }, (_, at) => Math.max(0, Math.round(height * (1 + Math.sin(at / length)))));
  const series = [
    { group: 'verdict', name: 'deliver', values: wave(20, 9) },
    { group: 'verdict', name: 'junk', values: wave(7, 5) },
    { group: 'verdict', name: 'refuse', values: wave(3, 3) },
    { group: 'accepted', name: 'smtp', values: wave(22, 9) },
    { group: 'accepted', name: 'submission', values: wave(5, 12) },
    { group: 'refused', name: 'smtp', values: wave(4, 4) },
    { group: 'sent', name: 'relayed', values: wave(5, 12) },
    { group: 'sent', name: 'failed', values: wave(1, 7) },
    { group: 'logins', name: 'success', values: wave(9, 6) },
    ...['access', 'login', 'recipients', 'senders', 'authentication', 'rules', 'verdict', 'filing', 'quota'].flatMap(
      (name, at) => [
        { group: 'plugin-seconds', name, values: wave(1, at + 4).map((value) => (value * (at + 1)) / 1e4) },
        { group: 'plugin-calls', name, values: wave(30 + at, 9) },
      ],
    ),
  ];
  return { since: NOW - 9 * HOUR, first: NOW - minutes * 60_000, interval: 60, minutes, series };
}

const step = (name: string, mode = 'enforce', more: object = {}) => ({
  ...{
    name,
    plugin: name,
    version: '0.1.0',
    digest: 'a1b2c3d4e5f60718',
    hooks: ['connect', 'rcpt-to', 'message'],
    grants: [],
  },
  ...{
    isolation: 'pooled',
    'on-error': 'defer',
    mode,
    breaker: 'closed',
    calls: 12_345,
    faults: 2,
    'faults-in-a-row': 0,
  },
  ...{ microseconds: 345_678, cost: [], domains: [], instances: 3, answers: { pass: 12_000, reject: 300, accept: 45 } },
  ...more,
});

const PLUGINS: Record<string, unknown> = {
  '': {
    ...{ generation: 7, since: NOW - HOUR, file: 'policy.toml', problems: [], 'generations-alive': 1 },
    'policy-digest': 'd7',
    steps: [
      ...['access', 'recipients', 'rules'].map((name) => step(name)),
      step('rules-next', 'shadow', { plugin: 'rules', replaces: 'rules' }),
      step('filing', 'canary', { percent: 5, breaker: 'open', 'last-fault': 'deadline at message' }),
    ],
  },
  history: {
    items: [6, 7].map((generation) => ({
      ...{ generation, at: NOW - HOUR * (8 - generation), who: 'token console', why: 'save rules/basic.toml' },
      ...{ changes: ['rules: settings'], steps: [], files: 'x' },
    })),
  },
  comparison: {
    items: [
      {
        ...{ step: 'rules-next', mode: 'shadow', replaces: 'rules', compared: 500, missed: 0, failed: 0 },
        ...{ microseconds: [120, 110], changes: [{ hook: 'message', kind: 'deliver -> junk', count: 4 }] },
        symbols: [{ name: 'TULIPS', 'only-trial': 4, 'only-serving': 0, 'other-score': 0 }],
        examples: [
          { 'queue-id': '01KB0000000000001', at: NOW, hook: 'message', kind: 'score', serving: '1.2', trial: '6.2' },
        ],
      },
    ],
  },
  builds: {
    items: ['access', 'rules', 'rules-2', 'broken'].map((name) => ({
      ...{ name, version: '0.2.0', digest: 'a1b2c3d4e5f60718', octets: 27_000, steps: name === 'access' ? [name] : [] },
      ...(name === 'broken' ? { problem: 'is no component' } : {}),
    })),
  },
  promote: { generation: 8, 'policy-digest': 'd8' },
  trial: { generation: 8, 'policy-digest': 'd8' },
  restore: { generation: 8, 'policy-digest': 'd8' },
  rollback: { generation: 8 },
};

const domain = (name: string) => ({
  ...{ id: 1, name, created: NOW - 1000 * HOUR, quota: { bytes: null, messages: null }, mta_sts: null },
});

const DOMAIN: Record<string, unknown> = {
  records: {
    domain: 'waxwing.test',
    host: 'mx.waxwing.test',
    records: [
      { name: 'waxwing.test.', type: 'MX', data: '10 mx.waxwing.test.', purpose: 'Where mail goes' },
      { name: 'waxwing.test.', type: 'TXT', data: '"v=spf1 mx -all"', purpose: 'Who sends (SPF)' },
      {
        name: 's1._domainkey.waxwing.test.',
        type: 'TXT',
        data: `"v=DKIM1; k=rsa; p=${'MIIB'.repeat(60)}"`,
        purpose: 'Keys',
      },
    ],
  },
  check: {
    domain: 'waxwing.test',
    findings: [{ about: 'spf', problem: 'waxwing.test has no SPF record', advice: 'publish the one below' }],
  },
  '': {},
};

function accounts(search: string): unknown {
  const items = ['alice', 'bob', 'carol'].map((name, at) => ({
    ...{
      address: `${name}@waxwing.test`,
      created: NOW - 900 * HOUR,
      usage: { bytes: 12_345_678 * at, messages: 99 * at },
    },
    quota: { bytes: at === 1 ? 1e9 : null, messages: null },
  }));
  return { items: items.filter(({ address }) => address.includes(search)), next: null };
}

const traced = (id: string) => ({
  ...{ 'queue-id': id, 'message-id': 'a@b.example', at: NOW, generation: 7, outcome: 'delivered' },
  record: {
    envelope: { client: '192.0.2.1:4711', helo: 'mail.example.net', sender: '<a@example.net>', login: null, tls: null },
    recipients: [
      {
        address: 'alice@waxwing.test',
        verdict: 'junk',
        fate: 'filed',
        filed: ['alice@waxwing.test \\Junk'],
        reply: null,
      },
    ],
    policy: {
      generation: 7,
      score: 6.2,
      steps: [
        {
          step: 'recipients',
          version: '0.1.0',
          hook: 'rcpt-to',
          about: 'alice@waxwing.test',
          verdict: 'accept',
          microseconds: 9,
        },
        {
          ...{ step: 'rules', version: '0.1.0', hook: 'message', verdict: 'pass', microseconds: 812 },
          findings: [{ name: 'TULIPS', weight: 1, score: 5, options: ['<img src=x onerror=alert(1)>'] }],
        },
      ],
    },
  },
});

const PREVIEW = {
  ...{ changed: ['rules'], tried: 50, differing: 2, verdicts: 1 },
  messages: [1, 2].map((at) => ({
    ...{ 'queue-id': `01KB000000000000${at}`, at: NOW, sender: 'a@example.net', recipients: ['alice@waxwing.test'] },
    before: { findings: { ALL: 1 }, score: 1, verdict: 'deliver' },
    after: { findings: { ALL: 1, TULIPS: 5 }, score: 6, verdict: at === 1 ? 'junk' : 'deliver' },
  })),
};

const AUDIT = ['done', 'failed: already exists: carol@waxwing.test'].map((outcome) => ({
  ...{
    at: NOW,
    who: 'token console',
    origin: '192.0.2.7',
    action: 'account-add',
    subject: 'carol@waxwing.test',
    outcome,
  },
  detail: { password: true, quota: {} },
}));
