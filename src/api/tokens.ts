import { findSourceId } from '../imports/index.ts';
import type { ApiSnapshot, ApiVersion, PrincipalRef } from '../permissions/index.ts';
import { Problem } from '../platform/http/index.ts';
import {
  issueAccessToken,
  issueWithRetry,
  type OverBudget,
  OWN_CLIENT,
  overBudget,
  PLACEHOLDER_ID,
  type TokenRequest,
} from '../tokens/index.ts';
import { type ActiveUser, findActiveUser, userPrincipal } from '../users/index.ts';
import { refusal } from './refusals.ts';
import type { ApiDeps } from './requests.ts';

export type TokenParameters = { audience: string; scope?: string | undefined };
type Session = { id: string; authTime: Date; amr: readonly string[]; endsAt: Date };

/** A token that can be signed as soon as its session exists: its API exists and it fits the budget. */
export interface PreparedToken {
  sign(session: Session): Promise<{ access_token: string; token_type: 'Bearer'; expires_in: number }>;
}

/** A user as the subject of a token, and as a principal with the permissions of this version. */
export type TokenUser = PrincipalRef & Pick<ActiveUser, 'version' | 'username' | 'isStaff'>;

export function tokenUser(user: ActiveUser): TokenUser {
  return { ...userPrincipal(user), version: user.version, username: user.username, isStaff: user.isStaff };
}

/** Returns the API version that a statement of this request has read, for an API that was peeked before. */
export function apiVersion(peek: ApiSnapshot | undefined, version: number | null): ApiVersion | undefined {
  return peek && { id: peek.id, version };
}

export async function cachedApi(deps: ApiDeps, audience: string, version?: ApiVersion): Promise<ApiSnapshot> {
  const api = await deps.access.api(audience, version);
  if (!api) throw refusal('audience_unknown', { audience });
  return api;
}

/** Makes every check that can refuse a token, before anything is written: 404 `unknown_audience`, 409 `token_over_budget`. */
export async function prepareToken(
  deps: ApiDeps,
  parameters: TokenParameters,
  user: TokenUser,
  version?: ApiVersion,
): Promise<PreparedToken> {
  const first = await buildTokenRequest(deps, parameters, user, version);
  const now = deps.clock.now();
  const placeholderSession = { id: PLACEHOLDER_ID, authTime: now, amr: ['pwd'] };
  const excess = overBudget(deps, { ...first, session: placeholderSession }, now);
  if (excess) throw tooLarge(first.api, excess);
  let prepared: { user: TokenUser; request: Omit<TokenRequest, 'session'> & { api: ApiSnapshot } } | null = {
    user,
    request: first,
  };
  return {
    sign: async (session) => {
      const issued = await issueWithRetry(async () => {
        const { user: principal, request } = prepared ?? (await reloadRequest(deps, parameters, user.id));
        prepared = null;
        const ofSession = { kind: 'session', id: session.id, endsAt: session.endsAt } as const;
        const owner = { ...ofSession, principal: principal.id, api: request.api.id };
        return issueAccessToken(
          deps,
          { request: { ...request, session }, principal, owner, statusIndex: null },
          deps.clock.now(),
        );
      });
      // The session has ended since it was read.
      if (issued === 'ended') throw new Problem('unauthenticated');
      if ('budget' in issued) throw tooLarge(first.api, issued);
      return { access_token: issued.token, token_type: 'Bearer', expires_in: issued.expiresIn };
    },
  };
}

async function buildTokenRequest(deps: ApiDeps, parameters: TokenParameters, user: TokenUser, version?: ApiVersion) {
  const api = await cachedApi(deps, parameters.audience, version);
  const rights = await deps.access.rights(user, api, deps.clock.now());
  const sourceId = api.withSourceId ? await findSourceId(deps.db, api.audience, user.id) : undefined;
  return {
    issuer: deps.issuer,
    api,
    clientId: OWN_CLIENT,
    subject: user,
    rights,
    scope: parameters.scope,
    sourceId,
  } satisfies Omit<TokenRequest, 'session'>;
}

/** Reads the user again, because something has changed since the request began. */
async function reloadRequest(deps: ApiDeps, parameters: TokenParameters, userId: string) {
  const activeUser = await findActiveUser(deps.db, userId);
  if (!activeUser) throw new Problem('unauthenticated');
  const user = tokenUser(activeUser);
  return { user, request: await buildTokenRequest(deps, parameters, user) };
}

function tooLarge(api: ApiSnapshot, { bytes, budget, permissions }: OverBudget): Problem {
  return refusal('token_too_large', { audience: api.audience, bytes, permissions, budget });
}
