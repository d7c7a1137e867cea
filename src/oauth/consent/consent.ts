import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../../audit/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { endGrants, type GrantEndReason, NO_API, type RequestedClaims } from '../../tokens/index.ts';
import { AuthorizationCode, Consent, DeviceCode } from '../authorization-entities.ts';
import { scopeClaims } from '../user-claims.ts';
import type { RequestedAccess } from './requested-access.ts';

/** What a client needs the user's consent to, at one API. */
export interface ConsentNeeded {
  readonly scopes: readonly string[];
  /** Ids of permissions. */
  readonly permissions: readonly string[];
}

/** Returns what has to be consented to. A claim that is requested by name counts as the scope that includes it. */
export function deriveConsentNeeded(requested: RequestedAccess, claims: RequestedClaims | null): ConsentNeeded {
  const claimNames = new Set([...(claims?.idToken ?? []), ...(claims?.userinfo ?? [])]);
  const implied = Object.entries(scopeClaims)
    // Groups come only by their scope.
    .filter(([scope, included]) => scope !== 'groups' && included.some((one) => claimNames.has(one)))
    .map(([scope]) => scope);
  return {
    scopes: [...new Set([...requested.scopes, ...implied])],
    permissions: requested.permissions?.map((one) => one.id) ?? [],
  };
}

/** $1 user, $2 client, $3 API, $4 scopes, $5 permissions. */
const selectCoveringConsent: Statement = {
  name: 'oauth-consent-covering',
  text: `select 1 as covered from oauth_consent where principal_id = $1::uuid and client_id = $2::uuid and api_id = $3::uuid
    and scopes @> $4::text[] and permissions @> $5::uuid[]`,
};

/** Whether a user has consented to all of this before. */
export async function isConsented(
  db: Database,
  user: string,
  client: string,
  api: string | null,
  { scopes, permissions }: ConsentNeeded,
): Promise<boolean> {
  return (await db.query(selectCoveringConsent, [user, client, api ?? NO_API, scopes, permissions])).length > 0;
}

/** By position: user, client, API, scopes, permissions, now, now. */
const upsertConsent = `insert into oauth_consent (principal_id, client_id, api_id, scopes, permissions, created_at, updated_at)
  values (?::uuid, ?::uuid, ?::uuid, string_to_array(?, ' '), string_to_array(?, ' ')::uuid[], ?, ?)
  on conflict (principal_id, client_id, api_id) do update set updated_at = excluded.updated_at,
    scopes = array(select distinct unnest(oauth_consent.scopes || excluded.scopes) order by 1),
    permissions = array(select distinct unnest(oauth_consent.permissions || excluded.permissions) order by 1)`;

/** Stores a user's consent, added to what the user has consented to before, in the caller's transaction. */
export async function saveConsent(
  tx: SqlEntityManager,
  consent: { readonly user: string; readonly client: string; readonly api: string | null; readonly ip: string },
  { scopes, permissions }: ConsentNeeded,
  now: Date,
): Promise<void> {
  const { user, client, api, ip } = consent;
  await tx.execute(upsertConsent, [user, client, api ?? NO_API, scopes.join(' '), permissions.join(' '), now, now]);
  const detail = { client, api, scopes: [...scopes], permissions: [...permissions] };
  recordEvent(tx, now, { kind: 'consent_given', userId: user, ip, detail });
  await tx.flush();
}

/**
 * Deletes a user's consents for a client and ends the client's grants for the user, in the caller's transaction.
 * Returns false if there were none.
 */
export async function revokeConsent(
  tx: SqlEntityManager,
  user: string,
  client: string,
  reason: GrantEndReason,
  now: Date,
): Promise<boolean> {
  const deleted = await deleteConsents(tx, { principal: user, client });
  const ended = await endGrants(tx, now, { principal: user, client }, reason);
  if (deleted === 0 && ended.length === 0) return false;
  recordEvent(tx, now, { kind: 'consent_taken_back', userId: user, detail: { client, reason } });
  await tx.flush();
  return true;
}

/**
 * Deletes consents, with the codes and approved devices that are not redeemed yet, so that users are asked again. Call
 * it before ending grants: it waits for a concurrent redemption. Returns the number of deleted consents.
 */
export async function deleteConsents(
  tx: SqlEntityManager,
  where: { readonly principal?: string; readonly client?: string },
): Promise<number> {
  // First, because it waits for a concurrent approval, whose code does not exist yet.
  const deleted = await tx.nativeDelete(Consent, where);
  await tx.nativeDelete(AuthorizationCode, { ...where, consumedAt: null });
  await tx.nativeDelete(DeviceCode, { ...where, consumedAt: null, state: 'approved' });
  return deleted;
}
