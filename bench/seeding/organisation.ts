import { query } from '../postgresql.ts';
import { inBatches, uuidV7 } from './users.ts';

/** Groups with permissions of one API, and every user in one of them and in `Poll editors`. */
export async function insertGroups(
  databaseUrl: string,
  count: number,
  audience: string,
  permissionsEach: number,
): Promise<void> {
  await query(
    databaseUrl,
    `insert into permissions_group (id, name, name_key)
      select ${uuidV7()}, 'Group ' || n, 'group ' || n from generate_series(1, $1::int) as n`,
    [count],
  );
  await query(
    databaseUrl,
    `with permissions as (
      select p.id, p.index, count(*) over () as total from permissions_permission p join permissions_api a on a.id = p.api_id
      where a.audience_key = $1 and p.removed_version is null
    ), groups as (select id, row_number() over () as n from permissions_group where name_key like 'group %')
    insert into permissions_group_permission (group_id, permission_id)
      select g.id, p.id from groups g, generate_series(0, $2::int - 1) as k, permissions p
      where p.index = (g.n * 7919 + k * 101) % p.total on conflict do nothing`,
    [audience, permissionsEach],
  );
}

export async function insertMembers(databaseUrl: string, users: number): Promise<void> {
  await inBatches(databaseUrl, 'memberships', { last: users }, async (client, from, to) => {
    await client.query(
      `with groups as (
        select id, row_number() over (order by id) as n, count(*) over () as total from permissions_group where name_key like 'group %'
      ), editors as (select id from permissions_group where name = 'Poll editors')
      insert into permissions_group_member (principal_id, group_id)
        select u.id, g.id from generate_series($1::int, $2::int) as n
          join users_user u on u.username_key = 'u' || n
          cross join lateral (
            select id from groups where groups.n = 1 + (n::bigint * 7919) % groups.total union all select id from editors
          ) as g
        on conflict do nothing`,
      [from, to],
    );
  });
}

/** The cookie of the nth session: 43 characters, as Signet's own are, that SQL can make too. */
export function seededToken(n: number): string {
  return `bench-${String(n).padStart(37, '0')}`;
}

/** Live sessions, spread over the users; their tokens are those of seededToken. */
export async function insertSessions(databaseUrl: string, count: number, users: number): Promise<void> {
  await inBatches(databaseUrl, 'sessions', { last: count }, async (client, from, to) => {
    await client.query(
      `insert into sessions_session (id, token_digest, user_id, password_epoch, auth_time, amr, created_at, last_seen_at,
          idle_expires_at, expires_at, ip, user_agent)
        select ${uuidV7()}, sha256(convert_to('bench-' || lpad(n::text, 37, '0'), 'UTF8')), u.id, u.password_epoch,
          now(), '{pwd}', now(), now(), now() + interval '14 days', now() + interval '30 days', '127.0.0.1', 'bench'
        from generate_series($1::int, $2::int) as n join users_user u on u.username_key = 'u' || (1 + n % $3::int)`,
      [from, to, users],
    );
  });
}
