import { recordEvent } from '../../audit/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import {
  endGrants,
  type GrantLife,
  type GrantState,
  type RefreshKey,
  readGrant,
  readRefreshToken,
  refreshToken,
  rotateGrant,
  useGrant,
} from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { oauthError } from '../errors.ts';
import { narrowScope } from '../requested-scope.ts';
import { draftGrantIdToken } from './grant-id-token.ts';
import { clientGrantLife, type GrantTokenDeps, grantApi, grantTokens } from './grant-tokens.ts';
import type { GrantType } from './grant-type.ts';

export interface RefreshDeps extends GrantTokenDeps {
  readonly refreshKey: RefreshKey;
  /** During it, the previous token gets the same successor again, because the response may have been lost. 0: no grace. */
  readonly graceSeconds: number;
  readonly grantLife: GrantLife;
}

/**
 * The refresh token grant (RFC 6749 §6), with rotation at every use (RFC 9700 §4.14.2) except for clients that keep
 * their tokens. The checks in order: the MAC (a wrong one is `invalid_grant` without further effect), the client,
 * whether the grant is live, the generation, API and scope; then, within the budget, one conditional update.
 */
export function refreshTokenGrant(deps: RefreshDeps): GrantType<GrantState> {
  const { db, access, refreshKey } = deps;
  return {
    type: 'refresh_token',
    needsConfidentialClient: false,
    async preload(form, now) {
      const presented = readRefreshToken(form['refresh_token'] ?? '');
      return presented && readGrant(db, presented.id, now);
    },
    async authorize(request) {
      const { client, form, now, preloaded: grant } = request;
      if (!form['refresh_token']) throw oauthError('parameter_missing', { name: 'refresh_token' });
      const presented = readRefreshToken(form['refresh_token']);
      if (!grant || !presented?.matches(refreshKey, grant.seed) || grant.client !== client.id)
        throw oauthError('refresh_token_invalid');
      if (!grant.isLive) throw oauthError('refresh_token_invalid');
      const step = rotationStep(grant, presented.generation, now, deps.graceSeconds);
      if (step === 'reuse') {
        // Happens once per family, which then is no longer live.
        await request.markProofUsed();
        await endFamily(db, grant, presented.generation, now);
      }
      if (step === 'reuse' || step === 'unknown') throw oauthError('refresh_token_invalid');
      // RFC 9449 §5: the grant is bound to the key that it was opened with.
      if (grant.dpopJkt !== null && grant.dpopJkt !== request.jkt) throw oauthError('refresh_token_invalid');
      const api = await grantApi(access, grant, request);
      const scope = narrowScope(grant.scope, form['scope'], api);
      const result = await grantTokens(deps, request, grant, api, scope);
      const idTokenRequest = { scope, nonce: null, with: result };
      const signIdToken = await draftGrantIdToken(deps, client, grant, idTokenRequest, now);
      return {
        ...result,
        finish: async ({ token }) => {
          const idToken = await signIdToken?.(token);
          const refreshToken = keepsToken(client, grant)
            ? await keep(deps, client, grant, now)
            : await rotate(deps, client, grant, presented.generation, now);
          return { refreshToken, idToken };
        },
      };
    },
  };
}

/** The state of a presented generation: current, rotated a moment ago, used before, or never issued. */
function rotationStep(
  grant: Pick<GrantState, 'generation' | 'rotatedAtMs'>,
  presented: number,
  now: Date,
  grace: number,
) {
  if (presented === grant.generation) return 'current';
  if (presented > grant.generation) return 'unknown';
  const isInGrace = presented === grant.generation - 1 && now.getTime() - grant.rotatedAtMs < grace * 1000;
  return isInGrace ? 'again' : 'reuse';
}

/** Returns the token of the next generation. Of concurrent requests one rotates, and the others get the same token. */
async function rotate(
  deps: RefreshDeps,
  client: LiveClient,
  grant: GrantState,
  presented: number,
  now: Date,
): Promise<string> {
  const { db, refreshKey, graceSeconds } = deps;
  const successor = refreshToken(refreshKey, grant, presented + 1);
  if (rotationStep(grant, presented, now, graceSeconds) === 'again') return successor;
  const idleExpiresAt = plusSeconds(now, clientGrantLife(client, deps.grantLife).idleSeconds);
  if (await rotateGrant(db, grant.id, presented, now, idleExpiresAt)) return successor;
  const later = await readGrant(db, grant.id, now);
  if (!later?.isLive) throw oauthError('refresh_token_invalid');
  const step = rotationStep(later, presented, now, graceSeconds);
  if (step === 'again') return successor;
  if (step === 'reuse') await endFamily(db, later, presented, now);
  throw oauthError('refresh_token_invalid');
}

/**
 * RFC 9700 §2.2.2: whether rotation is off for the client and a stolen token is useless by itself. A public client's
 * grant may be older than the setting and bound to no key: its tokens are rotated.
 */
function keepsToken(client: LiveClient, grant: GrantState): boolean {
  return !client.settings.refreshRotation && (client.authMethod !== 'none' || grant.dpopJkt !== null);
}

/** Uses within a hundredth of the idle time, and within an hour, are stored as one. */
const MAX_USE_INTERVAL_SECONDS = 3600;

/** RFC 6749 §6: returns the same token again. */
async function keep(deps: RefreshDeps, client: LiveClient, grant: GrantState, now: Date): Promise<string> {
  const { db, refreshKey } = deps;
  const { idleSeconds } = clientGrantLife(client, deps.grantLife);
  const idleExpiresAt = plusSeconds(now, idleSeconds);
  const since = plusSeconds(now, -Math.min(idleSeconds / 100, MAX_USE_INTERVAL_SECONDS));
  const isDue = grant.usedAtMs < since.getTime();
  // Of concurrent requests one writes. The others find the use stored, or the grant ended.
  if (isDue && !(await useGrant(db, grant.id, now, { idleExpiresAt, since })) && !(await isLive(db, grant.id, now)))
    throw oauthError('refresh_token_invalid');
  return refreshToken(refreshKey, grant, grant.generation);
}

async function isLive(db: Database, grant: string, now: Date): Promise<boolean> {
  return (await readGrant(db, grant, now))?.isLive ?? false;
}

/**
 * RFC 9700 §4.14.2: a token that was used before is presented; which of the two holders is the thief is unknown.
 * Committed before the error.
 */
async function endFamily(db: Database, grant: GrantState, presented: number, now: Date): Promise<void> {
  await db.fork().transactional(async (tx) => {
    const ended = await endGrants(tx, now, { id: grant.id }, 'reuse');
    if (ended.length === 0) return;
    const detail = { grant: grant.id, client: grant.client, presented, stored: grant.generation };
    recordEvent(tx, now, { kind: 'refresh_reused', userId: grant.user.id, detail });
  });
}
