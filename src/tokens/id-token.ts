import { createHash } from 'node:crypto';
import { numericDate } from '../platform/time.ts';
import { draftJwt, type JwtDraft, signDraft, signDraftBy } from './keys/jwt.ts';
import type { KeyRing } from './keys/ring.ts';
import type { Alg, Sign } from './keys/signing-key.ts';

/** A client reads an ID token once, on receipt; a longer lifetime would have no use. */
const ID_TOKEN_SECONDS = 600;

export interface IdTokenRequest {
  readonly issuer: string;
  readonly alg: Alg;
  /** The client id. */
  readonly clientId: string;
  readonly sub: string;
  readonly sid: string | null;
  readonly authTime: Date | null;
  readonly amr: readonly string[];
  readonly acr: string | null;
  readonly nonce: string | null;
  /** The access token issued with it. */
  readonly accessToken: string | null;
  /** Claims about the user that scopes and the parameter `claims` allow. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Signs an ID token (OIDC Core §2). It cannot pass as an access token: it has no `client_id`, and its `aud` is a
 * client.
 */
export function signIdToken(keys: KeyRing, request: IdTokenRequest, now: Date): string {
  return signDraft(unsignedIdToken(keys, request, now));
}

/** An ID token before its signature: its claims are decided and its size is known. */
export interface IdTokenDraft {
  /** Size of the compact token. */
  readonly bytes: number;
  /** Signs it for an access token; on this thread when `signer` is absent. */
  sign(accessToken: string, signer?: Sign): Promise<string>;
}

/** Builds an ID token whose access token does not exist yet. */
export function draftIdToken(keys: KeyRing, request: Omit<IdTokenRequest, 'accessToken'>, now: Date): IdTokenDraft {
  const draftFor = (accessToken: string) => unsignedIdToken(keys, { ...request, accessToken }, now);
  return {
    get bytes() {
      // Every hash has the same length.
      return draftFor('').bytes;
    },
    async sign(accessToken, signer) {
      return signer ? signDraftBy(draftFor(accessToken), signer) : signDraft(draftFor(accessToken));
    },
  };
}

function unsignedIdToken(keys: KeyRing, request: IdTokenRequest, now: Date): JwtDraft {
  return draftJwt(keys.signer(request.alg), 'JWT', idTokenClaims(request, now));
}

function idTokenClaims(request: IdTokenRequest, now: Date): object {
  const { alg, sid, authTime, amr, acr, nonce, accessToken } = request;
  const iat = numericDate(now);
  return {
    ...request.claims,
    iss: request.issuer,
    sub: request.sub,
    aud: request.clientId,
    iat,
    exp: iat + ID_TOKEN_SECONDS,
    ...(authTime ? { auth_time: numericDate(authTime), amr } : {}),
    ...(acr ? { acr } : {}),
    ...(nonce === null ? {} : { nonce }),
    ...(sid ? { sid } : {}),
    ...(accessToken === null ? {} : { at_hash: atHash(alg, accessToken) }),
  };
}

/** OIDC Core §3.1.3.6: the left half of a hash, by the hash function of the signature; Ed25519 uses SHA-512. */
function atHash(alg: Alg, accessToken: string): string {
  const whole = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(accessToken, 'ascii')
    .digest();
  return whole.subarray(0, whole.length / 2).toString('base64url');
}
