import { PROOF_ALGORITHMS } from './proof-algorithms.ts';

/** What the caller of a service can do about a refusal; said in `WWW-Authenticate` as the parameter `action`. */
export type Action = 'refresh' | 'login';

interface Kind {
  /** The HTTP status that a service answers with. */
  readonly status: 400 | 401 | 403 | 503;
  /** For people; also `error_description`. */
  readonly text: string;
  /** RFC 6750 §3.1, RFC 9470 §3. Absent: no `error` is said. */
  readonly error?:
    | 'invalid_request'
    | 'invalid_token'
    | 'insufficient_scope'
    | 'insufficient_user_authentication'
    | 'invalid_dpop_proof';
  readonly action?: Action;
  /** True: the challenge asks for a proof (RFC 9449 §7.1). */
  readonly asksForProof?: true;
}

const bad = (text: string, action?: Action): Kind => ({ status: 401, error: 'invalid_token', text, action });

const badProof = (text: string, error: 'invalid_token' | 'invalid_dpop_proof'): Kind => ({
  status: 401,
  error,
  text,
  asksForProof: true,
});

/** Every code of a `VerifierError`. Codes are stable, texts are not. */
const KINDS = {
  token_missing: { status: 401, text: 'There is no bearer token' },
  token_repeated: { status: 400, error: 'invalid_request', text: 'There is more than one Authorization header' },
  token_too_large: bad('The token is too large'),
  token_malformed: bad('The token is malformed'),
  token_wrong_type: bad('The token is no access token'),
  token_wrong_algorithm: bad('The algorithm of the token is not accepted'),
  key_unknown: bad('The key of the token is unknown', 'refresh'),
  signature_invalid: bad('The signature of the token is wrong'),
  issuer_wrong: bad('The token is of another issuer'),
  audience_wrong: bad('The token is for another audience'),
  token_expired: bad('The token has expired', 'refresh'),
  token_not_yet_valid: bad('The token is not valid yet'),
  claims_malformed: bad('The claims of the token are malformed'),
  catalogue_unknown: bad('The token is of a catalogue that the issuer does not have', 'refresh'),
  bitmap_malformed: bad('The bitmap of the token does not fit its catalogue', 'refresh'),
  status_missing: bad('The token has no status', 'refresh'),
  status_uri_foreign: bad("The status list of the token is not the issuer's"),
  status_out_of_range: bad('The status list has no such index', 'refresh'),
  status_unknown: bad('The status of the token is unknown', 'refresh'),
  token_revoked: bad('The session of the token is over; log in again', 'login'),
  token_suspended: bad('Something the token says was taken away; refresh it', 'refresh'),
  token_inactive: bad('The issuer says that the token is not active', 'refresh'),
  token_bound: badProof('The token is bound to a key; send it with a proof of it', 'invalid_token'),
  token_unbound: badProof('The token is bound to no key; send it as a bearer token', 'invalid_token'),
  proof_unsupported: bad('This service takes no DPoP proofs'),
  proof_missing: badProof('There is no DPoP proof', 'invalid_dpop_proof'),
  proof_invalid: badProof('The DPoP proof is not good for this request', 'invalid_dpop_proof'),
  proof_used: badProof('The DPoP proof has been used', 'invalid_dpop_proof'),
  proof_wrong_key: badProof('The DPoP proof is of another key than the token', 'invalid_token'),
  permission_superseded: bad('A permission is missing, and a newer token says more; refresh it', 'refresh'),
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
} as const satisfies Record<string, Kind>;

export type VerifierErrorCode = keyof typeof KINDS;

/** After so long an outage may be over. */
const RETRY_AFTER_SECONDS = 1;

export interface VerifierErrorDetail {
  /** More than the code's own text, for logs. Never the token. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Permissions that were demanded: `scope` of the challenge. */
  readonly perms?: readonly string[];
  readonly maxAgeSeconds?: number;
  readonly acrValues?: readonly string[];
  /** Whether the challenge is for the scheme DPoP (RFC 9449 §7.1). Default: where the code says so. */
  readonly isByProof?: boolean;
}

/**
 * The one error of this package. `code` is stable; `status` and `headers` are what a service answers with (RFC 6750 §3,
 * RFC 9470 §3). 503 means that the token could not be judged: nothing is wrong with it, and nobody has to log in.
 */
export class VerifierError extends Error {
  override readonly name = 'VerifierError';
  readonly code: VerifierErrorCode;
  readonly status: 400 | 401 | 403 | 503;
  /** What helps, where something does: `refresh` without a login, or `login`. */
  readonly action: Action | undefined;
  readonly #more: VerifierErrorDetail;

  constructor(code: VerifierErrorCode, more: VerifierErrorDetail = {}) {
    const kind: Kind = KINDS[code];
    super(more.detail === undefined ? kind.text : `${kind.text}: ${more.detail}`, { cause: more.cause });
    this.code = code;
    this.status = kind.status;
    this.action = kind.action;
    this.#more = more;
  }

  /** The same refusal, of a token that came with a proof: whoever sent it is asked for another one. */
  ofProven(): VerifierError {
    return new VerifierError(this.code, { ...this.#more, isByProof: true });
  }

  /** `www-authenticate`, or `retry-after` (seconds) where the issuer cannot be reached. */
  get headers(): Record<string, string> {
    if (this.status === 503) return { 'retry-after': String(RETRY_AFTER_SECONDS) };
    return { 'www-authenticate': challenge(KINDS[this.code], this.#more) };
  }

  /** RFC 9457. The texts of inner errors stay in the log. */
  get problem(): { title: string; status: number; code: VerifierErrorCode } {
    return { title: KINDS[this.code].text, status: this.status, code: this.code };
  }
}

/** RFC 6750 §3: without credentials no error is said. Values are quoted strings: what could not stand in one is left out. */
function challenge(
  kind: Kind,
  { perms = [], maxAgeSeconds, acrValues = [], isByProof = kind.asksForProof ?? false }: VerifierErrorDetail,
): string {
  if (kind.error === undefined) return 'Bearer';
  // RFC 6749 §3.3: the characters of a scope.
  const scope = perms.filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one));
  const acr = acrValues.filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(one));
  const parameters = [
    `error="${kind.error}"`,
    `error_description="${kind.text}"`,
    ...(kind.error === 'insufficient_scope' && scope.length > 0 ? [`scope="${scope.join(' ')}"`] : []),
    ...(acr.length > 0 ? [`acr_values="${acr.join(' ')}"`] : []),
    ...(maxAgeSeconds === undefined ? [] : [`max_age="${maxAgeSeconds}"`]),
    ...(kind.action === undefined ? [] : [`action="${kind.action}"`]),
  ];
  return isByProof
    ? `DPoP ${[...parameters, `algs="${Object.keys(PROOF_ALGORITHMS).join(' ')}"`].join(', ')}`
    : `Bearer ${parameters.join(', ')}`;
}
