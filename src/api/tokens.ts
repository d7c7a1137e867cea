import { type Holder, type KnownApi, type Rights, readApi, readRights } from '../access/index.ts';
import { findSourceId } from '../identity/index.ts';
import { Problem } from '../platform/http/index.ts';
import { budgetExcess, OWN_CLIENT, signAccessToken, type TokenRequest } from '../tokens/index.ts';
import type { ApiDeps } from './deps.ts';

type Wanted = { audience: string; scope?: string | undefined };
type Session = { id: string; authTime: Date; amr: readonly string[] };

/** A token that can be signed as soon as its session exists: its API is known and its budget holds. */
export interface PreparedToken {
  sign(session: Session): { access_token: string; token_type: 'Bearer'; expires_in: number };
}

export async function knownApi(deps: ApiDeps, audience: string): Promise<KnownApi> {
  const api = await readApi(deps.db, audience, deps.issuer);
  if (!api) throw new Problem('unknown_audience', { detail: `There is no API with the audience ${audience}.` });
  return api;
}

/** Everything that can refuse a token, before anything is written: 404 `unknown_audience`, 409 `token_over_budget`. */
export async function prepareToken(
  deps: ApiDeps,
  wanted: Wanted,
  user: Holder & { username: string; isStaff: boolean },
): Promise<PreparedToken> {
  const api = await knownApi(deps, wanted.audience);
  const now = deps.clock.now();
  const rights = await readRights(deps.db, user, api.id, now);
  const sourceId = api.withSourceId ? await findSourceId(deps.db, api.audience, user.id) : undefined;
  const request = {
    issuer: deps.issuer,
    api,
    clientId: OWN_CLIENT,
    subject: user,
    rights,
    scope: wanted.scope,
    sourceId,
  } satisfies Omit<TokenRequest, 'session'>;
  const excess = budgetExcess(deps.keys, { ...request, session: { id: '', authTime: now, amr: ['pwd'] } }, now);
  if (excess) throw overBudget(api, rights, excess.bytes);
  return {
    sign: (session) => {
      const { token, expiresIn } = signAccessToken(deps.keys, { ...request, session }, deps.clock.now());
      return { access_token: token, token_type: 'Bearer', expires_in: expiresIn };
    },
  };
}

function overBudget(api: KnownApi, rights: Rights, bytes: number): Problem {
  return new Problem('token_over_budget', {
    detail:
      `The token would have ${bytes} bytes for ${rights.permissions.size} permissions; the budget of ${api.audience} is ${api.budgetBytes}. ` +
      `Raise it (signet api update ${api.audience} --budget 8192), or give this user fewer permissions of that API.`,
  });
}
