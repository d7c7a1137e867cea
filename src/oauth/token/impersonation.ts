import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange, recordEvent } from '../../audit/index.ts';
import { findSourceId } from '../../imports/index.ts';
import {
  type ApiSnapshot,
  getAllPermissions,
  hasPerm,
  type PermissionCache,
  readRoles,
} from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { OAuthError } from '../../platform/http/index.ts';
import { parseUuid } from '../../platform/text.ts';
import { plusSeconds } from '../../platform/time.ts';
import { holdSession } from '../../sessions/index.ts';
import {
  allocateExchangedIndex,
  type KeyRing,
  openGrant,
  overBudget,
  type RefreshKey,
  readGrant,
} from '../../tokens/index.ts';
import { type ActiveUser, findActiveUser, findUser, holdActiveUser } from '../../users/index.ts';
import type { UserToken } from '../active-token.ts';
import { validateScope } from '../consent/requested-access.ts';
import { oauthError } from '../errors.ts';
import { ACCESS_TOKEN_ISSUED, type GrantRequest, type GrantResult, tokenTooLarge } from './grant-type.ts';

export interface ImpersonationDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly refreshKey: RefreshKey;
}

/** Permission at Signet's own API to act as users who are not more powerful. */
const IMPERSONATE = 'auth.impersonate_user';

/** Long enough to reproduce what the user sees. */
const IMPERSONATION_SECONDS = 300;

const MAX_REASON_LENGTH = 500;

/**
 * Issues a token whose `sub` is one user and `act` another (RFC 8693 §1.1). The actor presents their own token for
 * Signet's API, and names the user and a reason. Acting as a more powerful user, or at Signet itself, is refused, and
 * the use is logged before the token is issued. The token ends with the actor's session, with the user's access, and
 * soon.
 */
export async function impersonate(
  deps: ImpersonationDeps,
  request: GrantRequest,
  actor: UserToken,
): Promise<GrantResult | 'stale'> {
  const { db } = deps;
  const { client, form, now } = request;
  const reason = readReason(form);
  // Consent to a client that is not first-party does not cover acting as another user.
  if (!client.isFirstParty) throw oauthError('impersonation_not_allowed');
  const api = await request.target();
  if (form['scope'] !== undefined) await validateScope(db, client, api, form['scope']);
  const user = await findRequestedUser(db, form['requested_subject'] as string);
  const obstacle = await findObstacle(deps, actor, user, api, request);
  if (obstacle !== null || user === null) throw await recordRefusal(deps, request, actor, user, { reason, obstacle });
  const { principal, ...content } = await createContent(deps, request, actor, user, api);

  await request.markProofUsed();
  const grant = await openImpersonationGrant(deps, request, actor, user, api);
  const owner = { kind: 'grant', id: grant.id, principal: user.id, api: api.id, endsAt: grant.endsAt } as const;
  const delegation = new Map([
    ...actor.delegation,
    [actor.user.id, actor.principal.version],
    [client.id, client.version],
  ]);
  const allocated = await allocateExchangedIndex(db, owner, delegation, now);
  if (!allocated) throw oauthError('exchanged_token_invalid', { name: 'subject_token' });
  if (allocated === 'stale') return 'stale';
  return {
    ...content,
    principal: { ...principal, version: allocated.version },
    owner,
    statusIndex: allocated.statusIndex,
    async finish({ claims }) {
      await db.fork().transactional(async (tx) => {
        const detail = { client: client.clientId, audience: claims.aud, jti: claims.jti, reason };
        recordImpersonation(tx, actor, user, detail, now);
        await tx.flush();
      });
      return ACCESS_TOKEN_ISSUED;
    },
  };
}

/** Returns the principal and the content of the token. Throws OAuthError `invalid_target` if it is over the API's budget. */
async function createContent(
  deps: ImpersonationDeps,
  { client, form, now, jkt }: GrantRequest,
  actor: UserToken,
  { id, username, isStaff, isSuperuser, version }: ActiveUser,
  api: ApiSnapshot,
) {
  const { db, access, issuer } = deps;
  const principal = { kind: 'user' as const, id, isActive: true, isSuperuser, version };
  const rights = await access.rights(principal, api, now);
  const content = {
    api,
    subject: { id, username, isStaff },
    rights,
    sourceId: api.withSourceId ? await findSourceId(db, api.audience, id) : undefined,
    session: null,
    scope: form['scope'],
    act: { sub: actor.user.id, client_id: client.clientId },
    until: new Date(Math.min(actor.claims.exp * 1000, plusSeconds(now, IMPERSONATION_SECONDS).getTime())),
  };
  const excess = overBudget(deps, { ...content, issuer, clientId: client.clientId, jkt }, now);
  if (excess) throw tokenTooLarge(excess);
  return { ...content, principal };
}

function readReason(form: GrantRequest['form']): string {
  const reason = form['reason']?.trim() ?? '';
  if (reason === '' || [...reason].length > MAX_REASON_LENGTH)
    throw oauthError('reason_invalid', { max: MAX_REASON_LENGTH });
  if (form['actor_token'] !== undefined) throw oauthError('actor_token_unexpected');
  return reason;
}

/**
 * Finds an active user by id, or by name, which never looks like an id. Reads the version that the token is issued at:
 * a later gain of power is checked again.
 */
async function findRequestedUser(db: Database, requested: string): Promise<ActiveUser | null> {
  const id = parseUuid(requested) ?? (await findUser(db.fork(), requested))?.id;
  return id === undefined ? null : findActiveUser(db, id);
}

/** Why the actor may not act as the user. Only the event log has it. */
type Obstacle =
  | 'token_not_own'
  | 'permission_missing'
  | 'own_api'
  | 'user_not_found'
  | 'user_privileged'
  | 'user_has_more_permissions';

/** Returns null if the actor may act as the user. */
async function findObstacle(
  { db, access }: ImpersonationDeps,
  { api: own, claims, rightsLimit, rights, user: actor }: UserToken,
  user: ActiveUser | null,
  api: ApiSnapshot,
  { now }: GrantRequest,
): Promise<Obstacle | null> {
  if (!own.isBuiltin || rightsLimit !== null || claims.act) return 'token_not_own';
  if (!hasPerm(rights, IMPERSONATE)) return 'permission_missing';
  if (api.isBuiltin) return 'own_api';
  if (!user || user.id === actor.id) return 'user_not_found';
  if (actor.isSuperuser) return null;
  if (user.isSuperuser || user.isStaff || (await readRoles(db.fork(), user.id)).length > 0) return 'user_privileged';
  const { id, isSuperuser, version } = user;
  const userRights = await access.rights({ kind: 'user', id, isActive: true, isSuperuser, version }, own, now);
  const hasMore = getAllPermissions(userRights).some((name) => !hasPerm(rights, name));
  return hasMore ? 'user_has_more_permissions' : null;
}

/** Logs a refusal and returns its error: one for every obstacle, committed before the response. */
async function recordRefusal(
  { db }: ImpersonationDeps,
  { client, now }: GrantRequest,
  actor: UserToken,
  user: ActiveUser | null,
  refusal: { readonly reason: string; readonly obstacle: Obstacle | null },
): Promise<OAuthError> {
  const em = db.fork();
  const detail = { ...refusal, client: client.clientId, user: user?.id ?? null };
  recordEvent(em, now, { kind: 'impersonation_refused', userId: actor.user.id, detail });
  await em.flush();
  return oauthError('impersonation_refused');
}

/**
 * Opens the grant that the token belongs to: without refresh tokens and in the actor's session, so that it ends with
 * the session, with the user's password, with the client, or by an operator. A request opens one, through all attempts.
 */
async function openImpersonationGrant(
  { db, refreshKey }: ImpersonationDeps,
  { client, now, requestState }: GrantRequest,
  actor: UserToken,
  user: ActiveUser,
  api: ApiSnapshot,
): Promise<{ id: string; endsAt: Date }> {
  if (requestState.grant !== undefined) {
    const opened = await readGrant(db, requestState.grant, now);
    if (!opened?.isLive) throw oauthError('exchanged_token_invalid', { name: 'subject_token' });
    return opened;
  }
  const { sid, auth_time: authTime, amr = [] } = actor.claims;
  const opened = await db.fork().transactional(async (tx) => {
    const passwordEpoch = await lockUserAndSession(tx, sid, user.id);
    const newGrant = {
      user: { id: user.id, passwordEpoch },
      client: client.id,
      api: api.id,
      scope: null,
      session:
        sid === undefined || authTime === undefined ? null : { id: sid, authTime: new Date(authTime * 1000), amr },
      isRefreshable: false,
    };
    const life = { idleSeconds: IMPERSONATION_SECONDS, absoluteSeconds: IMPERSONATION_SECONDS };
    const { grant } = openGrant(tx, refreshKey, newGrant, life, now);
    await tx.flush();
    return { id: grant.id, endsAt: grant.expiresAt };
  });
  requestState.grant = opened.id;
  return opened;
}

/**
 * Locks the user and the actor's session, while both are live, until the end of the transaction: a later end of one of
 * them finds the grant.
 */
async function lockUserAndSession(tx: SqlEntityManager, sid: string | undefined, user: string): Promise<number> {
  const epoch = await holdActiveUser(tx, user);
  if (epoch === null || (sid && !(await holdSession(tx, sid))))
    throw oauthError('exchanged_token_invalid', { name: 'subject_token' });
  return epoch;
}

/** Writes both logs: the action, the user, the actor and the reason. */
function recordImpersonation(
  tx: SqlEntityManager,
  { user: actor }: UserToken,
  user: ActiveUser,
  detail: Readonly<Record<string, unknown>>,
  at: Date,
): void {
  recordEvent(tx, at, { kind: 'impersonated', userId: user.id, detail: { ...detail, actor: actor.id } });
  const audit = { at, actor: { kind: 'user', id: actor.id, label: actor.username } } as const;
  const object = { kind: 'user', id: user.id, label: user.username };
  recordChange(tx, audit, { action: 'issue', object, after: { impersonated: true, ...detail } });
}
