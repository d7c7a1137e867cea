/** The codes of problems (RFC 9457), their statuses and titles. Clients branch on the code; the texts are for people. */
const PROBLEMS = {
  bad_request: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'Log in first' },
  invalid_credentials: { status: 401, title: 'These credentials are not right' },
  invalid_token: { status: 401, title: 'This token is not active' },
  permission_denied: { status: 403, title: 'You may not do this' },
  cross_origin: { status: 403, title: 'Requests from other sites are refused' },
  signup_closed: { status: 403, title: 'Sign-up is closed' },
  not_found: { status: 404, title: 'There is nothing here' },
  unknown_audience: { status: 404, title: 'There is no such API' },
  method_not_allowed: { status: 405, title: 'This address does not take that method' },
  token_over_budget: { status: 409, title: "The token would exceed the API's budget" },
  conflict: { status: 409, title: 'This was changed meanwhile' },
  gone: { status: 410, title: 'This link is used up' },
  too_large: { status: 413, title: 'The request is too large' },
  unsupported_media_type: { status: 415, title: 'This content type is not taken here' },
  misdirected: { status: 421, title: 'This server answers to another host name' },
  invalid: { status: 422, title: 'Some fields are not right' },
  too_many_attempts: { status: 429, title: 'Too many attempts' },
  internal: { status: 500, title: 'Something went wrong here' },
  busy: { status: 503, title: 'Busy just now' },
  unavailable: { status: 503, title: 'Not available just now' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

export interface FieldProblem {
  /** JSON pointer into the request. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

interface Extra {
  /** For the caller; names the remedy. */
  readonly detail?: string;
  /** For the log only. */
  readonly reason?: string;
  readonly headers?: Record<string, string>;
  readonly errors?: readonly FieldProblem[];
}

/** A refusal at the edge of the JSON API. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly extra: Extra;

  constructor(code: ProblemCode, extra: Extra = {}) {
    super(extra.reason ?? extra.detail ?? PROBLEMS[code].title);
    this.name = 'Problem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.extra = extra;
  }

  /** The document of RFC 9457 §3. Its `type` is about:blank's kind: the code tells problems apart. */
  body() {
    const { detail, errors } = this.extra;
    return {
      type: 'about:blank',
      title: PROBLEMS[this.code].title,
      status: this.status,
      code: this.code,
      ...(detail ? { detail } : {}),
      ...(errors ? { errors } : {}),
    };
  }
}

/** A refusal that may be tried again: `Retry-After` in whole seconds. */
export function tryLater(
  code: 'too_many_attempts' | 'busy' | 'unavailable',
  seconds: number,
  reason?: string,
): Problem {
  return new Problem(code, {
    detail: `Try again in ${seconds} seconds.`,
    headers: { 'retry-after': String(seconds) },
    ...(reason ? { reason } : {}),
  });
}
