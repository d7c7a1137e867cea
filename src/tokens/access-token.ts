import { randomUUID } from 'node:crypto';
import { decodeJsonPart, splitJws } from '../platform/jws.ts';
import { createLru } from '../platform/lru.ts';
import { base64urlLength, isUuid } from '../platform/text.ts';
import { type AccessTokenClaims, accessTokenClaims, type Format, type TokenRequest } from './claims.ts';
import { draftJwt, signDraft, signDraftBy } from './keys/jwt.ts';
import type { KeyRing } from './keys/ring.ts';
import { isSignedWith, type OpenKey, type Sign } from './keys/signing-key.ts';
import { opaqueLength, openClaims, sealClaims } from './opaque.ts';

export interface AccessToken {
  readonly token: string;
  readonly claims: AccessTokenClaims;
  readonly expiresIn: number;
}

/** The token would exceed its API's budget; nothing was signed. */
export interface OverBudget {
  readonly bytes: number;
  readonly budget: number;
  readonly permissions: number;
}

/** An access token before its signature: its claims are decided and its size is known. */
export interface AccessTokenDraft {
  /** Size of the compact token. */
  readonly bytes: number;
  /** Set when the token exceeds the budget; it cannot be signed then. */
  readonly excess: OverBudget | null;
  /** Signs on this thread. */
  sign(): AccessToken;
  signBy(sign: Sign): Promise<AccessToken>;
}

/** The id of a session that does not exist yet, for measuring a token: every id has this length. */
export const PLACEHOLDER_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Builds the token of a request, before anything is written. A list over its API's budget becomes a bitmap unless the
 * API says `fail`; a list is never shortened. The budget is checked here, so that no caller can bypass it.
 */
export function draftAccessToken(keys: KeyRing, request: TokenRequest, now: Date): AccessTokenDraft {
  const { api, rights } = request;
  if (api.format !== 'list' || api.overBudget === 'fail') return draftInFormat(api.format, keys, request, now);
  // Do not build a token of thousands of names to find that it is too long.
  const list = base64urlLength(rights.listBytes) > api.budgetBytes ? null : draftInFormat('list', keys, request, now);
  return list && !list.excess ? list : draftInFormat('bitmap', keys, request, now);
}

function draftInFormat(format: Format, keys: KeyRing, request: TokenRequest, now: Date): AccessTokenDraft {
  const { typ, alg } = request.api;
  const claims = accessTokenClaims(request, format, randomUUID(), now);
  if (request.api.tokenKind === 'opaque') return draftOpaque(keys, request, claims);
  const draft = draftJwt(keys.signer(alg), typ, claims);
  const excess = measureExcess(draft.bytes, request);
  return {
    bytes: draft.bytes,
    excess,
    sign() {
      forbidExcess(excess);
      return accessToken(signDraft(draft), claims);
    },
    async signBy(sign) {
      forbidExcess(excess);
      return accessToken(await signDraftBy(draft, sign), claims);
    },
  };
}

function draftOpaque(keys: KeyRing, request: TokenRequest, claims: AccessTokenClaims): AccessTokenDraft {
  const bytes = opaqueLength(Buffer.byteLength(JSON.stringify(claims)));
  const excess = measureExcess(bytes, request);
  const sign = () => {
    forbidExcess(excess);
    return accessToken(sealClaims(keys.opaqueKey(), claims), claims);
  };
  return { bytes, excess, sign, signBy: async () => sign() };
}

function accessToken(token: string, claims: AccessTokenClaims): AccessToken {
  return { token, claims, expiresIn: claims.exp - claims.iat };
}

function measureExcess(bytes: number, { api, rights }: TokenRequest): OverBudget | null {
  return bytes <= api.budgetBytes ? null : { bytes, budget: api.budgetBytes, permissions: rights.list.length };
}

function forbidExcess(excess: OverBudget | null): void {
  if (excess) throw new Error(`a token of ${excess.bytes} bytes is made over its budget of ${excess.budget}`);
}

/** Signs an access token (RFC 9068). Throws when it exceeds its budget, which `draftAccessToken` reports. */
export function signAccessToken(keys: KeyRing, request: TokenRequest, now: Date): AccessToken {
  return draftAccessToken(keys, request, now).sign();
}

/** No access token is longer than the largest budget; longer input is not parsed. */
const MAX_TOKEN_LENGTH = 8192;

/** Returns the claims of a current access token of this server; null for everything else. */
export type VerifyToken = (token: string, now: Date) => AccessTokenClaims | null;

/** Verified tokens in the cache, in characters: some thousands of tokens. */
const CACHE_CHARACTERS = 4_000_000;

/**
 * Creates `verifyAccessToken` with a cache of verified signatures: a resource server sends one token many times, and
 * the signature is half of the work. Expiry, and whether the key is still loaded, are checked every time.
 */
export function createVerifier(keys: KeyRing, issuer: string): VerifyToken {
  const cache = createLru<VerifiedToken & { readonly length: number }>(CACHE_CHARACTERS, (one) => one.length);
  return (token, now) => {
    const cached = cache.get(token);
    if (cached && (cached.key === null || keys.find(cached.key.kid) === cached.key))
      return isCurrent(cached.claims, now) ? cached.claims : null;
    const verified = verifySignature(keys, issuer, token);
    if (!verified || !isCurrent(verified.claims, now)) return null;
    cache.set(token, { ...verified, length: token.length });
    return verified.claims;
  };
}

/** The `kid` of a token, where it has the form of a key of this server; null for everything else. */
export function tokenKid(token: string): string | null {
  const parts = splitJws(token, MAX_TOKEN_LENGTH);
  const kid = parts && decodeJsonPart(parts.head)?.['kid'];
  return typeof kid === 'string' && /^[\w-]{43}$/.test(kid) ? kid : null;
}

/**
 * Verifies an access token of this server in memory: form, `typ`, key, signature, issuer, lifetime (RFC 9068 §4, RFC
 * 8725). Returns null for everything else. Does not check the session.
 */
export function verifyAccessToken(keys: KeyRing, issuer: string, token: string, now: Date): AccessTokenClaims | null {
  const claims = verifySignature(keys, issuer, token)?.claims;
  return claims && isCurrent(claims, now) ? claims : null;
}

interface VerifiedToken {
  /** The signing key; null for an opaque token, which is sealed instead. */
  readonly key: OpenKey | null;
  readonly claims: AccessTokenClaims;
}

function verifySignature(keys: KeyRing, issuer: string, token: string): VerifiedToken | null {
  const parts = splitJws(token, MAX_TOKEN_LENGTH);
  if (!parts) return verifyOpaque(keys, issuer, token);
  const head = decodeJsonPart(parts.head);
  // RFC 8725 §3.1: the key determines the algorithm; the header must match it.
  const key = typeof head?.['kid'] === 'string' ? keys.find(head['kid']) : undefined;
  if (!head || !key || head['alg'] !== key.alg || 'crit' in head) return null;
  if (head['typ'] !== 'at+jwt' && head['typ'] !== 'JWT') return null;
  if (!isSignedWith(key, parts)) return null;
  const claims = decodeJsonPart(parts.payload) as AccessTokenClaims | null;
  return claims?.iss === issuer && isWellFormed(claims) ? { key, claims } : null;
}

/** An opaque token: only this server can seal one. */
function verifyOpaque(keys: KeyRing, issuer: string, token: string): VerifiedToken | null {
  if (token.length > MAX_TOKEN_LENGTH || !/^[\w-]+$/.test(token)) return null;
  const claims = openClaims(keys.opaqueKey(), token) as AccessTokenClaims | null;
  return claims?.iss === issuer && isWellFormed(claims) ? { key: null, claims } : null;
}

/** Generated here, or the URL of a metadata document. */
const clientIdText = /^(?:[\w-]+|https?:\/\/[\x21-\x7e]+)$/;

/** Checks the types of claims that are used for lookups: another kind of token under the same key has other claims. */
function isWellFormed({ aud, client_id, sub, sid }: Record<'aud' | 'client_id' | 'sub', unknown> & { sid?: unknown }) {
  const isClient = typeof client_id === 'string' && clientIdText.test(client_id);
  const isSubject = sub === client_id || (typeof sub === 'string' && isUuid(sub));
  const isSession = sid === undefined || (typeof sid === 'string' && isUuid(sid));
  return typeof aud === 'string' && isClient && isSubject && isSession;
}

/** How far the clock of another node may be ahead. */
const SKEW_SECONDS = 60;

/** The longest lifetime of any API (`--ttl`): a token with a longer one was not issued by this server. */
const MAX_LIFE_SECONDS = 900;

/** RFC 7519 §4.1.4 to 4.1.6. */
function isCurrent(claims: Record<'iat' | 'exp', unknown> & { nbf?: unknown }, now: Date): boolean {
  const { iat, exp, nbf = iat } = claims;
  if (typeof iat !== 'number' || typeof exp !== 'number' || typeof nbf !== 'number') return false;
  const seconds = now.getTime() / 1000;
  const latest = seconds + SKEW_SECONDS;
  return exp > seconds && exp - iat <= MAX_LIFE_SECONDS && iat <= latest && nbf <= latest;
}
