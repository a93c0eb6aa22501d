/** The server's API for an account's owner: logging in and out, and what he is known by (`/account`). */
import type { BringLimits } from './bring';
import type { Transport } from './transport';
import type { Id } from './types';

export interface WebLogin {
  id: Id;
  /** Milliseconds of Unix time, as all of these. */
  created: number;
  used: number;
  /** The address that it began at. */
  client: string;
  agent: string;
  current: boolean;
}

export const SCOPES = ['imap', 'smtp', 'pop3', 'jmap'] as const;
export type Scope = (typeof SCOPES)[number];

export interface AppPassword {
  id: Id;
  name: string;
  scopes: Scope[];
  created: number;
  expires: number | null;
}

export interface Overview {
  username: string;
  /** Whether the password can be changed here. */
  password: boolean;
  totp: boolean;
  /** How many are left to take the place of a one-time code. */
  recoveryCodes: number;
}

export interface Proposal {
  secret: string;
  uri: string;
  /** The URI as an image (SVG), where the server makes one. */
  qr?: string;
}

/** What shows again that one is the owner. */
export interface Proof {
  password: string;
  code?: string;
}

export class Owner {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Who is logged in, if anybody is. */
  async who(): Promise<string | null> {
    const { username } = await this.#read<{ username: string | null }>('/account/login');
    return username;
  }

  logIn(username: string, proof: Proof): Promise<void> {
    return this.#send('POST', '/account/login', { username, ...proof });
  }

  /** Also while the page closes. */
  logOut(): Promise<void> {
    return this.#send('POST', '/account/logout', {}, { keepalive: true });
  }

  overview(): Promise<Overview> {
    return this.#read('/account');
  }

  async logins(): Promise<WebLogin[]> {
    return (await this.#read<{ logins: WebLogin[] }>('/account/logins')).logins;
  }

  endLogin(id: Id): Promise<void> {
    return this.#send('DELETE', `/account/logins/${encodeURIComponent(id)}`);
  }

  endOtherLogins(): Promise<void> {
    return this.#send('DELETE', '/account/logins');
  }

  async appPasswords(): Promise<AppPassword[]> {
    return (await this.#read<{ appPasswords: AppPassword[] }>('/account/app-passwords')).appPasswords;
  }

  /** The password, which is told this once. */
  async addAppPassword(name: string, scopes: Scope[], proof: Proof): Promise<string> {
    const response = await this.#request('POST', '/account/app-passwords', { name, scopes, ...proof });
    return ((await response.json()) as { secret: string }).secret;
  }

  removeAppPassword(id: Id): Promise<void> {
    return this.#send('DELETE', `/account/app-passwords/${encodeURIComponent(id)}`);
  }

  /** A secret that may be turned on. */
  async proposeTotp(): Promise<Proposal> {
    const response = await this.#request('POST', '/account/totp/secret', {});
    return (await response.json()) as Proposal;
  }

  /** The recovery codes, which are told this once. */
  enableTotp(secret: string, confirmation: string, proof: Proof): Promise<string[]> {
    return this.#codes('/account/totp/on', { secret, confirmation, ...proof });
  }

  /** New recovery codes in the place of those before. */
  makeRecoveryCodes(proof: Proof): Promise<string[]> {
    return this.#codes('/account/totp/recovery', proof);
  }

  disableTotp(proof: Proof): Promise<void> {
    return this.#send('POST', '/account/totp/off', proof);
  }

  changePassword(replacement: string, proof: Proof): Promise<void> {
    return this.#send('POST', '/account/password', { new: replacement, ...proof });
  }

  bringLimits(): Promise<BringLimits> {
    return this.#read('/account/import');
  }

  async #codes(path: string, body: object): Promise<string[]> {
    const response = await this.#request('POST', path, body);
    return ((await response.json()) as { recoveryCodes: string[] }).recoveryCodes;
  }

  async #read<T>(path: string): Promise<T> {
    const response = await this.#transport.request(path, {}, true);
    return (await response.json()) as T;
  }

  async #send(method: string, path: string, body?: object, init: RequestInit = {}): Promise<void> {
    await this.#request(method, path, body, init);
  }

  #request(method: string, path: string, body?: object, init: RequestInit = {}): Promise<Response> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
    return this.#transport.request(path, { ...init, method, headers, ...content }, false);
  }
}
