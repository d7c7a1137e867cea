import type { PermissionErrors } from '../permissions/index.ts';
import type { DomainError, ErrorParams } from '../platform/errors.ts';
import { Problem, type ProblemCode, type ProblemWords, type RequestFaults } from '../platform/http/index.ts';
import { quote } from '../platform/text.ts';
import type { StatusListErrors } from '../tokens/index.ts';
import { fieldText } from '../ui/messages.ts';
import type { FieldError, UserErrors } from '../users/index.ts';

interface ProblemType {
  readonly title: string;
  /** For docs/errors.md: when a caller gets it, and what to do. */
  readonly meaning: string;
  readonly remedy: string;
}

/** Every problem in words. Their statuses are those of `PROBLEM_STATUS`. */
export const PROBLEMS = {
  bad_request: {
    title: 'The request cannot be read',
    meaning:
      'The head, the path, the query or the body is malformed: not HTTP, not JSON, not UTF-8, a NUL character, or a repeated name.',
    remedy: 'Correct the request. `detail` says what could not be read.',
  },
  unauthenticated: {
    title: 'Log in first',
    meaning: 'There is no session cookie, or its session has ended. For programs: no credentials, or wrong ones.',
    remedy: 'Log in, and send the cookie that the login sets. Programs send what `WWW-Authenticate` asks for.',
  },
  invalid_credentials: {
    title: 'Wrong username or password',
    meaning:
      'The login is refused. An unknown user, a wrong password, an inactive user and an unusable password get the same answer.',
    remedy: 'Ask for the username and the password again.',
  },
  invalid_token: {
    title: 'The token is not active',
    meaning: 'The bearer token is malformed, expired or not from this server, or its session has ended.',
    remedy: 'Get a new token from the session. If that is refused, log in again.',
  },
  cross_origin: {
    title: 'Requests from other sites are refused',
    meaning: 'The browser reports that a page of another origin sent the request.',
    remedy: "Call from the issuer's own origin, or ask the operator to add yours to `SIGNET_TRUSTED_ORIGINS`.",
  },
  permission_denied: {
    title: 'Permission denied',
    meaning: 'The caller is authenticated, but lacks a permission or may not change this object.',
    remedy: '`detail` names what is missing. An administrator can grant it.',
  },
  signup_closed: {
    title: 'Sign-up is closed',
    meaning: 'This server does not allow sign-up.',
    remedy: 'Ask an administrator for an account. Operators: see `SIGNET_SIGNUP`.',
  },
  not_found: {
    title: 'Not found',
    meaning: 'There is no such address, or you have nothing with that id.',
    remedy: 'Check the path. Paths are case-sensitive and have no trailing slash.',
  },
  unknown_audience: {
    title: 'There is no such API',
    meaning: 'No API has this audience. A login reports this only after a correct password.',
    remedy: 'Use an audience from `npx signet api list`.',
  },
  method_not_allowed: {
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method.',
    remedy: 'Use one of the methods in `Allow`.',
  },
  request_timeout: {
    title: 'The request took too long',
    meaning: 'The request did not arrive completely in time.',
    remedy: 'Send it again over a new connection.',
  },
  token_over_budget: {
    title: "The token would exceed the API's budget",
    meaning:
      'The permissions do not fit into the bytes that the API allows. Nothing was changed, and no list is ever shortened.',
    remedy:
      'Raise the budget (`npx signet api update AUDIENCE --budget BYTES`), or assign fewer permissions of that API.',
  },
  conflict: {
    title: 'Another request changed this first',
    meaning: 'Another request changed the same object at the same time.',
    remedy: 'Read it again, then decide again.',
  },
  too_large: {
    title: 'The request is too large',
    meaning: 'The body is larger than 64 KiB, or than 2 MiB for a catalogue.',
    remedy: 'Send less, or send several requests.',
  },
  unsupported_media_type: {
    title: 'Unsupported content type',
    meaning: 'The body has another content type than this address accepts, or none, or it is compressed.',
    remedy: 'Send the content type that `detail` names, in UTF-8 and without `Content-Encoding`.',
  },
  misdirected: {
    title: 'This server has another host name',
    meaning: 'Development mode accepts the host names localhost, 127.0.0.1 and [::1] only.',
    remedy: 'Use one of these. For other names run `npx signet start`.',
  },
  invalid: {
    title: 'Some fields are invalid',
    meaning: 'Fields are missing, unknown, of another type or invalid. Nothing was changed.',
    remedy: 'Each entry of `errors` has the JSON pointer of a field, a code and a text for people.',
  },
  headers_too_large: {
    title: 'The head of the request is too large',
    meaning: 'The request line and the header fields are larger than 16 KiB.',
    remedy: 'Send less. The usual causes are cookies and a long path.',
  },
  too_many_attempts: {
    title: 'Too many attempts',
    meaning: 'There were too many failed logins, or sign-ups, for this name or from this network.',
    remedy: 'Wait for the time in `Retry-After`.',
  },
  internal: {
    title: 'Something went wrong',
    meaning: 'A fault of Signet: no request should cause it.',
    remedy: 'Report it with the `x-request-id` of the response. The log has the cause under that id.',
  },
  not_acceptable: {
    title: 'Not available in this format',
    meaning: 'The document has none of the types in the `Accept` header.',
    remedy: 'Send the type that `detail` names, or no `Accept`.',
  },
  not_implemented: {
    title: 'Not supported by this server',
    meaning: 'The request asks for an optional part of a standard, such as a status list of the past.',
    remedy: 'Send the request without it.',
  },
  busy: {
    title: 'The server is busy',
    meaning: 'Too many passwords are waiting to be verified. Nothing was changed.',
    remedy: 'Try again after `Retry-After`.',
  },
  unavailable: {
    title: 'The server is temporarily unavailable',
    meaning: 'The database cannot be reached, or this process is stopping. It says nothing about a token or a login.',
    remedy: 'Try again after `Retry-After`.',
  },
} as const satisfies Record<ProblemCode, ProblemType>;

/** What a refusal says to the caller, in the rooms below this one: complete, or it does not compile. */
const DETAILS: Texts<RequestFaults & StatusListErrors> = {
  request_not_utf8: ({ part }) => `The ${part} ${verb(part, 'is', 'are')} not UTF-8. Encode it as UTF-8.`,
  request_not_storable: ({ part }) =>
    `The ${part} ${verb(part, 'contains', 'contain')} NUL or half a surrogate pair. Remove that character.`,
  body_empty: () => 'The body is empty. Send a JSON object.',
  body_not_json: () => 'The body is not JSON. Send one JSON document (RFC 8259).',
  body_name_repeated: () => 'An object in the body repeats a name. Send each name once.',
  body_too_deep: () => 'The body is nested too deeply. Send objects as openapi.yaml describes them.',
  form_field_repeated: ({ name }) => `The field ${quote(name)} is repeated. Send it once.`,
  parameter_repeated: ({ name }) => `The parameter ${quote(name)} is repeated. Send it once.`,
  parameter_not_storable: ({ name }) =>
    `The parameter ${quote(name)} contains NUL or half a surrogate pair. Remove that character.`,
  content_encoded: ({ type }) => `Send ${type} without Content-Encoding.`,
  content_type_wrong: ({ type }) => `Send ${type} in UTF-8.`,
  host_invalid: () => 'Send one Host header with a name or an address, and the port.',
  host_not_local: ({ hosts }) => `Development mode accepts the host names ${hosts.join(', ')} only.`,
  method_wrong: ({ allow }) => `Use ${allow}.`,
  origin_not_trusted: ({ origin }) =>
    `Only pages of ${origin} can do this. To allow another origin, add it to SIGNET_TRUSTED_ORIGINS.`,
  retry_later: ({ seconds }) => `Try again in ${seconds} seconds.`,
  field_missing: () => 'This field is required.',
  field_unknown: () => 'There is no such field.',
  field_invalid: ({ rule }) => (rule === null ? 'This value is invalid.' : `This value ${withArticle(rule)}.`),
  status_list_past: () => 'Lists of the past are not kept. Leave out the parameter time.',
  status_list_type: ({ type }) => `A status list comes as ${type} only.`,
};

type Texts<Table> = { readonly [Code in keyof Table]: (params: Table[Code]) => string };

/** Parameters are the only part with a plural name. */
const verb = (part: string, one: string, several: string) => (part === 'parameters' ? several : one);

/** The rules of the schema library have no article: `must be string`. */
function withArticle(rule: string): string {
  return rule
    .replace(/^must be (?=(array|integer|object)$)/, 'must be an ')
    .replace(/^must be (?=(string|number|boolean)$)/, 'must be a ');
}

/** The words of problems, for the rooms below. */
export const problemWords: ProblemWords = {
  title: (code) => PROBLEMS[code].title,
  detail: ({ code, params }) =>
    (DETAILS as unknown as Record<string, ((params: ErrorParams) => string) | undefined>)[code]?.(params) ?? code,
};

/** The problems of refusals that no route handles itself. Any other such refusal is a fault of Signet. */
const DOMAIN: { readonly [Code in keyof (PermissionErrors & UserErrors)]?: ProblemCode } = {
  api_not_found: 'not_found',
  api_deleted_meanwhile: 'not_found',
  permissions_not_found: 'not_found',
  group_not_found: 'not_found',
  user_not_found: 'not_found',
  user_id_not_found: 'not_found',
  user_id_as_username: 'not_found',
  user_deleted_meanwhile: 'not_found',
};

/** Returns the problem of a refusal of the domain. Its code and parameters are for the log only. */
export function domainProblem({ code, message }: DomainError): Problem {
  return new Problem((DOMAIN as Record<string, ProblemCode | undefined>)[code] ?? 'internal', { reason: message });
}

/** Returns 422 with the errors of fields. `pointers`: the route's own names of fields, by the pointers of the errors. */
export function invalidFields(
  errors: readonly FieldError[],
  pointers: { readonly [Pointer in FieldError['pointer']]?: string } = {},
): Problem {
  return new Problem('invalid', {
    errors: errors.map((one) => ({
      pointer: pointers[one.pointer] ?? one.pointer,
      code: one.code,
      detail: fieldText(one),
    })),
  });
}
