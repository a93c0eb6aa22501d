/**
 * Who we are to the server. All else asks an `Authenticator` for the headers of a request and knows no more,
 * so that logins by cookie, second factors and tokens change this file alone.
 */

export interface Authenticator {
  /** The headers that prove who asks; for each request to the server's own origin. */
  headers(): Record<string, string>;
  /** Whether the browser sends along what it knows itself: cookies. */
  readonly credentials: RequestCredentials;
  /** Forgets the credentials. */
  end(): void;
}

const KEY = 'waxwing.login';

/** RFC 7617 with UTF-8. Kept for the life of the tab, so that a reload does not log out. */
export class BasicAuthenticator implements Authenticator {
  /** With more than that, a browser that is refused asks for a password in a window of its own. */
  readonly credentials = 'omit';
  readonly #token: string;

  private constructor(token: string) {
    this.#token = token;
  }

  static of(address: string, password: string): BasicAuthenticator {
    const bytes = new TextEncoder().encode(`${address}:${password}`);
    return new BasicAuthenticator(btoa(String.fromCharCode(...bytes)));
  }

  static restore(storage: Storage = sessionStorage): BasicAuthenticator | null {
    const token = storage.getItem(KEY);
    return token === null ? null : new BasicAuthenticator(token);
  }

  keep(storage: Storage = sessionStorage): void {
    storage.setItem(KEY, this.#token);
  }

  headers(): Record<string, string> {
    return { Authorization: `Basic ${this.#token}` };
  }

  end(): void {
    sessionStorage.removeItem(KEY);
  }
}
