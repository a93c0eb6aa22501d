/** A JMAP server in memory that also serves the built page. It listens on a port that the system picks. */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headersFor } from '../../tools/policy.ts';
import { type Answer, type Args, call, MethodFailure } from './methods';
import type { Model } from './model';
import { FakeOwner } from './owner';
import { resolveReferences } from './references';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const ACCOUNT = 'A1';
const JMAP = 'urn:ietf:params:jmap:';

export interface FakeOptions {
  /** What the session says beside core and mail. */
  capabilities?: string[];
  maxDelayedSend?: number;
  maxObjectsInGet?: number;
  canFollowQueries?: boolean;
}

export class FakeServer {
  readonly model: Model;
  /** Every path that was asked for. */
  readonly requests: string[] = [];
  /** Every method that was called. */
  readonly calls: string[] = [];
  /** Refuses the next so many requests to the API as a server does that is out of breath. */
  busy = 0;
  /** Takes no credentials any more. */
  isLocked = false;
  readonly owner = new FakeOwner();
  readonly #options: Required<FakeOptions>;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();

  constructor(model: Model, options: FakeOptions = {}) {
    this.model = model;
    this.#options = {
      ...{ capabilities: ['submission', 'vacationresponse', 'quota'], maxDelayedSend: 0, maxObjectsInGet: 500 },
      ...{ canFollowQueries: true },
      ...options,
    };
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => {
        response.writeHead(500).end(error.stack);
      });
    });
    model.listen(() => this.#push());
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.dropStreams();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Ends all event streams, as a network does. */
  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    this.requests.push(url.pathname);
    if (url.pathname === '/mail' || url.pathname.startsWith('/mail/')) return this.#file(url.pathname, response);
    if (this.isLocked) this.owner.endAll();
    if (url.pathname.startsWith('/account')) {
      const body = request.method === 'POST' ? await read(request) : null;
      return this.owner.serve(url.pathname, request, body, response);
    }
    if (!this.owner.isKnown(request)) {
      return void response.writeHead(401, { 'WWW-Authenticate': 'Cookie realm="Waxwing"' }).end();
    }
    if (url.pathname === '/.well-known/jmap') return json(response, this.#session());
    if (url.pathname === '/jmap/api') return this.#api(request, response);
    if (url.pathname.startsWith('/jmap/upload/')) return this.#upload(request, response);
    if (url.pathname.startsWith('/jmap/download/')) return this.#download(url, response);
    if (url.pathname === '/jmap/events') return this.#events(response);
    response.writeHead(404).end();
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const name = normalize(path.replace(/^\/mail\/?/, '')) || '.';
    const file = join(DIST, name === '.' ? 'index.html' : name);
    if (!file.startsWith(DIST)) return void response.writeHead(404).end();
    try {
      const body = await readFile(file);
      response
        .writeHead(200, {
          ...headersFor(name === '.' ? '' : name),
          'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
        })
        .end(body);
    } catch {
      response.writeHead(404).end();
    }
  }

  #session(): object {
    const { capabilities, maxDelayedSend } = this.#options;
    const own: Record<string, object> = {
      [`${JMAP}core`]: {},
      [`${JMAP}mail`]: { maxMailboxDepth: null, maxSizeMailboxName: 200, mayCreateTopLevelMailbox: true },
    };
    for (const name of capabilities) own[JMAP + name] = {};
    if (capabilities.includes('submission')) {
      own[`${JMAP}submission`] = {
        maxDelayedSend,
        submissionExtensions: maxDelayedSend > 0 ? { FUTURERELEASE: [] } : {},
      };
    }
    const core = { maxSizeUpload: 25_000_000, maxObjectsInGet: this.#options.maxObjectsInGet, maxObjectsInSet: 500 };
    return {
      capabilities: { ...Object.fromEntries(Object.keys(own).map((name) => [name, {}])), [`${JMAP}core`]: core },
      accounts: {
        [ACCOUNT]: { name: 'alice@waxwing.test', isPersonal: true, isReadOnly: false, accountCapabilities: own },
      },
      primaryAccounts: Object.fromEntries(Object.keys(own).map((name) => [name, ACCOUNT])),
      username: 'alice@waxwing.test',
      apiUrl: '/jmap/api',
      uploadUrl: '/jmap/upload/{accountId}',
      downloadUrl: '/jmap/download/{accountId}/{blobId}/{name}?type={type}',
      eventSourceUrl: '/jmap/events?types={types}&closeafter={closeafter}&ping={ping}',
      state: 's1',
    };
  }

  async #api(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.busy > 0) {
      this.busy--;
      return void response.writeHead(503, { 'Retry-After': '0' }).end();
    }
    const body = JSON.parse((await read(request)).toString()) as { methodCalls: [string, Args, string][] };
    const responses: [string, Args, string][] = [];
    const before = this.#states();
    for (const [name, args, id] of body.methodCalls) {
      this.calls.push(name);
      for (const [of, answer] of this.#call(name, args, responses)) responses.push([of, answer, id]);
    }
    json(response, { methodResponses: responses, sessionState: 's1' });
    if (JSON.stringify(before) !== JSON.stringify(this.#states())) this.model.announce();
  }

  #call(name: string, args: Args, responses: [string, Args, string][]): Answer[] {
    try {
      const limits = {
        maxObjectsInGet: this.#options.maxObjectsInGet,
        canFollowQueries: this.#options.canFollowQueries,
      };
      return call(this.model, name, resolveReferences(args, responses), limits);
    } catch (error) {
      if (error instanceof MethodFailure) return [['error', { type: error.message }]];
      throw error;
    }
  }

  async #upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await read(request);
    const type = request.headers['content-type'] ?? 'application/octet-stream';
    json(response, { accountId: ACCOUNT, blobId: this.model.blob(type, bytes), type, size: bytes.length });
  }

  #download(url: URL, response: ServerResponse): void {
    const blobId = decodeURIComponent(url.pathname.split('/')[4] ?? '');
    const blob = this.model.blobs.get(blobId);
    if (blob === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': url.searchParams.get('type') ?? blob.type }).end(blob.bytes);
  }

  #events(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': welcome\n\n');
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  #states(): Record<string, string> {
    return Object.fromEntries(
      (['Email', 'Mailbox', 'Thread', 'Identity'] as const).map((kind) => [kind, this.model.state(kind)]),
    );
  }

  #push(): void {
    const change = { '@type': 'StateChange', changed: { [ACCOUNT]: this.#states() } };
    for (const stream of this.#streams)
      stream.write(`event: state\nid: ${this.model.state('Email')}\ndata: ${JSON.stringify(change)}\n\n`);
  }
}

const TYPES: Record<string, string> = {
  ...{ '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' },
  '.webmanifest': 'application/manifest+json',
};

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
