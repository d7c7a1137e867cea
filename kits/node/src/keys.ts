import { type CryptoKey, importJWK } from 'jose';
import { VerifierError } from './errors.ts';
import type { Kept } from './kept.ts';
import { parseObject } from './strict-json.ts';

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface VerificationKey {
  readonly alg: Algorithm;
  readonly key: CryptoKey;
}

/** The issuer's public keys by `kid`. */
export type KeySet = ReadonlyMap<string, VerificationKey>;

const MAX_KEYS = 100;
const MIN_RSA_BITS = 2048;

/** What an algorithm's keys look like (RFC 7518 §3.1, RFC 8037 §3.1). Nothing symmetric is here. */
const SHAPES: Readonly<Record<string, { readonly alg: Algorithm; readonly kty: string; readonly crv?: string }>> = {
  __proto__: null as never,
  RS256: { alg: 'RS256', kty: 'RSA' },
  ES256: { alg: 'ES256', kty: 'EC', crv: 'P-256' },
  EdDSA: { alg: 'EdDSA', kty: 'OKP', crv: 'Ed25519' },
};

/**
 * Reads a JWKS (RFC 7517 §5). A key that is not for verifying signatures by an accepted algorithm is passed over; the same `kid`
 * twice, a private key, or no usable key at all make the whole set malformed. Throws `keys_malformed`.
 */
export async function readKeySet(body: Uint8Array): Promise<KeySet> {
  const refuse = (detail: string) => new VerifierError('keys_malformed', { detail });
  const keys = parseObject(body)?.['keys'];
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw refuse('there is no array of keys');
  const read = new Map<string, VerificationKey>();
  for (const jwk of keys as unknown[]) {
    if (typeof jwk !== 'object' || jwk === null) throw refuse('a key is no object');
    const { alg, kid, kty, crv, use, n } = jwk as Record<string, unknown>;
    if (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')) throw refuse('a key is not public');
    const shape = typeof alg === 'string' ? SHAPES[alg] : undefined;
    if (!shape || typeof kid !== 'string' || kty !== shape.kty || (use ?? 'sig') !== 'sig') continue;
    if (shape.crv !== undefined && crv !== shape.crv) continue;
    if (shape.kty === 'RSA' && readBits(n) < MIN_RSA_BITS) continue;
    if (read.has(kid)) throw refuse('two keys have one kid');
    try {
      read.set(kid, { alg: shape.alg, key: (await importJWK(jwk, shape.alg)) as CryptoKey });
    } catch (cause) {
      throw new VerifierError('keys_malformed', { detail: 'a key cannot be read', cause });
    }
  }
  if (read.size === 0) throw refuse('there is no key for an accepted algorithm');
  return read;
}

function readBits(modulus: unknown): number {
  return typeof modulus === 'string' ? Buffer.from(modulus, 'base64url').length * 8 : 0;
}

/**
 * The key of a `kid`; an unknown one has the set asked for anew, at most once per cooldown, whoever sends it. Throws
 * `key_unknown`, or `keys_unavailable` when the issuer could not be asked.
 */
export async function findKey(kept: Kept<KeySet>, kid: string): Promise<VerificationKey> {
  const mark = kept.mark();
  const key = (await kept.current()).get(kid) ?? (await kept.newer(mark)).value.get(kid);
  if (key) return key;
  if (kept.isFailing) throw kept.unavailable();
  throw new VerifierError('key_unknown');
}
