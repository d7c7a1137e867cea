import { randomUUID } from 'node:crypto';
import { type AccessTokenClaims, accessTokenClaims, type TokenRequest } from './claims.ts';
import type { KeyRing } from './keys/ring.ts';
import { type OpenKey, SIGNATURE_LENGTH, signBytes, verifyBytes } from './keys/signing-key.ts';

export interface AccessToken {
  readonly token: string;
  readonly claims: AccessTokenClaims;
  readonly expiresIn: number;
}

/** What would be longer than the API's budget: nothing was signed. */
export interface OverBudget {
  readonly bytes: number;
  readonly budget: number;
  readonly permissions: number;
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Every id in a token is a UUID, so a token's length is known before its session exists. */
const ANY_UUID = '00000000-0000-0000-0000-000000000000';

/**
 * Whether the token that this request comes to is within its API's budget; asked before anything is written. For a request
 * whose session does not exist yet pass `{...session, id: ''}`; any id is as long as any other.
 */
export function budgetExcess(keys: KeyRing, request: TokenRequest, now: Date): OverBudget | null {
  const key = keys.signer('RS256');
  const session = request.session && { ...request.session, id: ANY_UUID };
  const claims = accessTokenClaims({ ...request, session }, ANY_UUID, now);
  const bytes =
    base64url(headerOf(key, request.api.typ)).length + base64url(claims).length + SIGNATURE_LENGTH[key.alg] + 2;
  return bytes <= request.api.budgetBytes
    ? null
    : { bytes, budget: request.api.budgetBytes, permissions: claims.permissions.length };
}

/** Signs an access token (RFC 9068). The budget is held here once more, so that no caller can pass it by. */
export function signAccessToken(keys: KeyRing, request: TokenRequest, now: Date): AccessToken {
  const excess = budgetExcess(keys, request, now);
  if (excess)
    throw new Error(`a token of ${excess.bytes} bytes was about to be signed over its budget of ${excess.budget}`);
  const key = keys.signer('RS256');
  const claims = accessTokenClaims(request, randomUUID(), now);
  const signed = `${base64url(headerOf(key, request.api.typ))}.${base64url(claims)}`;
  const token = `${signed}.${signBytes(key, Buffer.from(signed)).toString('base64url')}`;
  return { token, claims, expiresIn: claims.exp - claims.iat };
}

function headerOf(key: OpenKey, typ: string) {
  return { typ, alg: key.alg, kid: key.kid };
}

/** No access token is longer than the largest budget; a longer text is not looked at. */
const LONGEST = 8192;

/**
 * Verifies one of our own access tokens in memory: form, `typ`, key, signature, issuer, life (RFC 9068 §4, RFC 8725).
 * Null for everything else; whether its session still lives is another question.
 */
export function verifyAccessToken(keys: KeyRing, issuer: string, token: string, now: Date): AccessTokenClaims | null {
  if (token.length > LONGEST || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return null;
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const head = parse(header);
  // RFC 8725 §3.1: the key says which algorithm it is for; the header must agree, and may ask for nothing else.
  const key = typeof head?.['kid'] === 'string' ? keys.find(head['kid']) : undefined;
  if (!head || !key || head['alg'] !== key.alg || 'crit' in head) return null;
  if (head['typ'] !== 'at+jwt' && head['typ'] !== 'JWT') return null;
  const bytes = Buffer.from(signature, 'base64url');
  // Only the one spelling of a signature counts: unused bits of the last character are zero.
  if (bytes.toString('base64url') !== signature || !verifyBytes(key, Buffer.from(`${header}.${payload}`), bytes))
    return null;
  const claims = parse(payload) as AccessTokenClaims | null;
  const seconds = now.getTime() / 1000;
  const isCurrent =
    claims?.iss === issuer &&
    typeof claims.exp === 'number' &&
    claims.exp > seconds &&
    typeof claims.client_id === 'string';
  return isCurrent ? claims : null;
}

function parse(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
