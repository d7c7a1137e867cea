import { CachedDocument } from './cached-document.ts';
import { type Catalogue, readCatalogue } from './catalogue.ts';
import type { Clock } from './clock.ts';
import { VerifierError } from './errors.ts';
import { basicCredentials, fetchBody } from './http.ts';
import type { Credentials } from './introspection.ts';
import { type KeySet, readKeySet } from './keys.ts';

export interface DocumentOptions {
  /** The issuer's address from here, without a trailing slash. */
  readonly base: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const MAX_KEYS_BYTES = 256 * 1024;
const MAX_CATALOGUE_BYTES = 16 * 1024 * 1024;
/** How long the issuer's documents are fresh. */
const MAX_AGE_MS = 300_000;
const CATALOGUE_COOLDOWN_MS = 1000;

async function get(
  { base, timeoutMs, signal }: DocumentOptions,
  path: string,
  maxBytes: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const request = { headers: { accept: 'application/json', ...headers }, timeoutMs, signal };
  const { status, body } = await fetchBody(base + path, request, maxBytes);
  if (status !== 200) throw new VerifierError('request_failed', { detail: `${path} answers ${status}` });
  return body;
}

/** The cached `/.well-known/jwks.json`. A set that cannot be refreshed may contain a revoked key, so its age is limited. */
export function cachedKeys(
  options: DocumentOptions,
  cooldownSeconds: number,
  maxKeyAgeSeconds: number,
): CachedDocument<KeySet> {
  return new CachedDocument({
    clock: options.clock,
    maxAgeMs: Math.min(MAX_AGE_MS, (maxKeyAgeSeconds * 1000) / 2),
    goodForMs: maxKeyAgeSeconds * 1000,
    cooldownMs: cooldownSeconds * 1000,
    unavailable: 'keys_unavailable',
    load: async () => readKeySet(await get(options, '/.well-known/jwks.json', MAX_KEYS_BYTES)),
  });
}

/** The cached `/.well-known/permissions` of an API. The credentials are for a catalogue that is not public. */
export function cachedCatalogue(
  options: DocumentOptions,
  audience: string,
  credentials: Credentials | undefined,
): CachedDocument<Catalogue> {
  const path = `/.well-known/permissions?audience=${encodeURIComponent(audience)}`;
  const headers = {
    // Intermediate caches may not have a version that is new to this service.
    'cache-control': 'no-cache',
    ...(credentials ? { authorization: basicCredentials(credentials) } : {}),
  };
  return new CachedDocument({
    clock: options.clock,
    maxAgeMs: MAX_AGE_MS,
    cooldownMs: CATALOGUE_COOLDOWN_MS,
    unavailable: 'catalogue_unavailable',
    load: async () => readCatalogue(await get(options, path, MAX_CATALOGUE_BYTES, headers), audience),
  });
}
