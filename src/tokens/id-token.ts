import { createHash } from 'node:crypto';
import { numericDate } from '../platform/time.ts';
import type { KeyRing } from './keys/ring.ts';
import { type Alg, SIGNATURE_LENGTH, type Sign, signBytes } from './keys/signing-key.ts';

/** Read once, when the client gets it; longer than that it says nothing about now. */
const ID_TOKEN_SECONDS = 600;

export interface IdTokenRequest {
  readonly issuer: string;
  readonly alg: Alg;
  /** The client, by its id on the wire. */
  readonly clientId: string;
  readonly sub: string;
  readonly sid: string | null;
  readonly authTime: Date | null;
  readonly amr: readonly string[];
  readonly acr: string | null;
  readonly nonce: string | null;
  /** The access token that it comes with. */
  readonly accessToken: string | null;
  /** About the user, as scopes and the parameter `claims` let it. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** An ID token (OIDC Core §2). Never an access token: it has no `client_id`, and its `aud` is a client. */
export function signIdToken(keys: KeyRing, request: IdTokenRequest, now: Date): string {
  return signJwt(keys, 'JWT', request.alg, idTokenClaims(request, now));
}

/** An ID token that could be signed: what it says is decided, its size is known. */
export interface IdTokenDraft {
  /** Of the whole compact token. */
  readonly bytes: number;
  /** For the access token that it comes with; on this thread where a server does not say how. */
  sign(accessToken: string, by?: Sign): Promise<string>;
}

/** An ID token whose access token is still to be made. */
export function draftIdToken(keys: KeyRing, draft: Omit<IdTokenRequest, 'accessToken'>, now: Date): IdTokenDraft {
  const withAccessToken = (accessToken: string) => ({ ...draft, accessToken });
  return {
    get bytes() {
      // A hash is as long whatever it is of.
      const { key, signed } = draftJwt(keys, 'JWT', draft.alg, idTokenClaims(withAccessToken(''), now));
      return signed.length + 1 + SIGNATURE_LENGTH[key.alg];
    },
    async sign(accessToken, by) {
      const request = withAccessToken(accessToken);
      if (!by) return signIdToken(keys, request, now);
      const { key, signed } = draftJwt(keys, 'JWT', draft.alg, idTokenClaims(request, now));
      return compactJws(signed, await by(key, Buffer.from(signed)));
    },
  };
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

/** Signs a JWT of any kind, which its `typ` tells from every other (RFC 8725 §3.11). */
export function signJwt(keys: KeyRing, typ: string, alg: Alg, claims: object): string {
  const { key, signed } = draftJwt(keys, typ, alg, claims);
  return compactJws(signed, signBytes(key, Buffer.from(signed)));
}

function draftJwt(keys: KeyRing, typ: string, alg: Alg, claims: object) {
  const key = keys.signer(alg);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return { key, signed: `${part({ typ, alg: key.alg, kid: key.kid })}.${part(claims)}` };
}

function compactJws(signed: string, signature: Buffer): string {
  return `${signed}.${signature.toString('base64url')}`;
}

/** OIDC Core §3.1.3.6: half of the hash that the signature is made over; Ed25519 hashes by SHA-512. */
function atHash(alg: Alg, accessToken: string): string {
  const whole = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(accessToken, 'ascii')
    .digest();
  return whole.subarray(0, whole.length / 2).toString('base64url');
}
