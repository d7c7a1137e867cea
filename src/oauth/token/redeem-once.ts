import type { SqlEntityManager } from '@mikro-orm/sql';

/**
 * One conditional statement: of many that come at once with a code, one takes it. The user and the session that agreed are held until the
 * end of the transaction: whoever ends them afterwards finds the grant, and who did before is seen here. What was agreed to for longer
 * than a session (OIDC Core §11) does not ask for it. `grant`: what the code gives.
 */
export async function redeemOnce(
  tx: SqlEntityManager,
  table: 'oauth_code' | 'oauth_device',
  digest: Buffer,
  grant: string,
  now: Date,
): Promise<boolean> {
  const ofCode = `from ${table} x join`;
  const hex = digest.toString('hex');
  const rows = await tx.execute<unknown[]>(
    `with who as materialized (
       select x.digest ${ofCode} identity_user u on u.id = x.principal_id and u.is_active and u.password_epoch = x.password_epoch
       where x.digest = decode(?, 'hex') for share of u
     ), live as materialized (
       select s.id ${ofCode} identity_session s on s.id = x.session_id and s.ended_at is null where x.digest = decode(?, 'hex') for share of s
     ) update ${table} x set consumed_at = ?, grant_id = ? from who
       where x.digest = who.digest and x.consumed_at is null and x.expires_at > ? and (x.is_offline or exists (select from live)) returning 1`,
    [hex, hex, now, grant, now],
  );
  return rows.length === 1;
}
