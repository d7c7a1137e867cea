import type { JWK } from 'jose';
import { type ClientJws, publicKeyFor } from '../client-jws.ts';
import { CLIENT_JWS_ALGS, type ClientJwsAlg, type ClientSettings } from '../client-settings/index.ts';
import { createRemoteKeys, type FetchJson } from './remote-keys.ts';

/** The parts of a client that its keys depend on. */
export interface AssertionClient {
  readonly clientId: string;
  readonly settings: Pick<ClientSettings, 'jwks' | 'jwksUri' | 'assertionAudience' | 'assertionAlg'>;
}

/** Returns the key for a client's assertion; null when the client has no such key. */
export type FindClientKey = (client: AssertionClient, jws: ClientJws, now: Date) => Promise<JWK | null>;

interface ClientKey {
  readonly kid: string | undefined;
  /** An RSA key can serve two algorithms. */
  readonly algs: readonly { readonly alg: ClientJwsAlg; readonly jwk: JWK }[];
}

/** A set may contain old keys as well; a longer one is refused as a whole. */
const MAX_KEYS = 50;

export function createClientKeys(
  fetchJson: FetchJson,
  onFailure: (clientId: string, error: unknown) => void,
): FindClientKey {
  const remote = createRemoteKeys(fetchJson, readRemote, onFailure);
  // Keyed by the set itself: a changed client has another object.
  const cache = new WeakMap<object, readonly ClientKey[]>();
  const registeredKeys = (jwks: object) => {
    const keys = cache.get(jwks) ?? readKeySet(jwks) ?? [];
    cache.set(jwks, keys);
    return keys;
  };
  return async ({ clientId, settings: { jwks, jwksUri } }, jws, now) => {
    if (jwks) return selectKey(registeredKeys(jwks), jws);
    if (jwksUri === null) return null;
    const hasKey = (keys: readonly ClientKey[]) => selectKey(keys, jws) !== null;
    return selectKey(await remote.load(clientId, jwksUri, hasKey, now), jws);
  };
}

/** OIDC Core §10.1: the header must have a `kid` when several keys match. */
function selectKey(keys: readonly ClientKey[], { alg, header }: ClientJws): JWK | null {
  const { kid } = header;
  const matching = keys.flatMap((one) =>
    kid === undefined || one.kid === kid ? one.algs.filter((entry) => entry.alg === alg).map((of) => of.jwk) : [],
  );
  return matching.length === 1 ? (matching[0] as JWK) : null;
}

function readRemote(document: unknown): readonly ClientKey[] {
  const keys = readKeySet(document);
  if (!keys) throw new Error(`there is no set of at most ${MAX_KEYS} keys`);
  return keys;
}

/**
 * RFC 7517 §5: keys that are not public signature keys of a supported algorithm are skipped. Returns null when the
 * document is not a key set.
 */
function readKeySet(document: unknown): readonly ClientKey[] | null {
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) return null;
  return keys.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { kid, alg, use } = one as Record<string, unknown>;
    if ((use ?? 'sig') !== 'sig') return [];
    const algs = CLIENT_JWS_ALGS.flatMap((supported) => {
      const jwk = (alg ?? supported) === supported ? publicKeyFor(one, supported) : null;
      return jwk ? [{ alg: supported, jwk }] : [];
    });
    return algs.length === 0 ? [] : [{ kid: typeof kid === 'string' ? kid : undefined, algs }];
  });
}
