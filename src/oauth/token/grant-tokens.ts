import { findSourceId } from '../../imports/index.ts';
import type { ApiSnapshot, PermissionCache } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { readAcr } from '../../signin/index.ts';
import {
  allocateIndex,
  type GrantLife,
  type GrantState,
  type KeyRing,
  NO_API,
  readIssueSnapshot,
  type Sign,
  USERINFO,
  userinfoRights,
} from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { oauthError } from '../errors.ts';
import { type RightsLimit, readLimitedRights } from '../limit-rights.ts';
import type { GrantRequest, GrantResult } from './grant-type.ts';
import { isAbsoluteUri } from './target.ts';

/** The dependencies of a grant's tokens. */
export interface GrantTokenDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly issuer: string;
}

/** The user of a grant, or of a code that opens one. */
export type UserGrant = Pick<GrantState, 'user' | 'version' | 'session' | 'authTime' | 'amr' | 'permissions'>;

/** Returns the user of a grant as the subject of its tokens, with the rights that its client may use. */
export async function findGrantUser(
  deps: GrantTokenDeps,
  client: LiveClient,
  grant: UserGrant,
  api: ApiSnapshot,
  now: Date,
) {
  const { user, version, session, authTime, amr } = grant;
  const principal = { kind: 'user' as const, id: user.id, isActive: true, isSuperuser: user.isSuperuser, version };
  const all = api.id === NO_API ? userinfoRights(version) : await deps.access.rights(principal, api, now);
  const limit = rightsLimit(client, grant);
  const rights = await readLimitedRights(deps.db, all, api, limit);
  const sourceId = api.withSourceId ? await findSourceId(deps.db, api.audience, user.id) : undefined;
  // is_staff is a flag of Django, which clients that are not first-party do not get.
  const subject = limit ? { ...user, isStaff: false } : user;
  const sessionClaims =
    session !== null && authTime !== null ? { id: session, authTime, amr, acr: readAcr(amr) } : null;
  return { api, principal, rights, sourceId, subject, session: sessionClaims };
}

/** Returns null for a first-party client. A grant of a client that is no longer first-party has no consent. */
function rightsLimit(
  client: Pick<LiveClient, 'id' | 'isFirstParty'>,
  grant: Pick<GrantState, 'permissions'>,
): RightsLimit | null {
  return client.isFirstParty ? null : { clients: [client.id], permissions: grant.permissions ?? [] };
}

/**
 * Returns the content of an access token of a live grant. A new status index is allocated first: a later change of the client or its
 * boundary then finds it, and an earlier one is seen by what is read afterwards.
 */
export async function grantTokens(
  deps: GrantTokenDeps,
  { client, now }: Pick<GrantRequest, 'client' | 'now'>,
  grant: GrantState,
  api: ApiSnapshot,
  scope: string | undefined,
): Promise<GrantResult> {
  const owner = {
    kind: 'grant',
    id: grant.id,
    principal: grant.user.id,
    api: api.id,
    endsAt: grant.endsAt,
  } as const;
  const needsIndex = grant.statusIndex === null;
  const allocated = needsIndex ? await allocateIndex(deps.db, owner, now) : null;
  if (needsIndex && !allocated) throw oauthError('grant_ended');
  const { principal, ...subject } = await findGrantUser(deps, client, grant, api, now);
  // A version other than that of the rights makes the endpoint try again.
  const version = allocated ? await versionAfterAllocation(deps.db, client, allocated.version) : principal.version;
  return {
    ...subject,
    principal: { ...principal, version },
    scope,
    owner,
    statusIndex: allocated?.statusIndex ?? grant.statusIndex,
  };
}

/** Returns the version at which the rights must have been read; no valid version if the client has changed. */
async function versionAfterAllocation(db: Database, client: LiveClient, version: number): Promise<number> {
  const { principal } = await readIssueSnapshot(db, client.id, null, client.id);
  return principal === client.version ? version : CHANGED;
}

/** The version of no principal. */
const CHANGED = -1;

/** RFC 8707 §2.2: returns the API of the grant. The request may name no other. */
export async function grantApi(
  access: PermissionCache,
  grant: Pick<GrantState, 'api'> & Partial<Pick<GrantState, 'apiVersion'>>,
  { client, form }: Pick<GrantRequest, 'client' | 'form'>,
): Promise<ApiSnapshot> {
  if (grant.api === null) {
    if (form['resource'] !== undefined || form['audience'] !== undefined) throw oauthError('target_not_granted');
    return USERINFO;
  }
  const apiVersion = grant.apiVersion === undefined ? undefined : { id: grant.api, version: grant.apiVersion };
  const api = await access.apiById(grant.api, apiVersion);
  // The API may be deleted, or the client may no longer ask for it.
  if (!api || !client.requests.includes(api.id)) throw oauthError('target_not_granted');
  if (form['resource'] !== undefined && !isAbsoluteUri(form['resource'])) throw oauthError('target_not_granted');
  for (const audience of [form['resource'], form['audience']])
    if (audience !== undefined && (await access.api(audience))?.id !== api.id) throw oauthError('target_not_granted');
  return api;
}

/** Returns how long a client's grants live: its own settings, else the server's. */
export function clientGrantLife({ settings }: Pick<LiveClient, 'settings'>, standard: GrantLife): GrantLife {
  return {
    idleSeconds: settings.refreshIdleSeconds ?? standard.idleSeconds,
    absoluteSeconds: settings.refreshAbsoluteSeconds ?? standard.absoluteSeconds,
  };
}
