import { type CryptoKey, importJWK } from 'jose';
import { type Algorithm, KEY_TYPES } from './algorithms.ts';
import type { CachedDocument } from './cached-document.ts';
import { VerifierError } from './errors.ts';
import { parseObject } from './strict-json.ts';

export interface VerificationKey {
  readonly alg: Algorithm;
  readonly key: CryptoKey;
}

/** The issuer's public keys by `kid`. */
export type KeySet = ReadonlyMap<string, VerificationKey>;

const MAX_KEYS = 100;
const MIN_RSA_BITS = 2048;

/**
 * Parses a JWKS (RFC 7517 §5). Keys for other uses or algorithms are skipped; a repeated `kid`, a private key, or no usable key make the
 * set invalid. Throws `keys_malformed`.
 */
export async function readKeySet(body: Uint8Array): Promise<KeySet> {
  const malformed = (detail: string) => new VerifierError('keys_malformed', { detail });
  const keys = parseObject(body)?.['keys'];
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw malformed('there is no array of keys');
  const keySet = new Map<string, VerificationKey>();
  for (const jwk of keys as unknown[]) {
    if (typeof jwk !== 'object' || jwk === null) throw malformed('a key is no object');
    const { alg, kid, kty, crv, use, n } = jwk as Record<string, unknown>;
    if (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')) throw malformed('a key is not public');
    const type = typeof alg === 'string' ? KEY_TYPES[alg] : undefined;
    if (!type || typeof kid !== 'string' || kty !== type.kty || (use ?? 'sig') !== 'sig') continue;
    if (type.crv !== undefined && crv !== type.crv) continue;
    if (type.kty === 'RSA' && readBits(n) < MIN_RSA_BITS) continue;
    if (keySet.has(kid)) throw malformed('two keys have one kid');
    try {
      keySet.set(kid, { alg: type.alg, key: (await importJWK(jwk, type.alg)) as CryptoKey });
    } catch (cause) {
      throw new VerifierError('keys_malformed', { detail: 'a key cannot be read', cause });
    }
  }
  if (keySet.size === 0) throw malformed('there is no key for an accepted algorithm');
  return keySet;
}

function readBits(modulus: unknown): number {
  return typeof modulus === 'string' ? Buffer.from(modulus, 'base64url').length * 8 : 0;
}

/**
 * Returns the key of a `kid`; for an unknown one the set is fetched again, at most once per cooldown. Throws `key_unknown`, or
 * `keys_unavailable` if the issuer could not be reached.
 */
export async function findKey(cache: CachedDocument<KeySet>, kid: string): Promise<VerificationKey> {
  const mark = cache.mark();
  const key = (await cache.current()).get(kid) ?? (await cache.newer(mark)).value.get(kid);
  if (key) return key;
  if (cache.isFailing) throw cache.unavailable();
  throw new VerifierError('key_unknown');
}
