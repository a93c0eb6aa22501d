/** mailto: links (RFC 6068). */
import type { EmailAddress } from '../jmap/types';
import { parseAddresses, unique } from './addresses';

export interface Mailto {
  to: EmailAddress[];
  cc: EmailAddress[];
  bcc: EmailAddress[];
  subject: string;
  body: string;
}

/** What the link asks for, of what a link may ask for: no header but these, whatever it says (RFC 6068 §7). */
export function parseMailto(href: string): Mailto | null {
  const found = /^mailto:([^?#]*)(?:\?([^#]*))?/i.exec(href);
  if (found === null) return null;
  const values = new Map<string, string[]>();
  for (const pair of (found[2] ?? '').split('&')) {
    const [name, ...rest] = pair.split('=');
    const key = decode(name ?? '').toLowerCase();
    values.set(key, [...(values.get(key) ?? []), decode(rest.join('='))]);
  }
  const list = (...texts: string[]) => unique(texts.flatMap(parseAddresses));
  return {
    to: list(decode(found[1] ?? ''), ...(values.get('to') ?? [])),
    cc: list(...(values.get('cc') ?? [])),
    bcc: list(...(values.get('bcc') ?? [])),
    subject: (values.get('subject')?.[0] ?? '').replace(/\s+/g, ' '),
    body: (values.get('body') ?? []).join('\n').replace(/\r\n?/g, '\n'),
  };
}

/** A plus sign is itself here (RFC 6068 §5). */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
