/** Everything that can go wrong between this client and the server, by whose word it is. */
import type { SetErrorObject } from './methods';

export class JmapError extends Error {
  /** The error type of the RFC, or one of ours: what messages to people are chosen by. */
  readonly type: string;
  constructor(type: string, message?: string | null) {
    super(message || type);
    this.name = new.target.name;
    this.type = type;
  }
}

/** No answer came: the network is gone, or the server is. */
export class NetworkError extends JmapError {
  constructor(cause?: unknown) {
    super('network', cause instanceof Error ? cause.message : null);
  }
}

/** The server does not take the credentials, or no longer. */
export class UnauthorizedError extends JmapError {
  constructor() {
    super('unauthorized');
  }
}

/** RFC 7807, with what RFC 8620 §3.6.1 adds. */
export interface Problem {
  type?: string;
  detail?: string;
  /** The name of the limit that was passed. */
  limit?: string;
}

/** The request as a whole was refused (RFC 8620 §3.6.1). */
export class RequestError extends JmapError {
  readonly status: number;
  /** Seconds that the server asks to wait. */
  readonly retryAfter: number | null;
  readonly limit: string | null;
  constructor(status: number, problem: Problem, retryAfter: number | null = null) {
    const type = (problem.type ?? '').replace(/^urn:(?:ietf:params:jmap|waxwing):error:/, '');
    super(type === '' || type === 'about:blank' ? `http${status}` : type, problem.detail);
    this.status = status;
    this.retryAfter = retryAfter;
    this.limit = problem.limit ?? null;
  }

  /** The server did nothing, and may take the same request later. */
  get isBusy(): boolean {
    return this.status === 429 || this.status === 503 || this.limit === 'maxConcurrentRequests';
  }
}

/** One call of a request was refused (RFC 8620 §3.6.2). */
export class MethodError extends JmapError {
  readonly method: string;
  constructor(method: string, problem: { type: string; description?: string | null }) {
    super(problem.type, problem.description);
    this.method = method;
  }
}

/** One object of a /set call was refused (RFC 8620 §5.3). */
export class SetError extends JmapError {
  readonly details: SetErrorObject;
  constructor(details: SetErrorObject) {
    super(details.type, details.description);
    this.details = details;
  }
}

export function errorType(error: unknown): string {
  return error instanceof JmapError ? error.type : 'unexpected';
}
