import { PROOF_ALGORITHMS } from './algorithms.ts';

/** What the caller of a service can do about an error: the parameter `action` of `WWW-Authenticate`. */
export type Action = 'refresh' | 'login';

interface ErrorType {
  /** The HTTP status of the service's response. */
  readonly status: 400 | 401 | 403 | 503;
  /** For people; also `error_description`. */
  readonly text: string;
  /** RFC 6750 §3.1, RFC 9470 §3. Absent: the challenge has no `error`. */
  readonly error?:
    | 'invalid_request'
    | 'invalid_token'
    | 'insufficient_scope'
    | 'insufficient_user_authentication'
    | 'invalid_dpop_proof';
  readonly action?: Action;
  /** Whether the challenge asks for a proof (RFC 9449 §7.1). */
  readonly asksForProof?: true;
}

const tokenError = (text: string, action?: Action): ErrorType => ({
  status: 401,
  error: 'invalid_token',
  text,
  action,
});

const proofError = (text: string, error: 'invalid_token' | 'invalid_dpop_proof'): ErrorType => ({
  status: 401,
  error,
  text,
  asksForProof: true,
});

/** Every code of a `VerifierError`. Codes are stable, texts are not. */
const ERROR_TYPES = {
  token_missing: { status: 401, text: 'There is no bearer token' },
  token_repeated: { status: 400, error: 'invalid_request', text: 'There is more than one Authorization header' },
  token_too_large: tokenError('The token is too large'),
  token_malformed: tokenError('The token is malformed'),
  token_wrong_type: tokenError('The token is no access token'),
  token_wrong_algorithm: tokenError('The algorithm of the token is not accepted'),
  key_unknown: tokenError('The key of the token is unknown', 'refresh'),
  signature_invalid: tokenError('The signature of the token is wrong'),
  issuer_wrong: tokenError('The token is of another issuer'),
  audience_wrong: tokenError('The token is for another audience'),
  token_expired: tokenError('The token has expired', 'refresh'),
  token_not_yet_valid: tokenError('The token is not valid yet'),
  claims_malformed: tokenError('The claims of the token are malformed'),
  catalogue_unknown: tokenError('The token is of a catalogue that the issuer does not have', 'refresh'),
  bitmap_malformed: tokenError('The bitmap of the token does not fit its catalogue', 'refresh'),
  status_missing: tokenError('The token has no status', 'refresh'),
  status_uri_foreign: tokenError("The status list of the token is not the issuer's"),
  status_out_of_range: tokenError('The status list has no such index', 'refresh'),
  status_unknown: tokenError('The status of the token is unknown', 'refresh'),
  token_revoked: tokenError('The session of the token is over; log in again', 'login'),
  token_suspended: tokenError('Something the token says was taken away; refresh it', 'refresh'),
  token_inactive: tokenError('The issuer says that the token is not active', 'refresh'),
  token_bound: proofError('The token is bound to a key; send it with a proof of it', 'invalid_token'),
  token_unbound: proofError('The token is bound to no key; send it as a bearer token', 'invalid_token'),
  proof_unsupported: tokenError('This service takes no DPoP proofs'),
  proof_missing: proofError('There is no DPoP proof', 'invalid_dpop_proof'),
  proof_invalid: proofError('The DPoP proof is not valid for this request', 'invalid_dpop_proof'),
  proof_used: proofError('The DPoP proof has been used', 'invalid_dpop_proof'),
  proof_wrong_key: proofError('The DPoP proof is of another key than the token', 'invalid_token'),
  permission_superseded: tokenError('A permission is missing, and a newer token says more; refresh it', 'refresh'),
  permission_denied: { status: 403, error: 'insufficient_scope', text: 'A permission is missing' },
  authentication_insufficient: {
    status: 401,
    error: 'insufficient_user_authentication',
    text: 'A more recent or stronger login is needed',
    action: 'login',
  },
  keys_unavailable: { status: 503, text: 'The keys of the issuer cannot be had' },
  catalogue_unavailable: { status: 503, text: 'The catalogue of the issuer cannot be had' },
  status_unavailable: { status: 503, text: 'The status of the token cannot be had' },
  proofs_full: { status: 503, text: 'There are more DPoP proofs than can be told apart' },
  keys_malformed: { status: 503, text: 'The key set is malformed' },
  catalogue_malformed: { status: 503, text: 'The catalogue is malformed' },
  status_list_malformed: { status: 503, text: 'The status list is malformed' },
  status_list_too_large: { status: 503, text: 'The status list is too large' },
  introspection_failed: { status: 503, text: 'The introspection endpoint does not answer as it should' },
  request_failed: { status: 503, text: 'The issuer does not answer as it should' },
} as const satisfies Record<string, ErrorType>;

export type VerifierErrorCode = keyof typeof ERROR_TYPES;

/** Delay after which an outage may be over. */
const RETRY_AFTER_SECONDS = 1;

export interface VerifierErrorDetail {
  /** Details beyond the code's text, for logs. Never the token. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** The required permissions: `scope` of the challenge. */
  readonly perms?: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly acrValues?: readonly string[];
  /** Whether the challenge is for the scheme DPoP (RFC 9449 §7.1). Default: as the code defines. */
  readonly isByProof?: boolean;
}

/**
 * The error of this package. `code` is stable; `status` and `headers` are for the service's response (RFC 6750 §3, RFC 9470 §3). 503 means
 * that the token could not be verified now: it is not invalid, and no new login is needed.
 */
export class VerifierError extends Error {
  override readonly name = 'VerifierError';
  readonly code: VerifierErrorCode;
  readonly status: 400 | 401 | 403 | 503;
  /** What helps, if anything: `refresh` without a login, or `login`. */
  readonly action: Action | undefined;
  readonly #details: VerifierErrorDetail;

  constructor(code: VerifierErrorCode, details: VerifierErrorDetail = {}) {
    const type: ErrorType = ERROR_TYPES[code];
    super(details.detail === undefined ? type.text : `${type.text}: ${details.detail}`, { cause: details.cause });
    this.code = code;
    this.status = type.status;
    this.action = type.action;
    this.#details = details;
  }

  /** Returns the same error for a token that came with a proof: its challenge asks for a new proof. */
  withProofChallenge(): VerifierError {
    return new VerifierError(this.code, { ...this.#details, isByProof: true });
  }

  /** `www-authenticate`, or `retry-after` (seconds) if the issuer cannot be reached. */
  get headers(): Record<string, string> {
    if (this.status === 503) return { 'retry-after': String(RETRY_AFTER_SECONDS) };
    return { 'www-authenticate': challenge(ERROR_TYPES[this.code], this.#details) };
  }

  /** RFC 9457. The texts of inner errors are only for the log. */
  get problem(): { title: string; status: number; code: VerifierErrorCode } {
    return { title: ERROR_TYPES[this.code].text, status: this.status, code: this.code };
  }
}

/** Builds the challenge (RFC 6750 §3): without credentials it has no error. Values that a quoted string cannot contain are omitted. */
function challenge(
  type: ErrorType,
  { perms = [], maxAgeSeconds, acrValues = [], isByProof = type.asksForProof ?? false }: VerifierErrorDetail,
): string {
  if (type.error === undefined) return 'Bearer';
  // RFC 6749 §3.3: the characters of a scope.
  const scope = perms.filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one));
  const acr = acrValues.filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one));
  const parameters = [
    `error="${type.error}"`,
    `error_description="${type.text}"`,
    ...(type.error === 'insufficient_scope' && scope.length > 0 ? [`scope="${scope.join(' ')}"`] : []),
    ...(acr.length > 0 ? [`acr_values="${acr.join(' ')}"`] : []),
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ...(type.action === undefined ? [] : [`action="${type.action}"`]),
  ];
  return isByProof
    ? `DPoP ${[...parameters, `algs="${Object.keys(PROOF_ALGORITHMS).join(' ')}"`].join(', ')}`
    : `Bearer ${parameters.join(', ')}`;
}
