import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordEvent } from '../../audit/index.ts';
import type { Database, Statement } from '../../platform/database/index.ts';
import { endGrants, type GrantEndReason, NO_API, type RequestedClaims } from '../../tokens/index.ts';
import { AuthorizationCode, Consent, DeviceCode } from '../authorization-entities.ts';
import { scopeClaims } from '../user-claims.ts';
import type { RequestedAccess } from './requested-access.ts';

/** What a user is asked to let a client do at one API, as it is remembered. */
export interface ConsentNeeded {
  readonly scopes: readonly string[];
  /** Ids. */
  readonly permissions: readonly string[];
}

/** What has to be consented to: a claim that is asked for by name counts as the scope that would bring it. */
export function deriveConsentNeeded(asked: RequestedAccess, claims: RequestedClaims | null): ConsentNeeded {
  const named = new Set([...(claims?.idToken ?? []), ...(claims?.userinfo ?? [])]);
  const implied = Object.entries(scopeClaims)
    // Groups come by their scope alone.
    .filter(([scope, brought]) => scope !== 'groups' && brought.some((one) => named.has(one)))
    .map(([scope]) => scope);
  return {
    scopes: [...new Set([...asked.scopes, ...implied])],
    permissions: asked.permissions?.map((one) => one.id) ?? [],
  };
}

/** $1 user, $2 client, $3 API, $4 scopes, $5 permissions. */
const covering: Statement = {
  name: 'oauth-consent-covering',
  text: `select 1 as covered from oauth_consent where principal_id = $1::uuid and client_id = $2::uuid and api_id = $3::uuid
    and scopes @> $4::text[] and permissions @> $5::uuid[]`,
};

/** Whether a user has let a client do all of this before. */
export async function isConsented(
  db: Database,
  user: string,
  client: string,
  api: string | null,
  wanted: ConsentNeeded,
): Promise<boolean> {
  const { scopes, permissions } = wanted;
  return (await db.query(covering, [user, client, api ?? NO_API, scopes, permissions])).length > 0;
}

/** By position: user, client, API, scopes, permissions, now, now. */
const union = `insert into oauth_consent (principal_id, client_id, api_id, scopes, permissions, created_at, updated_at)
  values (?::uuid, ?::uuid, ?::uuid, string_to_array(?, ' '), string_to_array(?, ' ')::uuid[], ?, ?)
  on conflict (principal_id, client_id, api_id) do update set updated_at = excluded.updated_at,
    scopes = array(select distinct unnest(oauth_consent.scopes || excluded.scopes) order by 1),
    permissions = array(select distinct unnest(oauth_consent.permissions || excluded.permissions) order by 1)`;

/** Remembers that a user lets a client do this, beside what was allowed before, in the caller's transaction. */
export async function saveConsent(
  tx: SqlEntityManager,
  given: { readonly user: string; readonly client: string; readonly api: string | null; readonly ip: string },
  { scopes, permissions }: ConsentNeeded,
  now: Date,
): Promise<void> {
  const { user, client, api } = given;
  await tx.execute(union, [user, client, api ?? NO_API, scopes.join(' '), permissions.join(' '), now, now]);
  const detail = { client, api, scopes: [...scopes], permissions: [...permissions] };
  recordEvent(tx, now, { kind: 'consent_given', userId: user, ip: given.ip, detail });
  await tx.flush();
}

/**
 * Takes back what a user has let a client do, and ends what the client holds for the user, in the caller's transaction. False:
 * there was nothing.
 */
export async function revokeConsent(
  tx: SqlEntityManager,
  user: string,
  client: string,
  reason: GrantEndReason,
  now: Date,
): Promise<boolean> {
  const forgotten = await deleteConsents(tx, { principal: user, client });
  const ended = await endGrants(tx, now, { principal: user, client }, reason);
  if (forgotten === 0 && ended.length === 0) return false;
  recordEvent(tx, now, { kind: 'consent_taken_back', userId: user, detail: { client, reason } });
  await tx.flush();
  return true;
}

/**
 * Forgets what users have let clients do, and what of it is not redeemed yet: they are asked again. Whoever ends what clients hold
 * does it after this, which waits for a redemption that is under way. Answers how much was remembered.
 */
export async function deleteConsents(
  tx: SqlEntityManager,
  which: { readonly principal?: string; readonly client?: string },
): Promise<number> {
  // The first: it waits for a yes that is under way, whose code is not there to be seen before.
  const forgotten = await tx.nativeDelete(Consent, which);
  await tx.nativeDelete(AuthorizationCode, { ...which, consumedAt: null });
  await tx.nativeDelete(DeviceCode, { ...which, consumedAt: null, state: 'approved' });
  return forgotten;
}
