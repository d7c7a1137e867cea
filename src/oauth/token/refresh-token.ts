import { recordEvent } from '../../audit/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
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
import { narrowScope } from '../requested-scope.ts';
import { draftGrantIdToken } from './grant-id-token.ts';
import { type GrantTokenDeps, grantApi, grantTokens } from './grant-tokens.ts';
import type { GrantType } from './grant-type.ts';
import { clientGrantLife } from './life.ts';

export interface RefreshDeps extends GrantTokenDeps {
  readonly refreshKey: RefreshKey;
  /** Within it, the token before the last answers the same successor: an answer may have been lost. 0 = not at all. */
  readonly graceSeconds: number;
  readonly grantLife: GrantLife;
}

/**
 * RFC 6749 §6 with rotation at every use (RFC 9700 §4.14.2), but for clients that keep theirs. In this order: the MAC (a wrong one is
 * `invalid_grant` and nothing else), the client that it was issued to, whether it lives, which generation, scope, API; then, once the
 * budget is known to hold, one conditional update.
 */
export function refreshTokenGrant(refreshing: RefreshDeps): GrantType<GrantState> {
  const { db, access, refreshKey } = refreshing;
  return {
    type: 'refresh_token',
    needsConfidentialClient: false,
    async preload(form, now) {
      const presented = readRefreshToken(form['refresh_token'] ?? '');
      return presented && readGrant(db, presented.id, now);
    },
    async authorize(request) {
      const { client, form, now, preloaded: grant } = request;
      if (!form['refresh_token']) throw new OAuthError('invalid_request', 'refresh_token is missing.');
      const presented = readRefreshToken(form['refresh_token']);
      if (!grant || !presented?.matches(refreshKey, grant.seed) || grant.client !== client.id) throw refused();
      if (!grant.isLive) throw refused();
      const step = rotationStep(grant, presented.generation, now, refreshing.graceSeconds);
      if (step === 'reuse') {
        // Once for a family: after that it does not live.
        await request.spendProof();
        await endFamily(db, grant, presented.generation, now);
      }
      if (step === 'reuse' || step === 'unknown') throw refused();
      // RFC 9449 §5: bound to the key that the grant was opened with.
      if (grant.dpopJkt !== null && grant.dpopJkt !== request.jkt) throw refused();
      const api = await grantApi(access, grant, request);
      const scope = narrowScope(grant.scope, form['scope'], api);
      const granted = await grantTokens(refreshing, request, grant, api, scope);
      const asked = { scope, nonce: null, with: granted };
      const signIdToken = await draftGrantIdToken(refreshing, client, grant, asked, now);
      return {
        ...granted,
        finish: async ({ token }) => {
          const idToken = await signIdToken?.(token);
          const refreshToken = keepsToken(client, grant)
            ? await keep(refreshing, client, grant, now)
            : await rotate(refreshing, client, grant, presented.generation, now);
          return { refreshToken, idToken };
        },
      };
    },
  };
}

/** Where a presented generation stands: to be rotated, rotated a moment ago, used before, or of a future that was never stored. */
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

/** The token of the next generation; of many that ask at once one takes the step, and the others are given the same. */
async function rotate(
  refreshing: RefreshDeps,
  client: LiveClient,
  grant: GrantState,
  presented: number,
  now: Date,
): Promise<string> {
  const { db, refreshKey, graceSeconds } = refreshing;
  const successor = refreshToken(refreshKey, grant, presented + 1);
  if (rotationStep(grant, presented, now, graceSeconds) === 'again') return successor;
  if (
    await rotateGrant(
      db,
      grant.id,
      presented,
      now,
      plusSeconds(now, clientGrantLife(client, refreshing.grantLife).idleSeconds),
    )
  )
    return successor;
  const later = await readGrant(db, grant.id, now);
  if (!later?.isLive) throw refused();
  const step = rotationStep(later, presented, now, graceSeconds);
  if (step === 'again') return successor;
  if (step === 'reuse') await endFamily(db, later, presented, now);
  throw refused();
}

/**
 * RFC 9700 §2.2.2: a client for which rotation is off, where a stolen token is of no use by itself. A public client's grant may be
 * older than its switch and bound to no key: that one is rotated.
 */
function keepsToken(client: LiveClient, grant: GrantState): boolean {
  return !client.settings.refreshRotation && (client.authMethod !== 'none' || grant.dpopJkt !== null);
}

/** Uses that follow each other within a hundredth of the idle time, and within an hour, are written down as one. */
const LONGEST_BATCH_SECONDS = 3600;

/** RFC 6749 §6: the same token again. */
async function keep(refreshing: RefreshDeps, client: LiveClient, grant: GrantState, now: Date): Promise<string> {
  const { db, refreshKey } = refreshing;
  const { idleSeconds } = clientGrantLife(client, refreshing.grantLife);
  const idleExpiresAt = plusSeconds(now, idleSeconds);
  const since = plusSeconds(now, -Math.min(idleSeconds / 100, LONGEST_BATCH_SECONDS));
  const isDue = grant.usedAtMs < since.getTime();
  // Of many at once one writes; the others find it written, or the grant ended.
  if (isDue && !(await useGrant(db, grant.id, now, { idleExpiresAt, since })) && !(await isLive(db, grant.id, now)))
    throw refused();
  return refreshToken(refreshKey, grant, grant.generation);
}

async function isLive(db: Database, grant: string, now: Date): Promise<boolean> {
  return (await readGrant(db, grant, now))?.isLive ?? false;
}

/** RFC 9700 §4.14.2: somebody has a token that was used before; which of the two is the thief cannot be told. Committed before the refusal. */
async function endFamily(db: Database, grant: GrantState, presented: number, now: Date): Promise<void> {
  await db.fork().transactional(async (tx) => {
    const ended = await endGrants(tx, now, { id: grant.id }, 'reuse');
    if (ended.length === 0) return;
    const detail = { grant: grant.id, client: grant.client, presented, stored: grant.generation };
    recordEvent(tx, now, { kind: 'refresh_reused', userId: grant.user.id, detail });
  });
}

function refused(): OAuthError {
  return new OAuthError('invalid_grant', 'This refresh token is not good any more.');
}
