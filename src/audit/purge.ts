import { setImmediate } from 'node:timers/promises';
import { type Database, PURGE_BATCH, PURGE_ROUNDS, type Statement } from '../platform/database/index.ts';

const DAY_MS = 86_400_000;

/** Deletes a batch and adds its count to the event of the run ($4; null for the first batch) in one statement, so no deletion goes unrecorded. */
const statement: Statement = {
  name: 'audit-purge-events',
  text: `with deleted as (
    delete from audit_event where id in (
      select id from audit_event where at < $1::timestamptz order by at limit $2 for update skip locked) returning 1
  ), counted as (
    select count(*)::int as count from deleted
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

interface BatchRow {
  readonly count: number;
  readonly event: string | null;
}

/**
 * Deletes security events older than `retentionDays` whole days (UTC) in bounded batches, and records one event with their number and the cut-off
 * time. Returns the number. Whole days, so that there is one such event a day. The edit log is never purged.
 */
export async function purgeEvents(db: Database, now: Date, retentionDays: number): Promise<number> {
  const today = Math.floor(now.getTime() / DAY_MS);
  const before = new Date((today - retentionDays) * DAY_MS);
  let purged = 0;
  let eventId: string | null = null;
  for (let round = 0; round < PURGE_ROUNDS; round++) {
    const values = [before, PURGE_BATCH, now, eventId, before.toISOString()];
    const [row]: BatchRow[] = await db.query<BatchRow>(statement, values);
    const { count, event } = row as BatchRow;
    eventId = event;
    purged += count;
    if (count < PURGE_BATCH) break;
    // As in purgeRows: lets requests run between batches, also on the embedded engine.
    await setImmediate();
  }
  return purged;
}
