import { digest, newSecret } from '../../src/platform/digest.ts';
import { query } from '../postgresql.ts';

export interface SeededCodes {
  /** The public one. */
  readonly clientId: string;
  readonly audience: string;
  readonly scope: string;
  readonly redirectUri: string;
  readonly codeChallenge: string;
}

/** Rows that one statement inserts. */
const AT_ONCE = 10_000;

/**
 * Authorization codes as `issueCode` makes them for a first-party client, spread over every live session, but good for an hour
 * instead of a minute: made in bulk beforehand, so that only what redeems them is measured.
 */
export async function seedCodes(databaseUrl: string, count: number, of: SeededCodes): Promise<string[]> {
  const codes = Array.from({ length: count }, newSecret);
  for (let from = 0; from < count; from += AT_ONCE) {
    const digests = codes.slice(from, from + AT_ONCE).map(digest);
    await query(
      databaseUrl,
      `insert into oauth_code (digest, client_id, principal_id, password_epoch, session_id, auth_time, amr, api_id, scope,
         redirect_uri, code_challenge, expires_at)
       select d.digest, c.id, s.user_id, s.password_epoch, s.id, s.auth_time, s.amr, a.id, $4, $5, $6, now() + interval '1 hour'
       from unnest($1::bytea[]) with ordinality d(digest, n)
       join (select *, row_number() over (order by id) - 1 as n, count(*) over () as total from sessions_session
         where ended_at is null) s on s.n = d.n % s.total
       join oauth_client c on c.client_id = $2 join permissions_api a on a.audience = $3`,
      [digests, of.clientId, of.audience, of.scope, of.redirectUri, of.codeChallenge],
    );
  }
  return codes;
}

/** How many codes of a client were redeemed, and how many grants they opened. */
export async function redeemedOf(databaseUrl: string, clientId: string): Promise<number> {
  const [row] = await query(
    databaseUrl,
    `select count(*)::float8 as codes, count(g.id)::float8 as grants from oauth_code x join oauth_client c on c.id = x.client_id
      left join tokens_grant g on g.id = x.grant_id and g.ended_at is null where c.client_id = $1 and x.consumed_at is not null`,
    [clientId],
  );
  const { codes, grants } = row as { codes: number; grants: number };
  if (codes !== grants) throw new Error(`${codes} codes were redeemed, and ${grants} grants live of them.`);
  return codes;
}
