/** A message being written: saved as one writes, sent when one says so. */
import { effect, signal } from '@preact/signals';
import { demand } from '../jmap/client';
import type { EmailAddress, EmailContent, Id, Identity } from '../jmap/types';
import { type Draft, draftObject, recipientsOf } from '../mail/draft';
import type { Account } from './account';
import { Attachments } from './attachments';
import type { Outgoing } from './outbox';
import { settings } from './settings';
import { signatureText } from './signature';
import { showError } from './toasts';

export interface ComposeStart {
  identityId?: Id;
  to?: EmailAddress[];
  cc?: EmailAddress[];
  bcc?: EmailAddress[];
  subject?: string;
  html?: string;
  text?: string;
  format?: 'html' | 'text';
  inReplyTo?: string[] | null;
  references?: string[] | null;
  original?: Outgoing['original'];
  /** The draft that is opened. */
  draftId?: Id;
}

export type SaveState = 'clean' | 'dirty' | 'saving' | 'saved' | 'failed';

const SAVE_AFTER = 1_500;
const RETRY_AFTER = 10_000;

export class ComposeSession {
  readonly identityId = signal<Id>('');
  readonly to = signal<EmailAddress[]>([]);
  readonly cc = signal<EmailAddress[]>([]);
  readonly bcc = signal<EmailAddress[]>([]);
  readonly subject = signal('');
  readonly format = signal<'html' | 'text'>('html');
  readonly saveState = signal<SaveState>('clean');
  readonly isSending = signal(false);
  readonly attachments: Attachments;
  /** What is written; the editor reads it when it opens and writes it at each change. */
  html: string;
  text: string;
  readonly #account: Account;
  readonly #start: ComposeStart;
  #draftId: Id | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(account: Account, start: ComposeStart) {
    this.#account = account;
    this.#start = start;
    this.attachments = new Attachments(account.client, () => this.changed());
    this.to.value = start.to ?? [];
    this.cc.value = start.cc ?? [];
    this.bcc.value = start.bcc ?? [];
    this.subject.value = start.subject ?? '';
    this.format.value = start.format ?? settings.peek().format;
    this.html = start.html ?? '';
    this.text = start.text ?? '';
    this.#draftId = start.draftId ?? null;
    this.identityId.value = start.identityId ?? account.identities.peek()[0]?.id ?? '';
    if (this.identityId.peek() === '') this.#awaitIdentity();
  }

  #awaitIdentity(): void {
    const stop = effect(() => {
      const first = this.#account.identities.value[0];
      if (first === undefined) return;
      if (this.identityId.peek() === '') this.identityId.value = first.id;
      queueMicrotask(() => stop());
    });
  }

  get identity(): Identity | undefined {
    return this.#account.identities.value.find(({ id }) => id === this.identityId.value);
  }

  /** Writes as another; the signature below is theirs then. */
  chooseIdentity(id: Id): void {
    const before = this.identity;
    this.changed();
    this.identityId.value = id;
    const [old, next] = [signatureText(before), signatureText(this.identity)];
    if (old !== '' && this.text.includes(old)) this.text = this.text.replace(old, () => next);
    else if (old === '') this.text += next;
  }

  get isAnswer(): boolean {
    return this.#start.original !== undefined && this.#start.original !== null;
  }

  /** Something is other than it was saved. */
  changed(): void {
    this.saveState.value = 'dirty';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.save(), SAVE_AFTER);
  }

  get draft(): Draft {
    return {
      to: this.to.peek(),
      cc: this.cc.peek(),
      bcc: this.bcc.peek(),
      subject: this.subject.peek(),
      html: this.format.peek() === 'html' ? this.html : null,
      text: this.text,
      attachments: this.attachments.ready,
      inReplyTo: this.#start.inReplyTo ?? null,
      references: this.#start.references ?? null,
    };
  }

  /** Saves, after any saving that is under way, and tells whether it went well. */
  async save(): Promise<boolean> {
    clearTimeout(this.#timer);
    const next = this.#saving.then(() => this.#save());
    this.#saving = next;
    await next;
    return this.saveState.peek() !== 'failed';
  }

  async #save(): Promise<void> {
    if (this.saveState.peek() !== 'dirty' && this.saveState.peek() !== 'failed') return;
    const drafts = this.#account.mailboxes.withRole('drafts');
    if (drafts === undefined) return;
    this.saveState.value = 'saving';
    try {
      await this.#replace(drafts.id);
      // What was typed meanwhile is not saved yet.
      if (this.saveState.peek() === 'saving') this.saveState.value = 'saved';
    } catch (error) {
      this.saveState.value = 'failed';
      if (this.isSending.peek()) throw error;
      this.#timer = setTimeout(() => void this.save(), RETRY_AFTER);
    }
  }

  /**
   * A message never changes: the new one comes, and then the old one goes. What was a part of the old one goes with it, so that attachments
   * are parts of the new one from then on.
   */
  async #replace(draftsId: Id): Promise<void> {
    const { client } = this.#account;
    const { accountId } = client;
    const old = this.#draftId;
    const attached = this.attachments.ready;
    const result = await client.call('Email/set', {
      create: { draft: draftObject(this.draft, this.identity, draftsId) },
    });
    demand([result.notCreated]);
    const id = result.created?.draft?.id ?? null;
    this.#draftId = id;
    const batch = client.batch();
    const parts =
      id === null || attached.length === 0
        ? null
        : batch.call('Email/get', {
            ...{ accountId, ids: [id], properties: ['id', 'attachments'] },
            bodyProperties: ['partId', 'blobId', 'size', 'name'],
          });
    if (old !== null) batch.call('Email/set', { accountId, destroy: [old] });
    await batch.send();
    if (parts !== null) {
      const [email] = parts.value.list as Pick<EmailContent, 'attachments'>[];
      this.attachments.follow(attached, email?.attachments ?? []);
    }
  }

  /** Hands it to the outbox. False if it could not be saved, and then nothing was sent. */
  async send(): Promise<boolean> {
    const identity = this.identity;
    if (identity === undefined) return false;
    this.isSending.value = true;
    try {
      this.saveState.value = 'dirty';
      await this.save();
      if (this.#draftId === null) return false;
      void this.#account.outbox.send({
        emailId: this.#draftId,
        identityId: identity.id,
        from: identity.email,
        recipients: recipientsOf(this.draft),
        original: this.#start.original ?? null,
        reopen: () => {
          this.saveState.value = 'saved';
          composing.value = this;
        },
      });
      return true;
    } catch (error) {
      showError(error);
      return false;
    } finally {
      this.isSending.value = false;
      this.#saving = Promise.resolve();
    }
  }

  /** Throws away what was written, the saved draft included. */
  async discard(): Promise<void> {
    clearTimeout(this.#timer);
    this.saveState.value = 'clean';
    await this.#saving.catch(() => {});
    if (this.#draftId !== null) await this.#account.client.call('Email/set', { destroy: [this.#draftId] });
    this.#draftId = null;
    void this.#account.sync.run();
  }
}

/** The message being written, if any. */
export const composing = signal<ComposeSession | null>(null);

export function openComposer(account: Account, start: ComposeStart = {}): void {
  void closeComposer();
  composing.value = new ComposeSession(account, start);
}

/** Closes the writer; what was written is a draft. */
export async function closeComposer(): Promise<void> {
  const session = composing.peek();
  composing.value = null;
  if (session?.saveState.peek() === 'dirty') await session.save();
}
