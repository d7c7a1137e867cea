import { decodeJsonPart, splitJws } from '../platform/jws.ts';
import type { KeyRing } from './keys/ring.ts';
import { isSignedWith } from './keys/signing-key.ts';

/** What an ID token that comes back to Signet says of whom it was for. */
export interface IdTokenHint {
  readonly sub: string;
  /** The client, by its id on the wire. */
  readonly aud: string;
  readonly sid: string | null;
}

/** Longer than any that was signed here. */
const MAX_TOKEN_LENGTH = 16_384;

/**
 * An ID token of ours, given back as a hint (OIDC Core §3.1.2.1, OIDC RP-Initiated Logout §2): one that has expired is as good as any
 * other. `unknown_key`: of a key that is not here any more, so that nothing can be said of it. Null: not ours.
 */
export function readIdTokenHint(keys: KeyRing, issuer: string, token: string): IdTokenHint | 'unknown_key' | null {
  const parts = splitJws(token, MAX_TOKEN_LENGTH);
  if (!parts) return null;
  const [header, claims] = [decodeJsonPart(parts.head), decodeJsonPart(parts.payload)];
  if (!header || !claims || typeof header['kid'] !== 'string' || 'crit' in header) return null;
  // RFC 8725 §3.11: every other kind that is signed here has a `typ` of its own.
  if (header['typ'] !== 'JWT' || claims['iss'] !== issuer) return null;
  const key = keys.find(header['kid']);
  if (!key) return 'unknown_key';
  // RFC 8725 §3.1: the key says which algorithm it is for.
  if (header['alg'] !== key.alg) return null;
  if (!isSignedWith(key, parts)) return null;
  const { sub, aud, sid } = claims;
  // An access token whose API has the type `JWT` names its client beside its audience; an ID token's audience is the client.
  if (typeof sub !== 'string' || typeof aud !== 'string' || 'client_id' in claims) return null;
  return { sub, aud, sid: typeof sid === 'string' ? sid : null };
}
