/** People whose addresses are in the messages that are known here. */
import type { EmailAddress } from '../jmap/types';
import { sameAddress } from '../mail/addresses';
import type { MailStore } from './store';

const SHOWN = 6;

export function suggest(store: MailStore, typed: string, without: readonly EmailAddress[]): EmailAddress[] {
  const wanted = typed.trim().toLowerCase();
  const found = new Map<string, { address: EmailAddress; count: number }>();
  for (const email of store.emails.all()) {
    for (const address of [...(email.from ?? []), ...(email.to ?? [])]) {
      if (!matches(address, wanted)) continue;
      const key = address.email.toLowerCase();
      const known = found.get(key);
      if (known === undefined) found.set(key, { address, count: 1 });
      else {
        known.count++;
        if (!known.address.name && address.name) known.address = address;
      }
    }
  }
  return [...found.values()]
    .filter(({ address }) => !without.some((other) => sameAddress(other, address)))
    .sort((a, b) => b.count - a.count)
    .slice(0, SHOWN)
    .map(({ address }) => address);
}

/** The beginning of the address or of any word of the name. */
function matches(address: EmailAddress, wanted: string): boolean {
  const words = (address.name ?? '').toLowerCase().split(/\s+/);
  return (
    address.email.toLowerCase().startsWith(wanted) ||
    words.some((_, at) => words.slice(at).join(' ').startsWith(wanted))
  );
}
