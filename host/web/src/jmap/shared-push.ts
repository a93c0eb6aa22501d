/**
 * One event stream for all tabs of a login: a browser keeps six connections to a server of HTTP/1.1, and a stream holds
 * one for ever. The tab that has the lock listens and tells the others; when it goes, the next one has it.
 */
import type { Client } from './client';
import { Push, type PushListener } from './push';
import type { StateChange } from './types';

type Told = { change: StateChange } | { isOpen: true };

export class SharedPush {
  readonly #name: string;
  readonly #listener: PushListener;
  readonly #push: Push;
  readonly #channel: BroadcastChannel;
  readonly #stop = new AbortController();

  constructor(client: Client, listener: PushListener) {
    this.#name = `waxwing.push.${client.features.session.username}`;
    this.#listener = listener;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<Told>) => this.#take(data);
    this.#push = new Push(client, {
      onChange: (change) => this.#tell({ change }),
      onOpen: () => this.#tell({ isOpen: true }),
    });
  }

  async run(): Promise<void> {
    // Where the page is not secure there are no locks, and each tab listens for itself.
    if (navigator.locks === undefined) return this.#push.run();
    const { signal } = this.#stop;
    // What is given up while it waits is no failure.
    await navigator.locks.request(this.#name, { signal }, () => this.#push.run()).catch(() => {});
  }

  stop(): void {
    this.#stop.abort();
    this.#push.stop();
    this.#channel.close();
  }

  #tell(told: Told): void {
    if (this.#stop.signal.aborted) return;
    this.#channel.postMessage(told);
    this.#take(told);
  }

  #take(told: Told): void {
    if ('change' in told) this.#listener.onChange(told.change);
    else this.#listener.onOpen();
  }
}
