import type { KnownAccess } from '../../access/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import type { Clock } from '../../platform/time.ts';
import {
  type KeyRing,
  mintAccessToken,
  mintUntilFresh,
  type OverBudget,
  overBudget,
  readMinting,
  type Sign,
} from '../../tokens/index.ts';
import { authenticateClient, type PresentedClient } from '../client-auth.ts';
import type { KnownClients, LiveClient } from '../clients/hot.ts';
import type { Grant } from './grant.ts';
import { findTarget, guessTarget } from './target.ts';

export interface TokenEndpoint {
  readonly db: Database;
  readonly access: KnownAccess;
  readonly clients: KnownClients;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly issuer: string;
  readonly grants: readonly Grant[];
}

/** RFC 6749 §5.1. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope?: string;
  readonly refresh_token?: string;
}

/**
 * The token endpoint, the same for every grant (RFC 6749 §3.2). Before it, the route has seen to no-store, the form and
 * repeated parameters. Everything that can refuse comes before anything is written.
 */
export async function answerTokenRequest(endpoint: TokenEndpoint, presented: PresentedClient): Promise<TokenAnswer> {
  const answer = await mintUntilFresh(() => attempt(endpoint, presented));
  if (answer === 'over') throw new OAuthError('invalid_grant', 'Whoever this token would be for has ended.');
  return answer;
}

/** One pass through the phases; `stale` when something that was read has changed before the token had its place. */
async function attempt(endpoint: TokenEndpoint, presented: PresentedClient): Promise<TokenAnswer | 'stale' | 'over'> {
  const { db, access, clients, issuer, clock } = endpoint;
  const now = clock.now();
  const { form } = presented;

  // 1. Who asks? Before anything that was sent is looked at. One statement says whether what is known of it still holds.
  const caller = await authenticateClient(clients, presented, now, { allowPublic: true });
  const guess = guessTarget(access, caller.guess, form);
  const seen = await readMinting(db, caller.id, guess?.id ?? null, caller.id);
  const client = await caller.confirm(seen.principal);

  // 2. How?
  const grant = grantOf(endpoint, client, form['grant_type']);

  // 3. For which API, and may it? What the statement saw of the guess counts for no other.
  const target = () => findTarget(access, client, form, guess && { id: guess.id, version: seen.api });
  const place = client.version === seen.principal ? seen.place : null;
  const granted = await grant.authorize({ client, form, now, target, seen: guess && { api: guess.id, place } });

  // 4. Does the token fit? Where it has a place already, nothing is written before 5 says so.
  const { api, subject, rights, session, scope, sourceId } = granted;
  const request = { issuer, clientId: client.clientId, api, subject, rights, session, scope, sourceId };
  const excess = granted.place ? null : overBudget(endpoint, request, now);
  if (excess) throw tooLarge(excess);

  // 5. Its place, and the signature: all that can still refuse comes before anything is written that cannot be done again.
  const minted = await mintAccessToken(endpoint, { ...granted, request }, now);
  if (minted === 'stale' || minted === 'over') return minted;
  if ('budget' in minted) throw tooLarge(minted);

  // 6. Write.
  const written = await granted.write?.();
  const { token, claims, expiresIn } = minted;
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresIn,
    ...(claims.scope ? { scope: claims.scope } : {}),
    ...(written?.refreshToken ? { refresh_token: written.refreshToken } : {}),
  };
}

function grantOf({ grants }: TokenEndpoint, client: LiveClient, type: string | undefined): Grant {
  if (!type) throw new OAuthError('invalid_request', 'grant_type is missing.');
  const grant = grants.find((one) => one.type === type);
  if (!grant) throw new OAuthError('unsupported_grant_type', 'This server does not know that grant_type.');
  const isPublic = client.authMethod === 'none';
  if (!client.grantTypes.includes(type) || (grant.needsConfidentialClient && isPublic))
    throw new OAuthError('unauthorized_client', 'This client may not use that grant_type.');
  return grant;
}

function tooLarge({ bytes, budget, permissions }: OverBudget): OAuthError {
  return new OAuthError(
    'invalid_target',
    `The token would have ${bytes} bytes for ${permissions} permissions; the budget of this API is ${budget}. Raise it, let its tokens carry a bitmap, or give the client fewer permissions.`,
  );
}
