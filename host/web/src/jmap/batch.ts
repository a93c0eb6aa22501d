/** A request of several calls, the later of which may refer to what the earlier give (RFC 8620 §3.7). */
import { JmapError, MethodError } from './errors';
import type { Method, Methods } from './methods';

export interface ResultReference {
  resultOf: string;
  name: string;
  path: string;
}

class Reference {
  readonly target: ResultReference;
  constructor(target: ResultReference) {
    this.target = target;
  }
}

export type Args<M extends Method> = {
  [K in keyof Methods[M]['args']]: Methods[M]['args'][K] | Reference;
};

export type Invocation = [name: string, args: Record<string, unknown>, id: string];

export class Call<M extends Method> {
  readonly method: M;
  readonly id: string;
  readonly args: Args<M>;
  #outcome: { result: Methods[M]['result'] } | { error: JmapError } | null = null;

  constructor(method: M, id: string, args: Args<M>) {
    this.method = method;
    this.id = id;
    this.args = args;
  }

  /** A part of this call's result, by JSON pointer with `*`, as an argument of a later call. */
  ref(path: string): Reference {
    return new Reference({ resultOf: this.id, name: this.method, path });
  }

  /** The result, once the batch was sent; throws the error that the server gave instead. */
  get value(): Methods[M]['result'] {
    if (this.#outcome === null) throw new JmapError('unanswered', `${this.method} was not answered`);
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.result;
  }

  take(name: string, args: Record<string, unknown>): void {
    if (name === 'error') {
      this.#outcome = { error: new MethodError(this.method, args as { type: string }) };
    } else if (name === this.method && this.#outcome === null) {
      // A set may be followed by answers to what it implied, under the same id: the first of our name is ours.
      this.#outcome = { result: args as unknown as Methods[M]['result'] };
    }
  }
}

export interface SendOptions {
  /** The request outlives the page. */
  keepalive?: boolean;
}

export class Batch {
  readonly calls: Call<Method>[] = [];
  readonly #send: (batch: Batch, options: SendOptions) => Promise<void>;

  constructor(send: (batch: Batch, options: SendOptions) => Promise<void>) {
    this.#send = send;
  }

  call<M extends Method>(method: M, args: Args<M>): Call<M> {
    const call = new Call(method, `c${this.calls.length}`, args);
    this.calls.push(call as unknown as Call<Method>);
    return call;
  }

  /** Sends all calls as one request. Errors of single calls show where their values are asked for. */
  async send(options: SendOptions = {}): Promise<void> {
    if (this.calls.length > 0) await this.#send(this, options);
  }

  /** Whether nothing happens twice if the request is sent twice: it creates nothing and submits nothing. */
  get isRepeatable(): boolean {
    return this.calls.every(({ method, args }) => {
      if (!method.endsWith('/set')) return true;
      return (args as { create?: object }).create === undefined && method !== 'EmailSubmission/set';
    });
  }

  invocations(): Invocation[] {
    return this.calls.map((call) => [call.method, encode(call.args), call.id]);
  }

  take(responses: Invocation[]): void {
    const byId = new Map(this.calls.map((call) => [call.id, call]));
    for (const [name, args, id] of responses) byId.get(id)?.take(name, args);
  }
}

function encode(args: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args)) {
    if (value instanceof Reference) out[`#${key}`] = value.target;
    else if (value !== undefined) out[key] = value;
  }
  return out;
}
