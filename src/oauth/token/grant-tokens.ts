import { findSourceId } from '../../imports/index.ts';
import type { ApiSnapshot, PermissionCache } from '../../permissions/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import {
  allocateIndex,
  type GrantState,
  type KeyRing,
  NO_API,
  readAcr,
  readIssueSnapshot,
  type Sign,
  USERINFO,
  userinfoRights,
} from '../../tokens/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { type RightsLimit, readLimitedRights } from '../limit-rights.ts';
import type { GrantRequest, GrantResult } from './grant-type.ts';
import { isAbsoluteUri } from './target.ts';

/** What tokens of a user's grant are made with. */
export interface GrantTokenDeps {
  readonly db: Database;
  readonly access: PermissionCache;
  readonly keys: KeyRing;
  readonly sign?: Sign;
  readonly issuer: string;
}

/** What a grant, or a code that is going to open one, says of its user. */
export type UserGrant = Pick<GrantState, 'user' | 'version' | 'session' | 'authTime' | 'amr' | 'permissions'>;

/** The user of a grant as the subject of its tokens, with the rights that its client may use. */
export async function findGrantUser(
  deps: GrantTokenDeps,
  client: LiveClient,
  grant: UserGrant,
  api: ApiSnapshot,
  now: Date,
) {
  const { user, version, session, authTime, amr } = grant;
  const holder = { kind: 'user' as const, id: user.id, isActive: true, isSuperuser: user.isSuperuser, version };
  const all = api.id === NO_API ? userinfoRights(version) : await deps.access.rights(holder, api, now);
  const by = limitFor(client, grant);
  const rights = await readLimitedRights(deps.db, all, api, by);
  const sourceId = api.withSourceId ? await findSourceId(deps.db, api.audience, user.id) : undefined;
  // Django's is_staff is a flag, and no third party carries one.
  const subject = by ? { ...user, isStaff: false } : user;
  const ofSession = session !== null && authTime !== null ? { id: session, authTime, amr, acr: readAcr(amr) } : null;
  return { api, holder, rights, sourceId, subject, session: ofSession };
}

/** Null for a first-party client. A grant that was opened for one, which it is no more, was never consented to. */
function limitFor(
  client: Pick<LiveClient, 'id' | 'isFirstParty'>,
  grant: Pick<GrantState, 'permissions'>,
): RightsLimit | null {
  return client.isFirstParty ? null : { clients: [client.id], consented: grant.permissions ?? [] };
}

/**
 * The token of a live grant. A new place comes first: whoever changes the client or its ceiling afterwards finds it, and who did before is
 * seen by what is read then.
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
  const needsPlace = grant.statusIndex === null;
  const taken = needsPlace ? await allocateIndex(deps.db, owner, now) : null;
  if (needsPlace && !taken) throw new OAuthError('invalid_grant', 'What was granted has ended.');
  const { holder, ...subject } = await findGrantUser(deps, client, grant, api, now);
  // A version other than that of the rights sends the request round again.
  const version = taken ? await versionAfter(deps.db, client, taken.version) : holder.version;
  return {
    ...subject,
    principal: { ...holder, version },
    scope,
    owner,
    statusIndex: taken?.statusIndex ?? grant.statusIndex,
  };
}

/** What the rights of a token that has just got its place must have been read at; no version at all when its client has changed. */
async function versionAfter(db: Database, client: LiveClient, version: number): Promise<number> {
  const { principal } = await readIssueSnapshot(db, client.id, null, client.id);
  return principal === client.version ? version : CHANGED;
}

/** No principal has it. */
const CHANGED = -1;

/** RFC 8707 §2.2: the grant is for one API, and a request for its token may name no other. */
export async function grantApi(
  access: PermissionCache,
  grant: Pick<GrantState, 'api'> & Partial<Pick<GrantState, 'apiVersion'>>,
  { client, form }: Pick<GrantRequest, 'client' | 'form'>,
): Promise<ApiSnapshot> {
  if (grant.api === null) {
    if (form['resource'] !== undefined || form['audience'] !== undefined) throw otherApi();
    return USERINFO;
  }
  const seen = grant.apiVersion === undefined ? undefined : { id: grant.api, version: grant.apiVersion };
  const api = await access.apiById(grant.api, seen);
  // It may be gone, or have been taken from the client since.
  if (!api || !client.requests.includes(api.id)) throw otherApi();
  if (form['resource'] !== undefined && !isAbsoluteUri(form['resource'])) throw otherApi();
  for (const asked of [form['resource'], form['audience']])
    if (asked !== undefined && (await access.api(asked))?.id !== api.id) throw otherApi();
  return api;
}

function otherApi(): OAuthError {
  return new OAuthError('invalid_target', 'This client may not ask for tokens of that API by this grant.');
}
