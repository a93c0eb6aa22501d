/** What the Session object says, and what follows from it for this client. */
import { JmapError } from './errors';
import type { Transport } from './transport';
import {
  Capability,
  type CoreCapability,
  type Id,
  type MailCapability,
  type Session,
  type SubmissionCapability,
} from './types';

export async function fetchSession(transport: Transport): Promise<Session> {
  const response = await transport.request('/.well-known/jmap', { headers: { Accept: 'application/json' } }, true);
  const session = (await response.json()) as Session;
  if (!session.primaryAccounts?.[Capability.mail]) {
    throw new JmapError('noMail', 'this account has no mail');
  }
  return session;
}

/** Replaces the variables of a level 1 URI template (RFC 6570). */
export function expand(template: string, variables: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(variables[name] ?? ''));
}

/**
 * The server's URLs as paths of the page's own origin. Credentials never go anywhere else, and a server behind a
 * proxy need not know the name it is reached by.
 */
export function ownOrigin(url: string, base: string = location.href): string {
  const parsed = new URL(url.replaceAll('{', '%7B').replaceAll('}', '%7D'), base);
  return (parsed.pathname + parsed.search).replaceAll('%7B', '{').replaceAll('%7D', '}');
}

const CORE_DEFAULTS: CoreCapability = {
  maxSizeUpload: 50_000_000,
  maxConcurrentUpload: 4,
  maxSizeRequest: 10_000_000,
  maxConcurrentRequests: 4,
  maxCallsInRequest: 16,
  maxObjectsInGet: 500,
  maxObjectsInSet: 500,
};

export class Features {
  readonly session: Session;
  readonly accountId: Id;
  readonly core: CoreCapability;

  constructor(session: Session) {
    this.session = session;
    this.accountId = session.primaryAccounts[Capability.mail] ?? '';
    this.core = { ...CORE_DEFAULTS, ...(session.capabilities[Capability.core] as Partial<CoreCapability>) };
  }

  /** Whether the account has what the capability names. What it has not is shown nowhere. */
  has(capability: string): boolean {
    return capability in (this.session.accounts[this.accountId]?.accountCapabilities ?? {});
  }

  get isReadOnly(): boolean {
    return this.session.accounts[this.accountId]?.isReadOnly ?? false;
  }

  get canSubmit(): boolean {
    return this.has(Capability.submission) && !this.isReadOnly;
  }

  get mail(): Partial<MailCapability> {
    return this.#of(Capability.mail) as Partial<MailCapability>;
  }

  get submission(): Partial<SubmissionCapability> {
    return this.#of(Capability.submission) as Partial<SubmissionCapability>;
  }

  /** What a request names in `using`: all that both sides know. */
  get using(): string[] {
    return Object.values(Capability).filter((name) => name in this.session.capabilities);
  }

  #of(capability: string): unknown {
    return this.session.accounts[this.accountId]?.accountCapabilities[capability] ?? {};
  }
}
