import { compactVerify, type JWK } from 'jose';
import type { Database, Statement } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';
import { decodeJsonPart, splitJws } from '../platform/jws.ts';
import { CLIENT_JWS_ALGS, type ClientJwsAlg } from './client-settings/index.ts';

/** A parsed JWS of a client, not verified yet. */
export interface ClientJws {
  readonly text: string;
  readonly alg: ClientJwsAlg;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Leaves room for a certificate chain in the header; a longer JWS is refused. */
const MAX_LENGTH = 8192;

/**
 * Parses a compact JWS (RFC 7515 §3.1) with a supported algorithm; null for everything else. No `crit` extension is
 * supported (RFC 7515 §4.1.11). Key URLs in the header (`jku`, `x5u`) are ignored.
 */
export function readClientJws(text: string): ClientJws | null {
  const parts = splitJws(text, MAX_LENGTH);
  if (!parts) return null;
  const [header, claims] = [decodeJsonPart(parts.head), decodeJsonPart(parts.payload)];
  const alg = CLIENT_JWS_ALGS.find((one) => one === header?.['alg']);
  return header && claims && alg && !('crit' in header) ? { text, alg, header, claims } : null;
}

/** Whether this key signed the JWS. */
export async function isSignedBy(jws: ClientJws, key: JWK): Promise<boolean> {
  try {
    await compactVerify(jws.text, key, { algorithms: [jws.alg] });
    return true;
  } catch {
    return false;
  }
}

/** RFC 7518 §6, RFC 8037 §2: members of private and symmetric keys. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** In base64url characters: RSA keys of 2,048 to 8,192 bits, and an exponent with which verification is cheap. */
const MODULUS_LENGTH = { min: 342, max: 1366 };
const MAX_EXPONENT_LENGTH = 6;

/**
 * Returns the public key parameters of a JWK for an algorithm. Returns null when the key is of another type, too small
 * (RFC 7518 §3.3: 2,048 bits), too large to verify with at a stranger's request, or contains private members.
 */
export function publicKeyFor(jwk: unknown, alg: ClientJwsAlg): JWK | null {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return null;
  const { kty, crv, x, y, n, e } = jwk as Record<string, unknown>;
  if (PRIVATE_MEMBERS.some((name) => name in jwk)) return null;
  if (alg === 'ES256')
    return kty === 'EC' && crv === 'P-256' && isCoordinate(x) && isCoordinate(y) ? { kty, crv, x, y } : null;
  if (alg === 'EdDSA') return kty === 'OKP' && crv === 'Ed25519' && isCoordinate(x) ? { kty, crv, x } : null;
  const isFit =
    isText(n) &&
    n.length >= MODULUS_LENGTH.min &&
    n.length <= MODULUS_LENGTH.max &&
    isText(e) &&
    e.length <= MAX_EXPONENT_LENGTH;
  return kty === 'RSA' && isFit ? { kty, n, e } : null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && /^[\w-]+$/.test(value);
/** 32 bytes. */
const isCoordinate = (value: unknown): value is string => isText(value) && value.length === 43;

/** In characters; limits what is hashed. Only the digest is stored. */
const MAX_KEY_LENGTH = 1024;

const markUsedStatement: Statement = {
  name: 'oauth-replay',
  text: `insert into oauth_replay (digest, expires_at) values ($1, $2::timestamptz)
    on conflict (digest) do nothing returning 1 as one`,
};

/**
 * Marks a one-time value as used, and returns whether it was unused, across all processes. `what` starts with the kind
 * of value, so that kinds cannot collide. `until`: from then on the value is refused as expired, and the mark is
 * deleted.
 */
export async function markUsed(db: Database, value: string, until: Date): Promise<boolean> {
  if (value.length > MAX_KEY_LENGTH) return false;
  return (await db.query(markUsedStatement, [digest(value), until])).length === 1;
}
