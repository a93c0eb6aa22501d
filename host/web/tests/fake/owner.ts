/** What an account's owner does (`/account`), in memory. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppPassword, WebLogin } from '../../src/jmap/owner';

const NAME = 'alice@waxwing.test';
export const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
/** An image as good as any. */
const QR =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="#fff"/>' +
  '<path d="M1 1h2v2h-2zM5 1h2v2h-2zM1 5h2v2h-2zM4 4h1v1h-1zM6 6h1v1h-1z"/></svg>';
/** The only code that there is. */
export const CODE = '123456';

type Body = Record<string, string> & { scopes?: AppPassword['scopes'] };

class Refused extends Error {
  readonly status: number;
  constructor(status: number, name: string) {
    super(name);
    this.status = status;
  }
}

export class FakeOwner {
  password = 'waxwing-demo';
  isCodeWanted = false;
  recoveryCodes: string[] = [];
  readonly logins = new Map<string, Omit<WebLogin, 'current'>>();
  readonly appPasswords: AppPassword[] = [];
  #next = 1;

  endAll(): void {
    this.logins.clear();
  }

  isKnown(request: IncomingMessage): boolean {
    return request.headers['x-waxwing'] !== undefined && this.logins.has(secretOf(request));
  }

  /** Somebody logs in, here or elsewhere; what goes into his cookie. */
  begin(agent: string): string {
    const secret = randomBytes(8).toString('hex');
    const now = Date.now();
    this.logins.set(secret, { id: String(this.#next++), created: now, used: now, client: '192.0.2.7', agent });
    return secret;
  }

  serve(path: string, request: IncomingMessage, body: Buffer | null, response: ServerResponse): void {
    try {
      const wanted = (body === null ? {} : JSON.parse(body.toString() || '{}')) as Body;
      const answer = this.#answer(`${request.method} ${path}`, request, wanted, response);
      if (answer === null) response.writeHead(204).end();
      else response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const problem = { type: `urn:waxwing:error:${error.message}`, status: error.status };
      response.writeHead(error.status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(problem));
    }
  }

  #answer(what: string, request: IncomingMessage, wanted: Body, response: ServerResponse): object | null {
    if (request.headers['x-waxwing'] === undefined) throw new Refused(403, 'otherPage');
    if (what === 'GET /account/login') return { username: this.isKnown(request) ? NAME : null };
    if (what === 'POST /account/login') {
      if (wanted.username !== NAME) throw new Refused(403, 'wrongPassword');
      this.#prove(wanted);
      const secret = this.begin(request.headers['user-agent'] ?? '');
      response.setHeader('Set-Cookie', `waxwing=${secret}; Path=/; HttpOnly; SameSite=Strict`);
      return { username: NAME };
    }
    if (what === 'POST /account/logout') {
      this.logins.delete(secretOf(request));
      response.setHeader('Set-Cookie', 'waxwing=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0');
      return null;
    }
    if (!this.isKnown(request)) throw new Refused(401, 'loginEnded');
    return this.#owned(what, secretOf(request), wanted);
  }

  #owned(what: string, secret: string, wanted: Body): object | null {
    const [, kind, id] = /^DELETE \/account\/([a-z-]+)(?:\/(.+))?$/.exec(what) ?? [];
    if (kind === 'logins') {
      for (const [other, login] of this.logins) {
        if (id === undefined ? other !== secret : login.id === id) this.logins.delete(other);
      }
      return null;
    }
    if (kind === 'app-passwords') {
      const at = this.appPasswords.findIndex((known) => known.id === id);
      if (at < 0) throw new Refused(404, 'notFound');
      this.appPasswords.splice(at, 1);
      return null;
    }
    switch (what) {
      case 'GET /account':
        return { username: NAME, password: true, totp: this.isCodeWanted, recoveryCodes: this.recoveryCodes.length };
      case 'GET /account/import':
        return { fileSize: 1_073_741_824, messageSize: 52_428_800 };
      case 'GET /account/logins':
        return { logins: [...this.logins].map(([of, login]) => ({ ...login, current: of === secret })) };
      case 'GET /account/app-passwords':
        return { appPasswords: this.appPasswords };
      case 'POST /account/totp/secret':
        return { secret: SECRET, uri: `otpauth://totp/Waxwing:${NAME}?secret=${SECRET}&issuer=Waxwing`, qr: QR };
    }
    this.#prove(wanted);
    switch (what) {
      case 'POST /account/app-passwords': {
        const { name = '', scopes = [] } = wanted;
        const made = { id: String(this.#next++), name, scopes, created: Date.now(), expires: null };
        this.appPasswords.push(made);
        return { ...made, secret: 'abcd-efgh-jkmn-pqrs-tuvw-xyz2' };
      }
      case 'POST /account/totp/on':
        if (wanted.confirmation !== CODE) throw new Refused(403, 'wrongCode');
        this.isCodeWanted = true;
        return this.#freshCodes();
      case 'POST /account/totp/recovery':
        return this.#freshCodes();
      case 'POST /account/totp/off':
        this.isCodeWanted = false;
        return null;
      case 'POST /account/password':
        if ((wanted.new ?? '').length < 8) throw new Refused(400, 'weakPassword');
        this.password = wanted.new ?? '';
        for (const other of this.logins.keys()) if (other !== secret) this.logins.delete(other);
        return { username: NAME };
      default:
        throw new Refused(404, 'notFound');
    }
  }

  #freshCodes(): object {
    this.recoveryCodes = Array.from({ length: 10 }, () =>
      randomBytes(8)
        .toString('hex')
        .replace(/.{4}(?=.)/g, '$&-'),
    );
    return { recoveryCodes: this.recoveryCodes };
  }

  #prove({ password, code = '' }: Body): void {
    if (password !== this.password) throw new Refused(403, 'wrongPassword');
    if (this.isCodeWanted && code === '') throw new Refused(403, 'codeRequired');
    const used = this.recoveryCodes.indexOf(code);
    if (this.isCodeWanted && used >= 0) this.recoveryCodes.splice(used, 1);
    else if (this.isCodeWanted && code !== CODE) throw new Refused(403, 'wrongPassword');
  }
}

function secretOf(request: IncomingMessage): string {
  return /(?:^|; )waxwing=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
}
