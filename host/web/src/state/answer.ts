/** Opens the writer for an answer, a message passed on, or a draft. */

import { t } from '../i18n';
import { longDate } from '../i18n/format';
import type { BodyPart, Id, Identity } from '../jmap/types';
import { formatAddress } from '../mail/addresses';
import { bodyOf } from '../mail/body';
import { parseMailto } from '../mail/mailto';
import {
  type FullEmail,
  forwardedHeader,
  forwardSubject,
  identityFor,
  quoteHtml,
  quoteText,
  replyRecipients,
  replySubject,
  threading,
} from '../mail/reply';
import { escapeHtml, htmlToText, textToHtml } from '../mail/text';
import type { Account } from './account';
import { type ComposeStart, composing, openComposer } from './compose';
import { loadSanitiser, sanitiser } from './sanitiser';
import { settings } from './settings';
import { signatureHtml, signatureText } from './signature';
import { showError } from './toasts';

/** Opens the writer for a link to an address. False if it is none, or nothing can be sent. */
export function followMailto(account: Account, href: string): boolean {
  const asked = account.features.canSubmit ? parseMailto(href) : null;
  if (asked === null) return false;
  const { body, ...rest } = asked;
  void newMessage(account, rest, body);
  return true;
}

export type AnswerKind = 'reply' | 'replyAll' | 'forward';

async function fullEmail(account: Account, id: Id): Promise<FullEmail | null> {
  await Promise.all([account.store.open([id]), loadSanitiser()]);
  const [summary, content] = [account.store.emails.peek(id), account.store.contents.peek(id)];
  return summary && content ? { ...summary, ...content } : null;
}

/** Both forms of a message's text, fit to be edited. */
function editableBody(email: FullEmail): { html: string; text: string } {
  const body = bodyOf(email);
  if (body.kind === 'text') return { html: textToHtml(body.source), text: body.source };
  const box = document.createElement('div');
  box.append(sanitiser().editable(body.source));
  return { html: box.innerHTML, text: htmlToText(box) };
}

export async function newMessage(account: Account, start: ComposeStart = {}, body = ''): Promise<void> {
  await loadSanitiser();
  const identity = account.identities.peek()[0];
  openComposer(account, {
    html: (body === '' ? '<div><br></div>' : textToHtml(body)) + signatureHtml(identity),
    text: body + signatureText(identity),
    ...start,
  });
}

export async function answer(account: Account, id: Id, kind: AnswerKind): Promise<void> {
  try {
    const email = await fullEmail(account, id);
    if (email === null) return;
    const identities = account.identities.peek();
    const identity = identityFor(email, identities) ?? identities[0];
    const quoted = kind === 'forward' ? forwarded(email, identity) : replied(email, identity);
    const own = identities.map(({ name, email: address }) => ({ name, email: address }));
    openComposer(account, {
      ...(identity ? { identityId: identity.id } : {}),
      ...(kind === 'forward' ? {} : { ...replyRecipients(email, own, kind === 'replyAll'), ...threading(email) }),
      subject: kind === 'forward' ? forwardSubject(email.subject) : replySubject(email.subject),
      format: bodyOf(email).kind === 'text' ? settings.peek().format : 'html',
      original: { emailId: id, keyword: kind === 'forward' ? '$forwarded' : '$answered' },
      ...quoted,
    });
    if (kind === 'forward') composing.peek()?.attachments.addParts(realParts(email));
  } catch (error) {
    showError(error);
  }
}

function realParts(email: FullEmail): BodyPart[] {
  return email.attachments.filter(({ blobId }) => blobId !== null);
}

function replied(email: FullEmail, identity: Identity | undefined): { html: string; text: string } {
  const body = editableBody(email);
  const who = (email.from ?? []).map(formatAddress).join(', ');
  const intro = t('compose.wrote', { date: longDate(email.receivedAt), who });
  return {
    html: `<div><br></div>${signatureHtml(identity)}${quoteHtml(intro, body.html)}`,
    text: signatureText(identity) + quoteText(intro, body.text),
  };
}

function forwarded(email: FullEmail, identity: Identity | undefined): { html: string; text: string } {
  const body = editableBody(email);
  const labels = {
    ...{
      from: t('field.from'),
      to: t('field.to'),
      cc: t('field.cc'),
      date: t('field.date'),
      subject: t('field.subject'),
    },
  };
  const title = `---------- ${t('compose.forwarded')} ----------`;
  const lines = [title, ...forwardedHeader(email, labels, longDate(email.receivedAt))];
  const head = lines.map((line) => `<div>${escapeHtml(line)}</div>`).join('');
  return {
    html: `<div><br></div>${signatureHtml(identity)}<div><br></div>${head}<div><br></div>${body.html}`,
    text: `${signatureText(identity)}\n\n${lines.join('\n')}\n\n${body.text}`,
  };
}

export async function openDraft(account: Account, id: Id): Promise<void> {
  try {
    const email = await fullEmail(account, id);
    if (email === null) return;
    const body = bodyOf(email);
    const identity = identityFor(email, account.identities.peek());
    openComposer(account, {
      ...(identity ? { identityId: identity.id } : {}),
      ...{ to: email.to ?? [], cc: email.cc ?? [], bcc: email.bcc ?? [], subject: email.subject ?? '' },
      ...{ format: body.kind, inReplyTo: email.inReplyTo, references: email.references, draftId: id },
      ...editableBody(email),
    });
    composing.peek()?.attachments.addParts(realParts(email));
  } catch (error) {
    showError(error);
  }
}
