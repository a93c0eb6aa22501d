/** Mail in files: brought into a mailbox by the server (`/account/import`), which says how far it is. */
import type { Authenticator } from './auth';
import { NetworkError, RequestError, UnauthorizedError } from './errors';

export interface BringLimits {
  /** Octets of a file, and of a message in it. */
  fileSize: number;
  messageSize: number;
}

export interface Brought {
  messages: number;
  /** Were there already. */
  known: number;
  leftOut: number;
  /** What was left out, and why. */
  said: string[];
  /** Why it went no further; what had been stored by then stays. */
  stopped?: string;
}

export interface BringProgress {
  /** Of the file that is sent, from 0 to 1. */
  sent: number;
  /** Messages that were dealt with. */
  done: number;
}

const NOTHING: Brought = { messages: 0, known: 0, leftOut: 0, said: [] };

export function bring(
  auth: Authenticator,
  file: File,
  mailbox: string,
  onProgress: (progress: BringProgress) => void,
): Promise<Brought> {
  const query = `mailbox=${encodeURIComponent(mailbox)}&name=${encodeURIComponent(file.name)}`;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/account/import?${query}`);
    for (const [name, value] of Object.entries(auth.headers())) request.setRequestHeader(name, value);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    const lines = () =>
      request.responseText
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    request.upload.onprogress = ({ loaded, total }) => onProgress({ sent: total > 0 ? loaded / total : 0, done: 0 });
    request.onprogress = () => {
      if (request.status === 200) onProgress({ sent: 1, done: lines().at(-1)?.done ?? 0 });
    };
    request.onerror = () => reject(new NetworkError());
    request.onload = () => {
      if (request.status === 401) reject(new UnauthorizedError());
      else if (request.status >= 300)
        reject(new RequestError(request.status, JSON.parse(request.responseText || '{}')));
      else {
        const last = lines().at(-1);
        // What does not end with a word of how it went has broken off.
        if (last === undefined || 'done' in last) reject(new NetworkError());
        else resolve({ ...NOTHING, ...last });
      }
    };
    request.send(file);
  });
}
