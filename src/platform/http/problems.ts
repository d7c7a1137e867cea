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
      'The head, the path, the query or the body is malformed: no HTTP, no JSON, no UTF-8, NUL, a name that is there twice.',
    remedy: 'Repair the request; `detail` says what could not be read.',
  },
  unauthenticated: {
    status: 401,
    title: 'Log in first',
    meaning: 'There is no session cookie, or its session has ended. Where programs ask: no credentials, or wrong ones.',
    remedy: 'Log in, and send the cookie that the login set. Programs send what `WWW-Authenticate` asks for.',
  },
  invalid_credentials: {
    status: 401,
    title: 'These credentials are not right',
    meaning:
      'The login is refused. An unknown user, a wrong password, an inactive user and an unusable password look alike.',
    remedy: 'Ask for the username and the password again.',
  },
  invalid_token: {
    status: 401,
    title: 'This token is not active',
    meaning: 'The bearer token is malformed, expired or not ours, or its session has ended.',
    remedy: 'Get a new token from the session; when that is refused, log in again.',
  },
  cross_origin: {
    status: 403,
    title: 'Requests from other sites are refused',
    meaning: 'A browser said that a page of another origin sent this.',
    remedy: "Call from the issuer's own origin, or have the operator name yours in `SIGNET_TRUSTED_ORIGINS`.",
  },
  permission_denied: {
    status: 403,
    title: 'This caller may not do that',
    meaning: 'Who asks is known, and lacks a permission or is not the one whose thing it is.',
    remedy: '`detail` names what is missing; an administrator can give it.',
  },
  signup_closed: {
    status: 403,
    title: 'Sign-up is closed',
    meaning: 'The operator does not let people sign up.',
    remedy: 'Ask an administrator for an account; operators: `SIGNET_SIGNUP`.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    meaning: 'No such address, or nothing of yours with that id.',
    remedy: 'Look at the path; paths are case-sensitive and have no trailing slash.',
  },
  unknown_audience: {
    status: 404,
    title: 'There is no such API',
    meaning: 'No API has this audience. Told at login only after a right password.',
    remedy: 'Use the audience as `npx signet api list` shows it.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This address does not take that method',
    meaning: 'The path exists, with other methods.',
    remedy: 'Use one of the methods in `Allow`.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long',
    meaning: 'It was begun, and did not come whole in time.',
    remedy: 'Send it again, over another connection.',
  },
  token_over_budget: {
    status: 409,
    title: "The token would exceed the API's budget",
    meaning:
      'The permissions do not fit into the bytes that the API allows. Nothing was written, and no list is ever cut.',
    remedy:
      'Raise the budget (`npx signet api update AUDIENCE --budget BYTES`), or give fewer permissions of that API.',
  },
  conflict: {
    status: 409,
    title: 'This was changed meanwhile',
    meaning: 'Another request changed the same thing first.',
    remedy: 'Read it again, then decide again.',
  },
  too_large: {
    status: 413,
    title: 'The request is too large',
    meaning: 'The body has more than 64 KiB, or more than the 2 MiB that a catalogue may have.',
    remedy: 'Send less, or in several requests.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'This content type is not taken here',
    meaning: 'The body has another content type than this address takes, or none, or it is compressed.',
    remedy: 'Send the content type that `detail` names, in UTF-8 and without `Content-Encoding`.',
  },
  misdirected: {
    status: 421,
    title: 'This server answers to another host name',
    meaning: 'Development mode answers to localhost, 127.0.0.1 and [::1] only.',
    remedy: 'Call one of these; for other names run `npx signet start`.',
  },
  invalid: {
    status: 422,
    title: 'Some fields are not right',
    meaning: 'Fields are missing, unknown, of another type, or not acceptable. Nothing was changed.',
    remedy: 'Each of `errors` has the JSON pointer of a field, a code and a text for people.',
  },
  headers_too_large: {
    status: 431,
    title: 'The head of the request is too large',
    meaning: 'The request line and the header fields have more than 16 KiB.',
    remedy: 'Send less: most often there are cookies or a path that nobody needs.',
  },
  too_many_attempts: {
    status: 429,
    title: 'Too many attempts',
    meaning: 'This name, or this network, failed or signed up too often lately.',
    remedy: 'Wait as long as `Retry-After` says.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong here',
    meaning: 'A fault of Signet: no request should cause it.',
    remedy: 'Report it with the `x-request-id` of the answer; the log has the cause under that id.',
  },
  not_acceptable: {
    status: 406,
    title: 'It does not come in that form',
    meaning: 'The `Accept` header names no type that this document has.',
    remedy: 'Send the type that `detail` names, or none.',
  },
  not_implemented: {
    status: 501,
    title: 'This server does not do that',
    meaning: 'A part of a standard that is optional was asked for, such as a status list of the past.',
    remedy: 'Ask without it.',
  },
  busy: {
    status: 503,
    title: 'Busy just now',
    meaning: 'More passwords wait to be verified than this server takes on. Nothing was changed.',
    remedy: 'Try again after `Retry-After`.',
  },
  unavailable: {
    status: 503,
    title: 'Not available just now',
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
