import { type Catalogue, readCatalogue } from './catalogue.ts';
import type { Clock } from './clock.ts';
import { VerifierError } from './errors.ts';
import { basic, read } from './http.ts';
import type { Credentials } from './introspection.ts';
import { Kept } from './kept.ts';
import { type KeySet, readKeySet } from './keys.ts';

export interface DocumentRules {
  /** Of the issuer, from here, without a slash at its end. */
  readonly base: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const MAX_KEYS_BYTES = 256 * 1024;
const MAX_CATALOGUE_BYTES = 16 * 1024 * 1024;
/** What the issuer says is good for so long. */
const MAX_AGE_MS = 300_000;
const CATALOGUE_COOLDOWN_MS = 1000;

async function get(
  { base, timeoutMs, signal }: DocumentRules,
  path: string,
  maxBytes: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const ask = { headers: { accept: 'application/json', ...headers }, timeoutMs, signal };
  const { status, body } = await read(base + path, ask, maxBytes);
  if (status !== 200) throw new VerifierError('request_failed', { detail: `${path} answers ${status}` });
  return body;
}

/** `/.well-known/jwks.json`, kept. A key that was revoked meanwhile may be in a set that cannot be asked for: so not without end. */
export function keptKeys(rules: DocumentRules, cooldownSeconds: number, maxKeyAgeSeconds: number): Kept<KeySet> {
  return new Kept({
    clock: rules.clock,
    maxAgeMs: Math.min(MAX_AGE_MS, (maxKeyAgeSeconds * 1000) / 2),
    goodForMs: maxKeyAgeSeconds * 1000,
    cooldownMs: cooldownSeconds * 1000,
    unavailable: 'keys_unavailable',
    load: async () => readKeySet(await get(rules, '/.well-known/jwks.json', MAX_KEYS_BYTES)),
  });
}

/** `/.well-known/permissions` of an API, kept. The credentials are for a catalogue that is not public. */
export function keptCatalogue(
  rules: DocumentRules,
  audience: string,
  credentials: Credentials | undefined,
): Kept<Catalogue> {
  const path = `/.well-known/permissions?audience=${encodeURIComponent(audience)}`;
  const headers = {
    // Caches on the way may not know the version that was just met.
    'cache-control': 'no-cache',
    ...(credentials ? { authorization: basic(credentials) } : {}),
  };
  return new Kept({
    clock: rules.clock,
    maxAgeMs: MAX_AGE_MS,
    cooldownMs: CATALOGUE_COOLDOWN_MS,
    unavailable: 'catalogue_unavailable',
    load: async () => readCatalogue(await get(rules, path, MAX_CATALOGUE_BYTES, headers), audience),
  });
}
