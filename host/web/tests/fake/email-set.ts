/** Email/set of RFC 8621 §4.6. */
import type { EmailAddress } from '../../src/jmap/types';
import { message } from './generate';
import type { Answer, Args } from './methods';
import type { FakeEmail, FakePart, Model } from './model';

export function setEmails(model: Model, args: Args): Answer[] {
  const oldState = model.state('Email');
  const created: Record<string, object> = {};
  const updated: Record<string, null> = {};
  const destroyed: string[] = [];
  const notCreated: Record<string, object> = {};
  const notUpdated: Record<string, object> = {};
  const notDestroyed: Record<string, object> = {};
  for (const [key, object] of Object.entries((args.create ?? {}) as Record<string, Args>)) {
    const email = create(model, object);
    if (typeof email === 'string') notCreated[key] = { type: email };
    else created[key] = { id: email.id, blobId: `raw-${email.id}`, threadId: email.threadId, size: email.size };
  }
  for (const [id, patch] of Object.entries((args.update ?? {}) as Record<string, Args>)) {
    const email = model.emails.get(id);
    if (email === undefined) notUpdated[id] = { type: 'notFound' };
    else if (!isPatch(patch)) notUpdated[id] = { type: 'invalidPatch' };
    else {
      model.change(email, (one) => applyPatch(one, patch));
      updated[id] = null;
    }
  }
  for (const id of (args.destroy ?? []) as string[]) {
    const email = model.emails.get(id);
    if (email === undefined) notDestroyed[id] = { type: 'notFound' };
    else {
      model.remove(email);
      destroyed.push(id);
    }
  }
  const newState = model.state('Email');
  return [['Email/set', { oldState, newState, created, updated, destroyed, notCreated, notUpdated, notDestroyed }]];
}

const isPatch = (patch: Args) => Object.keys(patch).every((path) => /^(?:keywords|mailboxIds)\//.test(path));

export function applyPatch(email: FakeEmail, patch: Args): void {
  for (const [path, value] of Object.entries(patch)) {
    const [property, key] = path.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const map = property === 'keywords' ? email.keywords : email.mailboxIds;
    if (value === true) map[key ?? ''] = true;
    else delete map[key ?? ''];
  }
}

function create(model: Model, object: Args): FakeEmail | string {
  const attachments = ((object.attachments ?? []) as Omit<FakePart, 'size'>[]).map((part) => ({
    ...{ cid: null, size: model.blobs.get(part.blobId)?.bytes.length ?? -1 },
    ...part,
  }));
  if (attachments.some(({ size, blobId }) => size < 0 && !blobId.startsWith('raw-'))) return 'blobNotFound';
  if (!object.mailboxIds) return 'invalidProperties';
  const values = object.bodyValues as Record<string, { value: string }>;
  const bodyOf = (name: string) =>
    ((object[name] ?? []) as { partId: string }[]).map(({ partId }) => values[partId]?.value ?? '').join('');
  const html = object.htmlBody ? bodyOf('htmlBody') : null;
  const answered = ((object.inReplyTo ?? []) as string[])[0];
  const parent = [...model.emails.values()].find(
    ({ messageId }) => answered !== undefined && messageId.includes(answered),
  );
  const list = (name: string) => (object[name] ?? null) as EmailAddress[] | null;
  const email = message(model, {
    ...{ from: list('from'), to: list('to'), cc: list('cc'), bcc: list('bcc'), replyTo: list('replyTo') },
    ...{
      mailboxIds: { ...(object.mailboxIds as object) },
      keywords: { ...(object.keywords as object) },
      html,
      attachments,
    },
    ...{ subject: String(object.subject ?? ''), text: bodyOf('textBody') },
    inReplyTo: (object.inReplyTo ?? null) as string[] | null,
    references: (object.references ?? null) as string[] | null,
    minutesAgo: -model.emails.size / 1e6,
  });
  if (parent !== undefined) email.threadId = parent.threadId;
  model.add(email);
  return email;
}
