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
import { OAuthError } from '../../platform/http/index.ts';
import { parseUuid } from '../../platform/text.ts';
import { plusSeconds } from '../../platform/time.ts';
import {
  allocateExchangedIndex,
  type KeyRing,
  openGrant,
  overBudget,
  type RefreshKey,
  readGrant,
} from '../../tokens/index.ts';
import { type ActiveUser, findActiveUser, findUser } from '../../users/index.ts';
import type { UserToken } from '../active-token.ts';
import { validateScope } from '../consent/requested-access.ts';
import type { GrantRequest, GrantResult } from './grant-type.ts';
import { issued } from './token-types.ts';
import { tokenTooLarge } from './too-large.ts';

export interface ImpersonationDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly refreshKey: RefreshKey;
}

/** At Signet's own API; who has it may act as others that are not more powerful. */
const IMPERSONATE = 'auth.impersonate_user';

/** Long enough to look at what somebody else sees. */
const IMPERSONATION_SECONDS = 300;

const LONGEST_REASON = 500;

/**
 * A token that says `sub` is one user and `act` another (RFC 8693 §1.1): the actor shows their own token for Signet's API, names the user
 * and a reason. Nobody acts as somebody more powerful, nor at Signet itself, and what happened is written down before the token is given.
 * It ends with the actor's session, with the user's access, and soon.
 */
export async function impersonate(
  deps: ImpersonationDeps,
  request: GrantRequest,
  actor: UserToken,
): Promise<GrantResult | 'stale'> {
  const { db, access, issuer } = deps;
  const { client, form, now, jkt } = request;
  const reason = readReason(form);
  // What a user's rights are rightsLimit for, nobody was asked to let it be somebody else.
  if (!client.isFirstParty) throw new OAuthError('unauthorized_client', 'This client may not act for anybody else.');
  const api = await request.target();
  if (form['scope'] !== undefined) await validateScope(db, client, api, form['scope']);
  const user = await userMeant(db, form['requested_subject'] as string);
  const obstacle = await obstacleTo(deps, actor, user, api, request);
  if (obstacle !== null || user === null) throw await refused(deps, request, actor, user, { reason, obstacle });

  const holder = {
    kind: 'user' as const,
    id: user.id,
    isActive: true,
    isSuperuser: user.isSuperuser,
    version: user.version,
  };
  const { id, username, isStaff } = user;
  const subject = { id, username, isStaff };
  const rights = await access.rights(holder, api, now);
  const sourceId = api.withSourceId ? await findSourceId(db, api.audience, user.id) : undefined;
  const act = { sub: actor.user.id, client_id: client.clientId };
  const until = new Date(Math.min(actor.claims.exp * 1000, plusSeconds(now, IMPERSONATION_SECONDS).getTime()));
  const said = { api, subject, rights, sourceId, session: null, scope: form['scope'], act, until };
  const excess = overBudget(deps, { ...said, issuer, clientId: client.clientId, jkt }, now);
  if (excess) throw tokenTooLarge(excess);

  await request.spendProof();
  const grant = await grantFor(deps, request, actor, user, api);
  const owner = { kind: 'grant', id: grant.id, principal: user.id, api: api.id, endsAt: grant.endsAt } as const;
  const through = new Map([...actor.delegation, [actor.user.id, actor.principal.version], [client.id, client.version]]);
  const taken = await allocateExchangedIndex(db, owner, through, now);
  if (!taken) throw over();
  if (taken === 'stale') return 'stale';
  return {
    ...said,
    principal: { ...holder, version: taken.version },
    owner,
    statusIndex: taken.statusIndex,
    async finish({ claims }) {
      await db.fork().transactional(async (tx) => {
        const detail = { client: client.clientId, audience: claims.aud, jti: claims.jti, reason };
        record(tx, actor, user, detail, now);
        await tx.flush();
      });
      return issued;
    },
  };
}

function readReason(form: GrantRequest['form']): string {
  const reason = form['reason']?.trim() ?? '';
  if (reason === '' || [...reason].length > LONGEST_REASON)
    throw new OAuthError('invalid_request', `reason takes 1 to ${LONGEST_REASON} characters.`);
  if (form['actor_token'] !== undefined)
    throw new OAuthError('invalid_request', 'subject_token is the actor here: there is no actor_token.');
  return reason;
}

/** By id or by name, which never looks like an id, while active. Read with the version that the token is made at: whoever becomes more after this is looked at again. */
async function userMeant(db: Database, asked: string): Promise<ActiveUser | null> {
  const id = parseUuid(asked) ?? (await findUser(db.fork(), asked))?.id;
  return id === undefined ? null : findActiveUser(db, id);
}

/** Why not; null for nothing. For the event log only. */
async function obstacleTo(
  { db, access }: ImpersonationDeps,
  { api: own, claims, rightsLimit, rights, user: actor }: UserToken,
  user: ActiveUser | null,
  api: ApiSnapshot,
  { now }: GrantRequest,
): Promise<string | null> {
  if (!own.isBuiltin || rightsLimit !== null || claims.act) return 'not by a token of their own for Signet';
  if (!hasPerm(rights, IMPERSONATE)) return `without ${IMPERSONATE}`;
  if (api.isBuiltin) return 'at Signet itself';
  if (!user || user.id === actor.id) return 'nobody else of that name';
  if (actor.isSuperuser) return null;
  if (user.isSuperuser || user.isStaff || (await readRoles(db.fork(), user.id)).length > 0)
    return 'as superuser or staff';
  const { id, isSuperuser, version } = user;
  const theirs = await access.rights({ kind: 'user', id, isActive: true, isSuperuser, version }, own, now);
  const isMore = getAllPermissions(theirs).some((name) => !hasPerm(rights, name));
  return isMore ? 'as somebody with more permissions at Signet' : null;
}

/** One refusal for every reason, committed before it is told. */
async function refused(
  { db }: ImpersonationDeps,
  { client, now }: GrantRequest,
  actor: UserToken,
  user: ActiveUser | null,
  why: { readonly reason: string; readonly obstacle: string | null },
): Promise<OAuthError> {
  const em = db.fork();
  const detail = { ...why, client: client.clientId, user: user?.id ?? null };
  recordEvent(em, now, { kind: 'impersonation_refused', userId: actor.user.id, detail });
  await em.flush();
  return new OAuthError('invalid_target', 'This user may not be acted for in this way.');
}

/**
 * What the token lives by: a grant without refresh tokens, opened in the actor's session, so that it ends with that, with the user's
 * password, with the client, or by an operator's hand. A request opens one, however often it is tried again.
 */
async function grantFor(
  { db, refreshKey }: ImpersonationDeps,
  { client, now, requestState }: GrantRequest,
  actor: UserToken,
  user: ActiveUser,
  api: ApiSnapshot,
): Promise<{ id: string; endsAt: Date }> {
  if (requestState.grant !== undefined) {
    const opened = await readGrant(db, requestState.grant, now);
    if (!opened?.isLive) throw over();
    return opened;
  }
  const { sid, auth_time: authTime, amr = [] } = actor.claims;
  const opened = await db.fork().transactional(async (tx) => {
    const passwordEpoch = await holdBoth(tx, sid, user.id);
    const given = {
      user: { id: user.id, passwordEpoch },
      client: client.id,
      api: api.id,
      scope: null,
      session:
        sid === undefined || authTime === undefined ? null : { id: sid, authTime: new Date(authTime * 1000), amr },
      isRefreshable: false,
    };
    const life = { idleSeconds: IMPERSONATION_SECONDS, absoluteSeconds: IMPERSONATION_SECONDS };
    const { grant } = openGrant(tx, refreshKey, given, life, now);
    await tx.flush();
    return { id: grant.id, endsAt: grant.expiresAt };
  });
  requestState.grant = opened.id;
  return opened;
}

/** The user and the actor's session, while both live, until the end of the transaction: whoever ends one of them afterwards finds the grant. */
async function holdBoth(tx: SqlEntityManager, sid: string | undefined, user: string): Promise<number> {
  const [held] = await tx.execute<{ epoch: number }[]>(
    'select u.password_epoch::int as epoch from users_user u where u.id = ? and u.is_active for share',
    [user],
  );
  const sessions = sid
    ? await tx.execute<unknown[]>('select 1 from sessions_session s where s.id = ? and s.ended_at is null for share', [
        sid,
      ])
    : [true];
  if (!held || sessions.length === 0) throw over();
  return held.epoch;
}

/** Both logs: what was done to whom, by whom, and why. */
function record(
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

function over(): OAuthError {
  return new OAuthError('invalid_request', 'subject_token is not good here.');
}
