import { createHash } from 'node:crypto';
import { numericDate } from '../platform/time.ts';
import type { KeyRing } from './keys/ring.ts';
import { type Alg, signBytes } from './keys/signing-key.ts';

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
  const { alg, sid, authTime, amr, acr, nonce, accessToken } = request;
  const iat = numericDate(now);
  return signJwt(keys, 'JWT', alg, {
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
  });
}

/** Signs a JWT of any kind, which its `typ` tells from every other (RFC 8725 §3.11). */
export function signJwt(keys: KeyRing, typ: string, alg: Alg, claims: object): string {
  const key = keys.signer(alg);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ typ, alg: key.alg, kid: key.kid })}.${part(claims)}`;
  return `${signed}.${signBytes(key, Buffer.from(signed)).toString('base64url')}`;
}

/** OIDC Core §3.1.3.6: half of the hash that the signature is made over; Ed25519 hashes by SHA-512. */
function atHash(alg: Alg, accessToken: string): string {
  const whole = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(accessToken, 'ascii')
    .digest();
  return whole.subarray(0, whole.length / 2).toString('base64url');
}
