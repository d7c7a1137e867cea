import { quote } from '../text.ts';

interface ProblemType {
  readonly status: number;
  readonly title: string;
  /** For docs/errors.md: when a caller gets it, and what to do. */
  readonly meaning: string;
  readonly remedy: string;
}

/** The problem codes (RFC 9457) with their statuses and titles. Clients branch on the code; the texts are for people. */
export const PROBLEMS = {
  bad_request: {
    status: 400,
    title: 'The request cannot be read',
    meaning:
      'The head, the path, the query or the body is malformed: not HTTP, not JSON, not UTF-8, a NUL character, or a repeated name.',
    remedy: 'Correct the request. `detail` says what could not be read.',
  },
  unauthenticated: {
    status: 401,
    title: 'Log in first',
    meaning: 'There is no session cookie, or its session has ended. For programs: no credentials, or wrong ones.',
    remedy: 'Log in, and send the cookie that the login sets. Programs send what `WWW-Authenticate` asks for.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Wrong username or password',
    meaning:
      'The login is refused. An unknown user, a wrong password, an inactive user and an unusable password get the same answer.',
    remedy: 'Ask for the username and the password again.',
  },
  invalid_token: {
    status: 401,
    title: 'The token is not active',
    meaning: 'The bearer token is malformed, expired or not from this server, or its session has ended.',
    remedy: 'Get a new token from the session. If that is refused, log in again.',
  },
  cross_origin: {
    status: 403,
    title: 'Requests from other sites are refused',
    meaning: 'The browser reports that a page of another origin sent the request.',
    remedy: "Call from the issuer's own origin, or ask the operator to add yours to `SIGNET_TRUSTED_ORIGINS`.",
  },
  permission_denied: {
    status: 403,
    title: 'Permission denied',
    meaning: 'The caller is authenticated, but lacks a permission or may not change this object.',
    remedy: '`detail` names what is missing. An administrator can grant it.',
  },
  signup_closed: {
    status: 403,
    title: 'Sign-up is closed',
    meaning: 'This server does not allow sign-up.',
    remedy: 'Ask an administrator for an account. Operators: see `SIGNET_SIGNUP`.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is no such address, or you have nothing with that id.',
    remedy: 'Check the path. Paths are case-sensitive and have no trailing slash.',
  },
  unknown_audience: {
    status: 404,
    title: 'There is no such API',
    meaning: 'No API has this audience. A login reports this only after a correct password.',
    remedy: 'Use an audience from `npx signet api list`.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods in `Allow`.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long',
    meaning: 'The request did not arrive completely in time.',
    remedy: 'Send it again over a new connection.',
  },
  token_over_budget: {
    status: 409,
    title: "The token would exceed the API's budget",
    meaning:
      'The permissions do not fit into the bytes that the API allows. Nothing was changed, and no list is ever shortened.',
    remedy:
      'Raise the budget (`npx signet api update AUDIENCE --budget BYTES`), or assign fewer permissions of that API.',
  },
  conflict: {
    status: 409,
    title: 'Another request changed this first',
    meaning: 'Another request changed the same object at the same time.',
    remedy: 'Read it again, then decide again.',
  },
  too_large: {
    status: 413,
    title: 'The request is too large',
    meaning: 'The body is larger than 64 KiB, or than 2 MiB for a catalogue.',
    remedy: 'Send less, or send several requests.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported content type',
    meaning: 'The body has another content type than this address accepts, or none, or it is compressed.',
    remedy: 'Send the content type that `detail` names, in UTF-8 and without `Content-Encoding`.',
  },
  misdirected: {
    status: 421,
    title: 'This server has another host name',
    meaning: 'Development mode accepts the host names localhost, 127.0.0.1 and [::1] only.',
    remedy: 'Use one of these. For other names run `npx signet start`.',
  },
  invalid: {
    status: 422,
    title: 'Some fields are invalid',
    meaning: 'Fields are missing, unknown, of another type or invalid. Nothing was changed.',
    remedy: 'Each entry of `errors` has the JSON pointer of a field, a code and a text for people.',
  },
  headers_too_large: {
    status: 431,
    title: 'The head of the request is too large',
    meaning: 'The request line and the header fields are larger than 16 KiB.',
    remedy: 'Send less. The usual causes are cookies and a long path.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    meaning: 'There were too many failed logins, or sign-ups, for this name or from this network.',
    remedy: 'Wait for the time in `Retry-After`.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong',
    meaning: 'A fault of Signet: no request should cause it.',
    remedy: 'Report it with the `x-request-id` of the response. The log has the cause under that id.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not available in this format',
    meaning: 'The document has none of the types in the `Accept` header.',
    remedy: 'Send the type that `detail` names, or no `Accept`.',
  },
  not_implemented: {
    status: 501,
    title: 'Not supported by this server',
    meaning: 'The request asks for an optional part of a standard, such as a status list of the past.',
    remedy: 'Send the request without it.',
  },
  busy: {
    status: 503,
    title: 'The server is busy',
    meaning: 'Too many passwords are waiting to be verified. Nothing was changed.',
    remedy: 'Try again after `Retry-After`.',
  },
  unavailable: {
    status: 503,
    title: 'The server is temporarily unavailable',
    meaning: 'The database cannot be reached, or this process is stopping. It says nothing about a token or a login.',
    remedy: 'Try again after `Retry-After`.',
  },
} as const satisfies Record<string, ProblemType>;

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

/** Limit of a text in a response or the log; names from outside are already cut by `quote`. */
const MAX_TEXT_LENGTH = 512;

/** An error response of the JSON API. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly extra: Extra;

  constructor(code: ProblemCode, extra: Extra = {}) {
    super(quote(extra.reason ?? extra.detail ?? PROBLEMS[code].title, MAX_TEXT_LENGTH));
    this.name = 'Problem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.extra = extra;
  }

  /** Returns the document of RFC 9457 §3. Its `type` is about:blank: the code distinguishes problems. */
  body() {
    const { detail, errors } = this.extra;
    return {
      type: 'about:blank',
      title: PROBLEMS[this.code].title,
      status: this.status,
      code: this.code,
      ...(detail ? { detail: quote(detail, MAX_TEXT_LENGTH) } : {}),
      ...(errors ? { errors } : {}),
    };
  }
}

/** A problem with `Retry-After` in whole seconds. */
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
