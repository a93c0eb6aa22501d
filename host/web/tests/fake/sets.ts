/** The other /set methods. */
import { applyPatch } from './email-set';
import type { Answer, Args } from './methods';
import type { Model } from './model';

export function setMailboxes(model: Model, args: Args): Answer[] {
  const result = { created: {} as Args, updated: {} as Args, destroyed: [] as string[] };
  const refused = { notCreated: {} as Args, notUpdated: {} as Args, notDestroyed: {} as Args };
  for (const [key, object] of Object.entries((args.create ?? {}) as Record<string, Args>)) {
    const name = String(object.name);
    if ([...model.mailboxes.values()].some((one) => one.name === name && one.parentId === object.parentId)) {
      refused.notCreated[key] = {
        type: 'invalidProperties',
        properties: ['name'],
        description: 'There is one of this name.',
      };
      continue;
    }
    const id = model.id('X');
    model.mailboxes.set(id, {
      id,
      name,
      parentId: (object.parentId ?? null) as string | null,
      role: null,
      sortOrder: 0,
    });
    model.note('Mailbox', id, 'created');
    result.created[key] = { id };
  }
  for (const [id, patch] of Object.entries((args.update ?? {}) as Record<string, Args>)) {
    const mailbox = model.mailboxes.get(id);
    if (mailbox === undefined) refused.notUpdated[id] = { type: 'notFound' };
    else {
      Object.assign(mailbox, patch);
      model.note('Mailbox', id, 'updated');
      result.updated[id] = null;
    }
  }
  for (const id of (args.destroy ?? []) as string[]) {
    const hasChild = [...model.mailboxes.values()].some(({ parentId }) => parentId === id);
    if (hasChild) refused.notDestroyed[id] = { type: 'mailboxHasChild' };
    else if (model.mailboxes.delete(id)) {
      for (const email of [...model.emails.values()]) if (email.mailboxIds[id]) model.remove(email);
      model.note('Mailbox', id, 'destroyed');
      result.destroyed.push(id);
    }
  }
  return [['Mailbox/set', { newState: model.state('Mailbox'), ...result, ...refused }]];
}

export function setIdentities(model: Model, args: Args): Answer[] {
  const updated: Args = {};
  for (const [id, patch] of Object.entries((args.update ?? {}) as Record<string, Args>)) {
    Object.assign(model.identities.get(id) ?? {}, patch);
    model.note('Identity', id, 'updated');
    updated[id] = null;
  }
  return [['Identity/set', { newState: model.state('Identity'), updated, notUpdated: null }]];
}

/** RFC 8621 §7.5, with what onSuccessUpdateEmail implies. */
export function setSubmissions(model: Model, args: Args): Answer[] {
  const created: Record<string, Args> = {};
  const updated: Args = {};
  const notCreated: Args = {};
  const notUpdated: Args = {};
  for (const [key, object] of Object.entries((args.create ?? {}) as Record<string, Args>)) {
    const envelope = object.envelope as { mailFrom: { parameters: Args | null }; rcptTo: { email: string }[] };
    if (!model.emails.has(String(object.emailId)))
      notCreated[key] = { type: 'invalidProperties', properties: ['emailId'] };
    else if (envelope.rcptTo.some(({ email }) => email.endsWith('@refused.test')))
      notCreated[key] = { type: 'forbiddenToSend' };
    else {
      const id = model.id('S');
      const isHeld = envelope.mailFrom.parameters?.HOLDFOR !== undefined;
      model.submissions.set(id, { ...object, id, undoStatus: isHeld ? 'pending' : 'final' });
      created[key] = { id, undoStatus: isHeld ? 'pending' : 'final' };
    }
  }
  for (const [id, patch] of Object.entries((args.update ?? {}) as Record<string, Args>)) {
    const submission = model.submissions.get(id);
    if (submission?.undoStatus !== 'pending') notUpdated[id] = { type: 'cannotUnsend' };
    else {
      submission.undoStatus = patch.undoStatus;
      updated[id] = null;
    }
  }
  const answers: Answer[] = [['EmailSubmission/set', { newState: '1', created, updated, notCreated, notUpdated }]];
  const implied: Args = {};
  for (const [reference, patch] of Object.entries((args.onSuccessUpdateEmail ?? {}) as Record<string, Args>)) {
    const submission = model.submissions.get(String(created[reference.slice(1)]?.id));
    const email = model.emails.get(String(submission?.emailId));
    if (email === undefined) continue;
    model.change(email, (one) => applyPatch(one, patch));
    implied[email.id] = null;
  }
  if (Object.keys(implied).length > 0)
    answers.push(['Email/set', { newState: model.state('Email'), updated: implied }]);
  return answers;
}
