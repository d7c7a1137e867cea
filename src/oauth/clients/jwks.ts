import { createPublicKey } from 'node:crypto';
import type { ClientSettings } from '../client-settings/index.ts';
import { clientError } from './errors.ts';

type Jwk = Readonly<Record<string, unknown>>;

const MAX_KEYS = 20;
/** RFC 7518 §3.3. */
const MIN_RSA_BITS = 2048;

/** The members of public keys (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2); others are dropped. */
const publicMembers = ['kty', 'kid', 'use', 'alg', 'n', 'e', 'crv', 'x', 'y'];
/** RFC 7518 §6.2.2, §6.3.2, §6.4: the private members. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/**
 * Reads a client's public keys: a JWK Set (RFC 7517 §5) or one JWK. Throws DomainError for anything else, above all for
 * private keys.
 */
export function readJwks(document: unknown): NonNullable<ClientSettings['jwks']> {
  const keys = isObject(document) ? (document['keys'] ?? (document['kty'] ? [document] : undefined)) : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS)
    throw clientError('jwks_invalid', { max: MAX_KEYS });
  return { keys: keys.map(publicKey) };
}

function publicKey(key: unknown): Jwk {
  if (!isObject(key)) throw clientError('jwk_not_an_object');
  if (privateMembers.some((name) => name in key)) throw clientError('jwk_private');
  const jwk = Object.fromEntries(publicMembers.filter((name) => name in key).map((name) => [name, key[name]]));
  if (Object.values(jwk).some((value) => typeof value !== 'string' || value.length > 2000))
    throw clientError('jwk_member_invalid');
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') throw clientError('jwk_not_for_signatures');
  const bits = keyStrength(jwk);
  if (bits === null) throw clientError('jwk_type_unsupported');
  if (bits < MIN_RSA_BITS) throw clientError('jwk_too_short', { minBits: MIN_RSA_BITS });
  return jwk;
}

/** Returns the bits of an RSA key, infinity for a strong curve, null for any other key. */
function keyStrength(jwk: Jwk): number | null {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: jwk, format: 'jwk' });
    if (type === 'rsa') return details?.modulusLength ?? 0;
    const isCurve = type === 'ed25519' || (type === 'ec' && ['P-256', 'P-384', 'P-521'].includes(String(jwk['crv'])));
    return isCurve ? Number.POSITIVE_INFINITY : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
