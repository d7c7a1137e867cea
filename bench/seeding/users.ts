import pg from 'pg';
import { say } from '../workspace.ts';

const BATCH = 50_000;

/**
 * Users `u1`, `u2` … with the password of the user `bench`, by set-based statements: hashing a million passwords would take hours,
 * and a login verifies the same work whoever shares the hash. Ids are UUIDv7, as Signet makes them.
 */
export async function insertUsers(databaseUrl: string, count: number, first = 1): Promise<void> {
  await inBatches(databaseUrl, 'users', { first, last: count }, async (client, from, to) => {
    await client.query(
      `with made as (
        select n, ${uuidV7()} as id from generate_series($1::int, $2::int) as n
      ), principals as (
        insert into permissions_principal (id, kind) select id, 'user' from made
      ) insert into users_user (id, username, username_key, email, email_key, password, date_joined, attributes)
        select made.id, 'u' || n, 'u' || n, 'u' || n || '@bench.example', 'u' || n || '@bench.example', b.password,
          now() - make_interval(secs => $3::int - n), '{}'
        from made, (select password from users_user where username_key = 'bench') as b`,
      [from, to, count],
    );
  });
}

/** Runs one statement a batch, in order, and tells how far it is. */
export async function inBatches(
  databaseUrl: string,
  what: string,
  numbers: { first?: number; last: number },
  insert: (client: pg.Client, from: number, to: number) => Promise<void>,
  batch = BATCH,
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'signet-bench' });
  await client.connect();
  try {
    const { first = 1, last } = numbers;
    for (let from = first; from <= last; from += batch) {
      const to = Math.min(last, from + batch - 1);
      await insert(client, from, to);
      if (last - first >= batch) say(`  ${what}: ${to.toLocaleString('en')} of ${last.toLocaleString('en')}`);
    }
  } finally {
    await client.end();
  }
}

/** A UUIDv7 (RFC 9562 §5.7) in SQL that PostgreSQL 15 knows: the milliseconds of now, then random bits. */
export function uuidV7(): string {
  return `(
    lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14, 3)
    || substr(replace(gen_random_uuid()::text, '-', ''), 17, 16)
  )::uuid`;
}
