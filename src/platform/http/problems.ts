import { type DomainError, domainErrors, type NoParams } from '../errors.ts';
import { quote } from '../text.ts';

/** The problem codes (RFC 9457) with their statuses. Clients branch on the code; the texts are for people: see api/problems.ts. */
export const PROBLEM_STATUS = {
  bad_request: 400,
  unauthenticated: 401,
  invalid_credentials: 401,
  invalid_token: 401,
  cross_origin: 403,
  permission_denied: 403,
  signup_closed: 403,
  not_found: 404,
  unknown_audience: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  token_over_budget: 409,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  invalid: 422,
  headers_too_large: 431,
  too_many_attempts: 429,
  internal: 500,
  not_acceptable: 406,
  not_implemented: 501,
  busy: 503,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

/** A part of a request. `parameters`: query and form together. */
type RequestPart = 'body' | 'form' | 'query' | 'parameters';

/** What this room refuses, with what a message about each names. */
export interface RequestFaults {
  readonly request_not_utf8: { readonly part: RequestPart };
  /** NUL, or half a surrogate pair. */
  readonly request_not_storable: { readonly part: RequestPart };
  readonly body_empty: NoParams;
  readonly body_not_json: NoParams;
  readonly body_name_repeated: NoParams;
  readonly body_too_deep: NoParams;
  readonly form_field_repeated: { readonly name: string };
  readonly parameter_repeated: { readonly name: string };
  readonly parameter_not_storable: { readonly name: string };
  readonly content_encoded: { readonly type: string };
  readonly content_type_wrong: { readonly type: string };
  readonly host_invalid: NoParams;
  readonly host_not_local: { readonly hosts: readonly string[] };
  readonly method_wrong: { readonly allow: string };
  /** `origin`: that of the issuer. */
  readonly origin_not_trusted: { readonly origin: string };
  readonly retry_later: { readonly seconds: number };
  readonly field_missing: NoParams;
  readonly field_unknown: NoParams;
  /** `rule`: that of the schema, such as `must be string`. */
  readonly field_invalid: { readonly rule: string | null };
}

export const requestFault = domainErrors<RequestFaults>();

/** Port: the words of problems, which only the edge has. */
export interface ProblemWords {
  title(code: ProblemCode): string;
  /** Returns what the caller reads about a refusal. */
  detail(refusal: DomainError): string;
}

/** Words of the edge, or a refusal of a room below it, which the edge puts into words. */
type Detail = string | DomainError;

export interface FieldProblem {
  /** JSON pointer into the request. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: Detail;
}

interface Extra {
  /** For the caller; names the remedy. */
  readonly detail?: Detail;
  /** For the log only. */
  readonly reason?: string;
  readonly headers?: Record<string, string>;
  readonly errors?: readonly FieldProblem[];
}

/** Limit of a text in a response or the log; names from outside are already cut by `quote`. */
const MAX_TEXT_LENGTH = 512;

/** An error response of the JSON API. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  readonly extra: Extra;

  constructor(code: ProblemCode, extra: Extra = {}) {
    super(extra.reason ?? (extra.detail instanceof Error ? extra.detail.message : extra.detail) ?? code);
    this.code = code;
    this.status = PROBLEM_STATUS[code];
    this.extra = extra;
  }

  /** Returns the reason for the log. */
  reason(words: ProblemWords): string {
    const { reason, detail } = this.extra;
    return quote(reason ?? (detail ? inWords(detail, words) : words.title(this.code)), MAX_TEXT_LENGTH);
  }

  /** Returns what the caller reads about this refusal; undefined if the title says all. */
  detail(words: ProblemWords): string | undefined {
    const { detail } = this.extra;
    return detail ? quote(inWords(detail, words), MAX_TEXT_LENGTH) : undefined;
  }

  /** Returns the document of RFC 9457 §3. Its `type` is about:blank: the code distinguishes problems. */
  body(words: ProblemWords) {
    const { errors } = this.extra;
    const detail = this.detail(words);
    return {
      type: 'about:blank',
      title: words.title(this.code),
      status: this.status,
      code: this.code,
      ...(detail === undefined ? {} : { detail }),
      ...(errors ? { errors: errors.map((one) => ({ ...one, detail: inWords(one.detail, words) })) } : {}),
    };
  }
}

function inWords(detail: Detail, words: ProblemWords): string {
  return typeof detail === 'string' ? detail : words.detail(detail);
}

/** A problem with `Retry-After` in whole seconds. */
export function tryLater(
  code: 'too_many_attempts' | 'busy' | 'unavailable',
  seconds: number,
  reason?: string,
): Problem {
  return new Problem(code, {
    detail: requestFault('retry_later', { seconds }),
    headers: { 'retry-after': String(seconds) },
    ...(reason ? { reason } : {}),
  });
}
