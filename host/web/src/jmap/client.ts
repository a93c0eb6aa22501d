/** A connection to one account of a JMAP server. */
import type { Authenticator } from './auth';
import { type Args, Batch, type Invocation, type SendOptions } from './batch';
import { SetError } from './errors';
import type { Method, Methods, SetErrorObject } from './methods';
import { expand, Features, fetchSession, ownOrigin } from './session';
import { Transport, type TransportOptions } from './transport';
import type { BodyPart, Id, UploadResult } from './types';
import { type UploadProgress, upload } from './upload';

export class Client {
  readonly transport: Transport;
  features: Features;
  #refreshing: Promise<void> | null = null;
  #onSession: () => void = () => {};

  private constructor(transport: Transport, features: Features) {
    this.transport = transport;
    this.features = features;
  }

  static async connect(auth: Authenticator, options: TransportOptions = {}): Promise<Client> {
    const transport = new Transport(auth, options);
    return new Client(transport, new Features(await fetchSession(transport)));
  }

  get accountId(): Id {
    return this.features.accountId;
  }

  /** Called when the server's Session has become another. */
  onSession(listener: () => void): void {
    this.#onSession = listener;
  }

  batch(): Batch {
    return new Batch((batch, options) => this.#send(batch, options));
  }

  /** A request of a single call. */
  async call<M extends Method>(method: M, args: Omit<Args<M>, 'accountId'>): Promise<Methods[M]['result']> {
    const batch = this.batch();
    const call = batch.call(method, { accountId: this.accountId, ...args } as Args<M>);
    await batch.send();
    return call.value;
  }

  async #send(batch: Batch, { keepalive = false }: SendOptions): Promise<void> {
    const session = this.features.session;
    const body = JSON.stringify({ using: this.features.using, methodCalls: batch.invocations() });
    const response = await this.transport.request(
      ownOrigin(session.apiUrl),
      {
        method: 'POST',
        body,
        keepalive,
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      },
      batch.isRepeatable,
    );
    const answer = (await response.json()) as { methodResponses: Invocation[]; sessionState: string };
    batch.take(answer.methodResponses);
    if (answer.sessionState !== session.state) this.#refresh();
  }

  #refresh(): void {
    this.#refreshing ??= fetchSession(this.transport)
      .then((session) => {
        this.features = new Features(session);
        this.#onSession();
      })
      // The next answer says again that the session is another.
      .catch(() => {})
      .finally(() => {
        this.#refreshing = null;
      });
  }

  upload(file: Blob, type: string, onProgress?: UploadProgress, signal?: AbortSignal): Promise<UploadResult> {
    const url = expand(ownOrigin(this.features.session.uploadUrl), { accountId: this.accountId });
    return upload(url, file, type, this.transport.auth, onProgress, signal);
  }

  async download(part: Pick<BodyPart, 'blobId' | 'name' | 'type'>): Promise<Blob> {
    const url = expand(ownOrigin(this.features.session.downloadUrl), {
      accountId: this.accountId,
      blobId: part.blobId ?? '',
      type: part.type,
      name: part.name ?? 'attachment',
    });
    const bytes = await (await this.transport.request(url, {}, true)).arrayBuffer();
    // Of the type that was looked at before it was asked for, whatever the answer calls it.
    return new Blob([bytes], { type: part.type });
  }
}

/** Throws if the server refused the one object that a /set call was for. */
export function demand(errors: (Record<string, SetErrorObject> | null)[]): void {
  for (const refused of errors) {
    for (const error of Object.values(refused ?? {})) throw new SetError(error);
  }
}
