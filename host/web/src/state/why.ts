/** "Why is this here?": what the server's policy did with a message. Asked only where the server offers it. */
import type { Client } from '../jmap/client';
import { Capability, type Id } from '../jmap/types';

export interface WhyStep {
  plugin: string;
  hook: string;
  verdict: string;
  findings: { symbol: string; weight: number; evidence: string }[];
}

export interface Why {
  score: number | null;
  verdict: string;
  steps: WhyStep[];
}

export function isWhyOffered(client: Client): boolean {
  return client.features.has(Capability.why);
}

export async function fetchWhy(client: Client, emailId: Id): Promise<Why> {
  const response = await client.transport.request(`/mail/why/${encodeURIComponent(emailId)}`, {}, true);
  return (await response.json()) as Why;
}
