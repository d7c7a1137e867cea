import { makeUnusable } from '../../src/passwords/index.ts';
import { type Database, PURGE_BATCH, PURGE_ROUNDS, purgeRows } from '../../src/platform/database/index.ts';
import { purgeSessions } from '../../src/sessions/index.ts';
import { purgeExpired } from '../../src/signin/index.ts';
import { purgeTokens } from '../../src/tokens/index.ts';
import { createUser, type User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';

const now = new Date('2026-11-22T12:00:00Z');
const DAY = 86_400;
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

async function count(db: Database, table: string): Promise<number> {
  const [row] = await db.fork().execute<{ count: number }[]>(`select count(*)::int as count from ${table}`);
  return row?.count ?? 0;
}

/** Inserts rows, each with its own digest. */
async function fill(db: Database, statement: string, rows: number, ...values: unknown[]): Promise<void> {
  await db.fork().execute(`${statement} from generate_series(1, ?) as n`, [...values, rows]);
}

await onEachEngine(t, async (t, db) => {
  const user = (await createUser(db.fork(), audit(), { username: 'ada', password: makeUnusable() })) as User;
  const digest = "sha256(convert_to(? || n::text, 'UTF8'))";
  const networks = `insert into signin_familiar_network (user_id, network_digest, last_success_at) select ?::uuid, ${digest}, ?::timestamptz`;
  const throttles = `insert into signin_throttle (key_digest, failures, max_failures, window_started_at, expires_at) select ${digest}, 1, 1, ?::timestamptz, ?::timestamptz`;
  const sessions = `insert into sessions_session (id, token_digest, user_id, password_epoch, auth_time, amr, created_at, last_seen_at, idle_expires_at, expires_at)
    select gen_random_uuid(), ${digest}, ?::uuid, 1, ?::timestamptz, '{pwd}', now(), now(), now(), ?::timestamptz`;
  const revoked = 'insert into tokens_revoked (jti, expires_at) select gen_random_uuid(), ?::timestamptz';

  await t.test('contract: what has expired is purged, what has not stays', async (t) => {
    await fill(db, networks, 3, user.id, 'old', ago(91 * DAY));
    await fill(db, networks, 2, user.id, 'new', ago(89 * DAY));
    await fill(db, throttles, 3, 'old', ago(900), ago(1));
    await fill(db, throttles, 2, 'new', now, ago(-900));
    await fill(db, sessions, 3, 'old', user.id, ago(9 * DAY), ago(8 * DAY));
    await fill(db, sessions, 2, 'new', user.id, ago(9 * DAY), ago(6 * DAY));
    await fill(db, revoked, 3, ago(301));
    await fill(db, revoked, 2, ago(299));
    await purgeExpired(db, now);
    t.equal(await count(db, 'tokens_revoked'), 5, 'each room purges its own');
    await purgeTokens(db, now);
    await purgeSessions(db, now);
    for (const table of ['signin_familiar_network', 'signin_throttle', 'tokens_revoked', 'sessions_session'])
      t.equal(await count(db, table), 2, table);
  });

  await t.test('contract: a run repeats batches until one comes back short', async (t) => {
    await fill(db, revoked, 2 * PURGE_BATCH + 7, ago(DAY));
    await fill(db, networks, PURGE_BATCH + 1, user.id, 'many', ago(91 * DAY));
    await purgeTokens(db, now);
    await purgeExpired(db, now);
    t.equal(await count(db, 'tokens_revoked'), 2);
    t.equal(await count(db, 'signin_familiar_network'), 2);
  });

  await t.test('contract: batches are bounded, and so are the rounds of a run', async (t) => {
    const batches: number[] = [];
    const counted: Pick<Database, 'query'> = {
      query: async (_statement, values) => {
        batches.push(values[1] as number);
        return Array.from({ length: PURGE_BATCH }) as never;
      },
    };
    t.equal(await purgeRows(counted as Database, { name: 'x', text: '' }, now), PURGE_BATCH * PURGE_ROUNDS);
    t.same(batches, Array(20).fill(1000), 'and the next run goes on');
  });

  await t.test('contract: two processes that purge at once do not hinder each other', async (t) => {
    await fill(db, revoked, 2 * PURGE_BATCH, ago(DAY));
    await Promise.all([purgeTokens(db, now), purgeTokens(db, now), purgeExpired(db, now), purgeExpired(db, now)]);
    await purgeTokens(db, now);
    t.equal(await count(db, 'tokens_revoked'), 2);
  });
});
