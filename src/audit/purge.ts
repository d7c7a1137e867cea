import { setImmediate } from 'node:timers/promises';
import { type Database, PURGE_BATCH, PURGE_ROUNDS, type Statement } from '../platform/database/index.ts';

const DAY_MS = 86_400_000;

/** A batch goes and is added to the event of its run ($4; null: the run's first) in one statement: nothing goes unsaid. */
const statement: Statement = {
  name: 'audit-purge-events',
  text: `with gone as (
    delete from audit_event where id in (
      select id from audit_event where at < $1::timestamptz order by at limit $2 for update skip locked) returning 1
  ), counted as (
    select count(*)::int as count from gone
  ), first as (
    insert into audit_event (at, kind, detail)
    select $3::timestamptz, 'events_purged', jsonb_build_object('count', count, 'before', $5::text)
    from counted where count > 0 and $4::bigint is null returning id
  ), further as (
    update audit_event set detail = jsonb_set(detail, '{count}', to_jsonb((detail->>'count')::int + counted.count))
    from counted where id = $4::bigint and counted.count > 0
  )
  select count, coalesce($4::bigint, (select id from first))::text as event from counted`,
};

interface Purged {
  readonly count: number;
  readonly event: string | null;
}

/**
 * Deletes the security events that are older than so many whole days (UTC), in bounded batches, and writes one event that says how
 * many went and up to when; answers how many. Whole days, so that this is said once a day. The edit log is never purged.
 */
export async function purgeEvents(db: Database, now: Date, keptDays: number): Promise<number> {
  const today = Math.floor(now.getTime() / DAY_MS);
  const before = new Date((today - keptDays) * DAY_MS);
  let purged = 0;
  let event: string | null = null;
  for (let round = 0; round < PURGE_ROUNDS; round++) {
    const [row]: Purged[] = await db.query<Purged>(statement, [before, PURGE_BATCH, now, event, before.toISOString()]);
    const { count, event: told } = row as Purged;
    event = told;
    purged += count;
    if (count < PURGE_BATCH) break;
    // As in purgeRows: requests are served between two batches, on the embedded engine too.
    await setImmediate();
  }
  return purged;
}
