import { compactVerify, type JWK } from 'jose';
import type { Database, Statement } from '../platform/database/index.ts';
import { digest } from '../platform/digest.ts';
import { decodeJsonPart, splitJws } from '../platform/jws.ts';

/** What clients may sign with: their assertions and their proofs. Nothing symmetric, and not `none` (RFC 8725 §3.1). */
export const CLIENT_JWS_ALGS = ['ES256', 'PS256', 'RS256', 'EdDSA'] as const;
export type ClientJwsAlg = (typeof CLIENT_JWS_ALGS)[number];

/** A signed text of somebody else's, read and not believed. */
export interface ClientJws {
  readonly text: string;
  readonly alg: ClientJwsAlg;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A certificate chain in the header has its place; beyond this it is no assertion and no proof. */
const MAX_LENGTH = 8192;

/**
 * A compact JWS (RFC 7515 §3.1) by an algorithm that is taken; null for everything else. `crit` names nothing that is understood
 * here (RFC 7515 §4.1.11). Where a header says that its key can be had (`jku`, `x5u`) is not looked at.
 */
export function readClientJws(text: string): ClientJws | null {
  const parts = splitJws(text, MAX_LENGTH);
  if (!parts) return null;
  const [header, claims] = [decodeJsonPart(parts.head), decodeJsonPart(parts.payload)];
  const alg = CLIENT_JWS_ALGS.find((one) => one === header?.['alg']);
  return header && claims && alg && !('crit' in header) ? { text, alg, header, claims } : null;
}

/** Whether this key signed it. */
export async function isSignedBy(jws: ClientJws, key: JWK): Promise<boolean> {
  try {
    await compactVerify(jws.text, key, { algorithms: [jws.alg] });
    return true;
  } catch {
    return false;
  }
}

/** RFC 7518 §6, RFC 8037 §2: what would make a key a private or a shared one. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** base64url characters: RSA keys of 2,048 to 8,192 bits, and an exponent that a verification is cheap with. */
const MODULUS_LENGTH = { shortest: 342, longest: 1366 };
const MAX_EXPONENT_LENGTH = 6;

/**
 * The public key that a JWK is, for an algorithm: with its key parameters and nothing else. Null when it is of another kind, too
 * small (RFC 7518 §3.3: 2,048 bits), too large to verify with for a stranger, or says anything that is secret.
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
    n.length >= MODULUS_LENGTH.shortest &&
    n.length <= MODULUS_LENGTH.longest &&
    isText(e) &&
    e.length <= MAX_EXPONENT_LENGTH;
  return kty === 'RSA' && isFit ? { kty, n, e } : null;
}

const isText = (value: unknown): value is string => typeof value === 'string' && /^[\w-]+$/.test(value);
/** 32 bytes. */
const isCoordinate = (value: unknown): value is string => isText(value) && value.length === 43;

/** Characters. Only the digest is stored, but no longer text is digested either. */
const MAX_KEY_LENGTH = 1024;

const statement: Statement = {
  name: 'oauth-replay',
  text: `insert into oauth_replay (digest, expires_at) values ($1, $2::timestamptz)
    on conflict (digest) do nothing returning 1 as one`,
};

/**
 * True for the first who says this, in whichever process. `what` begins with the kind of thing that it is, so that no two kinds meet;
 * `until`: from then on it is refused for its age anyway, and forgotten here.
 */
export async function markUsed(db: Database, what: string, until: Date): Promise<boolean> {
  if (what.length > MAX_KEY_LENGTH) return false;
  return (await db.query(statement, [digest(what), until])).length === 1;
}
