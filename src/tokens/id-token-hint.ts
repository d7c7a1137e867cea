import { decodeJsonPart, splitJws } from '../platform/jws.ts';
import type { KeyRing } from './keys/ring.ts';
import { isSignedWith } from './keys/signing-key.ts';

/** The claims of an ID token that a client sends back as a hint. */
export interface IdTokenHint {
  readonly sub: string;
  /** The client id. */
  readonly aud: string;
  readonly sid: string | null;
}

/** Longer than any ID token of this server. */
const MAX_TOKEN_LENGTH = 16_384;

/**
 * Reads an ID token of this server that comes back as a hint (OIDC Core §3.1.2.1, OIDC RP-Initiated Logout §2); it may
 * have expired. Returns `unknown_key` when its key is no longer loaded, so that it cannot be verified; null when it is
 * not from this server.
 */
export function readIdTokenHint(keys: KeyRing, issuer: string, token: string): IdTokenHint | 'unknown_key' | null {
  const parts = splitJws(token, MAX_TOKEN_LENGTH);
  if (!parts) return null;
  const [header, claims] = [decodeJsonPart(parts.head), decodeJsonPart(parts.payload)];
  if (!header || !claims || typeof header['kid'] !== 'string' || 'crit' in header) return null;
  // RFC 8725 §3.11: every other kind of JWT signed here has another `typ`.
  if (header['typ'] !== 'JWT' || claims['iss'] !== issuer) return null;
  const key = keys.find(header['kid']);
  if (!key) return 'unknown_key';
  // RFC 8725 §3.1: the key determines the algorithm.
  if (header['alg'] !== key.alg) return null;
  if (!isSignedWith(key, parts)) return null;
  const { sub, aud, sid } = claims;
  // An access token whose API uses `typ: JWT` has `client_id`; an ID token does not.
  if (typeof sub !== 'string' || typeof aud !== 'string' || 'client_id' in claims) return null;
  return { sub, aud, sid: typeof sid === 'string' ? sid : null };
}
