/** HTTP to the server: one answer or one error, tried again where that can do no harm. */
import type { Authenticator } from './auth';
import { NetworkError, type Problem, RequestError, UnauthorizedError } from './errors';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
export type Sleep = (milliseconds: number) => Promise<void>;

const TRIES = 5;
const FIRST_WAIT = 400;

export interface TransportOptions {
  fetch?: Fetch;
  sleep?: Sleep;
  /** Told whether the last try reached the server. */
  onReach?: (reached: boolean) => void;
  /** Told when the server no longer takes the credentials. */
  onUnauthorized?: () => void;
}

/** Waits, but no longer than until the network is back. */
function sleepUntilOnline(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
  });
}

export class Transport {
  readonly auth: Authenticator;
  readonly #fetch: Fetch;
  readonly #sleep: Sleep;
  readonly #onReach: (reached: boolean) => void;
  readonly #onUnauthorized: () => void;

  constructor(auth: Authenticator, options: TransportOptions = {}) {
    this.auth = auth;
    this.#fetch = options.fetch ?? ((url, init) => fetch(url, init));
    this.#sleep = options.sleep ?? sleepUntilOnline;
    this.#onReach = options.onReach ?? (() => {});
    this.#onUnauthorized = options.onUnauthorized ?? (() => {});
  }

  /** One request. With `repeat`, lost ones are sent again: only for what may happen twice. */
  async request(url: string, init: RequestInit, repeat: boolean): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(url, init);
      } catch (error) {
        const busy = error instanceof RequestError && error.isBusy;
        const lost = error instanceof NetworkError && repeat;
        if (attempt >= TRIES || init.signal?.aborted || !(busy || lost)) throw error;
        const asked = busy ? error.retryAfter : null;
        await this.#sleep(asked !== null ? Math.min(asked, 30) * 1000 : FIRST_WAIT * 2 ** (attempt - 1));
      }
    }
  }

  async #once(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.#fetch(url, {
        credentials: this.auth.credentials,
        cache: 'no-store',
        referrerPolicy: 'no-referrer',
        ...init,
        headers: { ...this.auth.headers(), ...init.headers },
      });
    } catch (error) {
      if (!init.signal?.aborted) this.#onReach(false);
      throw new NetworkError(error);
    }
    this.#onReach(true);
    if (response.ok) return response;
    if (response.status === 401) this.#onUnauthorized();
    throw await refusal(response);
  }
}

export async function refusal(response: Response): Promise<RequestError | UnauthorizedError> {
  if (response.status === 401) return new UnauthorizedError();
  let problem: Problem = {};
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) problem = body;
  } catch {
    // Not every refusal is a problem document; the status is enough then.
  }
  const asked = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  return new RequestError(response.status, problem, Number.isNaN(asked) ? null : asked);
}
