/**
 * Changes as they happen (RFC 8620 §7.3). The stream is read by fetch, since an EventSource can send no
 * Authorization header.
 */
import type { Client } from './client';
import { UnauthorizedError } from './errors';
import { expand, ownOrigin } from './session';
import { type ServerEvent, SseParser } from './sse';
import type { StateChange } from './types';

const PING_SECONDS = 30;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;

export interface PushListener {
  onChange(change: StateChange): void;
  /** The stream is open, perhaps after having been lost: whatever happened meanwhile was not told. */
  onOpen(): void;
}

export class Push {
  readonly #client: Client;
  readonly #listener: PushListener;
  readonly #stop = new AbortController();
  #lastId: string | null = null;
  #wait = FIRST_WAIT;

  constructor(client: Client, listener: PushListener) {
    this.#client = client;
    this.#listener = listener;
  }

  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#client.features.session.eventSourceUrl) await this.#listen();
        else this.#ask();
      } catch (error) {
        // The transport has told of it.
        if (error instanceof UnauthorizedError) return;
      }
      await this.#pause();
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Where the server pushes nothing, it is asked now and then. */
  #ask(): void {
    this.#wait = LONGEST_WAIT;
    this.#listener.onOpen();
  }

  async #listen(): Promise<void> {
    // A connection that died silently shows by the pings that do not come.
    const silent = new AbortController();
    const restart = () => setTimeout(() => silent.abort(), PING_SECONDS * 2_500);
    let timer = restart();
    const signal = AbortSignal.any([this.#stop.signal, silent.signal]);
    try {
      const response = await this.#client.transport.request(this.#url(), { headers: this.#headers(), signal }, false);
      this.#wait = FIRST_WAIT;
      this.#listener.onOpen();
      const parser = new SseParser();
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const chunk = await reader?.read();
        if (chunk === undefined || chunk.done) return;
        clearTimeout(timer);
        timer = restart();
        for (const event of parser.push(chunk.value)) this.#take(event);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(event: ServerEvent): void {
    if (event.id !== null) this.#lastId = event.id;
    if (event.type === 'state') this.#listener.onChange(JSON.parse(event.data) as StateChange);
  }

  #url(): string {
    const template = ownOrigin(this.#client.features.session.eventSourceUrl);
    return expand(template, { types: '*', closeafter: 'no', ping: String(PING_SECONDS) });
  }

  #headers(): Record<string, string> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (this.#lastId !== null) headers['Last-Event-ID'] = this.#lastId;
    return headers;
  }

  #pause(): Promise<void> {
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST_WAIT);
    return new Promise((resolve) => {
      const { signal } = this.#stop;
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        removeEventListener('online', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      // Not all clients at once when a server comes back.
      const timer = setTimeout(done, wait * (0.5 + Math.random() / 2));
      addEventListener('online', done);
      signal.addEventListener('abort', done);
    });
  }
}
