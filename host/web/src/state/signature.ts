/** What stands below a message: in HTML in an element of its own, so that it can be told from the rest. */
import type { Identity } from '../jmap/types';
import { SIGNATURE } from '../mail/sanitise';
import { escapeHtml } from '../mail/text';
import { sanitiser } from './sanitiser';

/** The signature's element, or none. */
export function signatureElement(identity: Identity | undefined): HTMLElement | null {
  if (!identity || (identity.htmlSignature === '' && identity.textSignature === '')) return null;
  const own = identity.htmlSignature || escapeHtml(identity.textSignature).replaceAll('\n', '<br>');
  const box = document.createElement('div');
  box.className = SIGNATURE;
  box.append('-- ', document.createElement('br'), sanitiser().editable(own));
  return box;
}

export function signatureHtml(identity: Identity | undefined): string {
  const element = signatureElement(identity);
  return element === null ? '' : `<div><br></div>${element.outerHTML}`;
}

export function signatureText(identity: Identity | undefined): string {
  return identity?.textSignature ? `\n\n-- \n${identity.textSignature}` : '';
}
