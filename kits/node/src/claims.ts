import { type BitmapClaim, isCount } from './catalogue.ts';
import { SKEW_SECONDS } from './clock.ts';
import { VerifierError } from './errors.ts';
import { type CompactJws, decodeBase64url } from './jws.ts';

/** The location of a token's status (draft-ietf-oauth-status-list §6.2). */
export interface StatusClaim {
  readonly idx: number;
  readonly uri: string;
}

/** The validated claims of an access token. Times are in seconds since 1970. */
export interface TokenClaims {
  readonly sub: string;
  readonly clientId: string;
  readonly jti: string;
  readonly exp: number;
  readonly sid: string | null;
  readonly username: string | null;
  readonly sourceId: string | number | null;
  readonly authTime: number | null;
  readonly acr: string | null;
  readonly amr: readonly string[];
  readonly scope: readonly string[];
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** Names, or a bitmap; for an API of format `scope` the scopes. */
  readonly permissions: readonly string[] | BitmapClaim;
  readonly status: StatusClaim | null;
  /** The thumbprint of the key that must sign the proof (RFC 9449 §6.1). */
  readonly jkt: string | null;
}

export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
  readonly typ: 'at+jwt' | 'JWT';
  readonly algorithms: readonly string[];
}

/** The longest lifetime of an access token. */
const MAX_LIFE_SECONDS = 86_400;

/** RFC 9068 §4, RFC 8725 §3.11: the type, before anything else. ID tokens and logout tokens have other types. */
export function checkHeader({ header, claims }: CompactJws, { typ, algorithms }: ExpectedClaims): void {
  if (header.typ !== 'at+jwt' && header.typ !== 'application/at+jwt' && !(typ === 'JWT' && header.typ === 'JWT'))
    throw new VerifierError('token_wrong_type', { detail: `typ is ${JSON.stringify(header.typ.slice(0, 40))}` });
  if (header.typ === 'JWT')
    for (const name of ['nonce', 'at_hash', 'c_hash', 'events'])
      if (Object.hasOwn(claims, name)) throw new VerifierError('token_wrong_type', { detail: `it has ${name}` });
  if (!algorithms.includes(header.alg)) throw new VerifierError('token_wrong_algorithm');
}

/** Reads the claims of a token whose signature is valid (RFC 9068 §2.2, §4). */
export function readClaims(
  claims: Readonly<Record<string, unknown>>,
  expected: ExpectedClaims,
  nowMs: number,
): TokenClaims {
  if (claims['iss'] !== expected.issuer) throw new VerifierError('issuer_wrong');
  const { aud } = claims;
  // A token is for one API: an API that accepts it too could replay it here.
  if (aud !== expected.audience && !(Array.isArray(aud) && aud.length === 1 && aud[0] === expected.audience))
    throw new VerifierError('audience_wrong');
  const exp = checkTimes(claims, nowMs / 1000);
  const parsed = {
    sub: text(claims, 'sub', 255),
    clientId: text(claims, 'client_id', 255),
    jti: text(claims, 'jti', 255),
    exp,
    sid: optional(claims, 'sid', isString),
    username: optional(claims, 'username', isString),
    sourceId: optional(claims, 'source_id', (value) => isString(value) || Number.isSafeInteger(value)) as
      | string
      | number
      | null,
    authTime: optional(claims, 'auth_time', isCount),
    acr: optional(claims, 'acr', isString),
    amr: optional(claims, 'amr', isStrings) ?? [],
    scope: optional(claims, 'scope', isString)?.split(' ') ?? [],
    isStaff: optional(claims, 'is_staff', isBoolean) ?? false,
    isSuperuser: optional(claims, 'is_superuser', isBoolean) ?? false,
    status: readStatusClaim(claims['status']),
    jkt: readConfirmation(claims['cnf']),
  };
  return { ...parsed, permissions: readPermissions(claims, parsed.scope) };
}

const malformed = (name: string) => new VerifierError('claims_malformed', { detail: name });

/** RFC 7519 §4.1.4-6: whole seconds; `exp` and `iat` are required. */
function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): number {
  const { exp, iat, nbf } = claims;
  if (!isCount(exp)) throw malformed('exp');
  if (!isCount(iat) || exp - iat > MAX_LIFE_SECONDS) throw malformed('iat');
  if (nbf !== undefined && !isCount(nbf)) throw malformed('nbf');
  if (now >= exp + SKEW_SECONDS) throw new VerifierError('token_expired');
  if (iat > now + SKEW_SECONDS || (nbf ?? 0) > now + SKEW_SECONDS) throw new VerifierError('token_not_yet_valid');
  return exp;
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);

function text(claims: Readonly<Record<string, unknown>>, name: string, maxLength: number): string {
  const value = claims[name];
  if (!isString(value) || value === '' || value.length > maxLength) throw malformed(name);
  return value;
}

function optional<T>(
  claims: Readonly<Record<string, unknown>>,
  name: string,
  is: ((value: unknown) => value is T) | ((value: unknown) => boolean),
): T | null {
  const value = claims[name];
  if (value === undefined) return null;
  if (!is(value)) throw malformed(name);
  return value as T;
}

function readPermissions(
  claims: Readonly<Record<string, unknown>>,
  scope: readonly string[],
): TokenClaims['permissions'] {
  const { permissions: list, permissions_bitmap: bitmap } = claims;
  if (list !== undefined && bitmap !== undefined) throw malformed('permissions and permissions_bitmap');
  if (list !== undefined) {
    if (!isStrings(list)) throw malformed('permissions');
    return list;
  }
  if (bitmap === undefined) return scope;
  const { v, h, b } = (bitmap ?? {}) as Record<string, unknown>;
  const bits = isString(b) ? decodeBase64url(b) : undefined;
  if (!isCount(v) || !isString(h) || !bits) throw malformed('permissions_bitmap');
  return { version: v, hash: h, bits };
}

/** Only status lists are supported; a token with another kind of status is rejected. */
function readStatusClaim(status: unknown): StatusClaim | null {
  if (status === undefined) return null;
  const { idx, uri } = ((status as Record<string, unknown> | null)?.['status_list'] ?? {}) as Record<string, unknown>;
  if (!isCount(idx) || !isString(uri)) throw malformed('status');
  return { idx, uri };
}

/** RFC 7800 §3: a recipient must understand every confirmation method. Only key thumbprints are supported. */
function readConfirmation(cnf: unknown): string | null {
  if (cnf === undefined) return null;
  const { jkt, ...others } = (typeof cnf === 'object' && cnf !== null ? cnf : {}) as Record<string, unknown>;
  if (!isString(jkt) || jkt === '' || Object.keys(others).length > 0) throw malformed('cnf');
  return jkt;
}
