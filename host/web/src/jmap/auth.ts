/**
 * Who we are to the server. All else asks an `Authenticator` for the headers of a request and knows no more. The
 * browser has a cookie that no script can read; nothing is kept here.
 */

export interface Authenticator {
  /** What goes along with each request to the server's own origin. */
  headers(): Record<string, string>;
  /** Whether the browser sends along what it knows itself: cookies. */
  readonly credentials: RequestCredentials;
}

/** The server takes the cookie from its own pages only; no other page can send this field without being asked for it. */
export class CookieAuthenticator implements Authenticator {
  readonly credentials = 'same-origin';

  headers(): Record<string, string> {
    return { 'X-Waxwing': '1' };
  }
}
