/**
 * The API of administration. The token is kept in memory only, and goes along in the Authorization field: closing the page forgets it,
 * and no other site can make the browser send it.
 */
import { SseParser } from '../../src/jmap/sse';

const ROOT = '/admin/api/v1';

/** How the server refuses (RFC 9457), with what to do next. */
export class Refusal extends Error {
  readonly status: number;
  readonly next: string;

  constructor(status: number, title: string, next: string) {
    super(title);
    this.status = status;
    this.next = next;
  }
}

let token: string | null = null;
let onLost: () => void = () => {};

export function setToken(value: string | null, lost: () => void): void {
  token = value;
  onLost = lost;
}

interface Conditions {
  signal?: AbortSignal;
  /** The digest of what must not have changed meanwhile. */
  unchanged?: string | undefined;
}

async function send(method: string, path: string, body?: unknown, conditions: Conditions = {}): Promise<Response> {
  const { signal, unchanged } = conditions;
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  if (unchanged !== undefined) headers['if-match'] = `"${unchanged}"`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(ROOT + path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    signal: signal ?? null,
  });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; next?: string };
  if (response.status === 401) onLost();
  throw new Refusal(response.status, problem.title ?? response.statusText, problem.next ?? '');
}

export async function ask<T>(method: string, path: string, body?: unknown, unchanged?: string): Promise<T> {
  const response = await send(method, path, body, { unchanged });
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const get = <T>(path: string): Promise<T> => ask<T>('GET', path);

/** A part of a path: one segment, whatever is in it. */
export const part = (text: string): string => encodeURIComponent(text);

export function query(values: Record<string, string | number | boolean | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

/** What happens, until the signal says that nobody looks any more. */
export async function follow(path: string, heard: (data: string) => void, signal: AbortSignal): Promise<void> {
  const response = await send('GET', path, undefined, { signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new SseParser();
  for (;;) {
    const piece = await reader?.read();
    if (piece === undefined || piece.done) return;
    for (const event of parser.push(piece.value)) heard(event.data);
  }
}

export interface Token {
  name: string;
  scopes: string[];
  expires: number | null;
}

/** Whether a token lets do this: the same as the server thinks, so that nothing is offered that it would refuse. */
export function allows(token: Token, area: string, right: 'read' | 'write'): boolean {
  return token.scopes.some(
    (scope) =>
      scope === '*' ||
      scope === `${area}:write` ||
      (right === 'read' && (scope === '*:read' || scope === `${area}:read`)),
  );
}

export interface Page<T> {
  items: T[];
  next?: string | number | null;
}

export interface Series {
  group: string;
  name: string;
  values: number[];
}

export interface Flow {
  since: number;
  first: number;
  interval: number;
  minutes: number;
  series: Series[];
}

export interface Sample {
  at: number;
  values: { group: string; name: string; value: number }[];
}

export interface Entry {
  entry: number;
  'queue-id': string;
  sender: string;
  destination: string;
  size: number;
  received: number;
  due: number;
  expires: number;
  attempts: number;
  state: 'waiting' | 'held' | 'active';
  said: string;
  recipients: { address: string; state: string; said: string }[];
}

export interface Queued {
  'queue-id': string;
  entries: Entry[];
  attempts: { entry: number; at: number; host: string; said: string }[];
}

export interface Limits {
  bytes: number | null;
  messages: number | null;
}

export interface Domain {
  name: string;
  created: number;
  quota: Limits;
}

export interface DnsRecord {
  name: string;
  type: string;
  data: string;
  purpose: string;
}

export interface Finding {
  about: string;
  problem: string;
  advice: string;
}

export interface Account {
  address: string;
  created: number;
  quota: Limits;
  usage: { bytes: number; messages: number };
}

export interface Alias {
  address: string;
  targets: string[];
}

export interface Step {
  name: string;
  plugin: string;
  version: string;
  digest: string;
  hooks: string[];
  grants: string[];
  mode: 'enforce' | 'shadow' | 'canary';
  percent?: number;
  replaces?: string;
  breaker: 'closed' | 'open' | 'half-open';
  calls: number;
  faults: number;
  'last-fault'?: string;
  microseconds: number;
  answers: Record<string, number>;
}

export interface PolicyProblem {
  file: string;
  line?: number;
  text: string;
}

export interface Pipeline {
  /** Of policy.toml as it was when this was told. */
  'policy-digest'?: string;
  generation: number;
  since: number;
  steps: Step[];
  problems: PolicyProblem[];
  notes?: string[];
}

/** A build that lies in the plugin folders. */
export interface Build {
  name: string;
  version: string;
  digest: string;
  steps: string[];
  problem?: string;
}

export interface Generation {
  generation: number;
  at: number;
  who: string;
  why: string;
  changes: string[];
}

export interface Comparison {
  step: string;
  mode: 'shadow' | 'canary';
  replaces?: string;
  compared: number;
  missed: number;
  failed: number;
  microseconds: [number, number];
  changes: { hook: string; kind: string; count: number }[];
  symbols: { name: string; 'only-trial': number; 'only-serving': number; 'other-score': number }[];
  /** Of a canary: what transactions came to with it, and without it. */
  sides?: { transactions: number; [share: string]: number }[];
  examples: { 'queue-id': string; at: number; serving: string; trial: string }[];
}

export interface RuleFile {
  name: string;
  steps: string[];
  octets: number;
  digest: string;
  text: string;
}

export interface Side {
  findings: Record<string, number>;
  score: number;
  verdict: string;
}

export interface Preview {
  changed: string[];
  tried: number;
  differing: number;
  verdicts: number;
  untried?: Record<string, string[]>;
  messages: { 'queue-id': string; at: number; sender: string; recipients: string[]; before: Side; after: Side }[];
}

export interface AuditRow {
  at: number;
  who: string;
  origin: string;
  action: string;
  subject: string;
  detail: Record<string, unknown> | null;
  outcome: string;
}
