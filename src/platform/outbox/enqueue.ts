import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { placeholders } from '../database/index.ts';

interface NewDelivery {
  /** Absent: generated. */
  readonly id?: string;
  /** The kind of delivery, named by its room: `oauth.logout`. */
  readonly topic: string;
  /** Whom it goes to; each target of a topic has its own share of the attempts. */
  readonly target: string;
  readonly payload: object;
  /** What it waits for; absent: it is due at once. */
  readonly heldBy?: string;
}

/** Stores a delivery in the caller's transaction. Returns its id. */
export async function enqueue(tx: SqlEntityManager, now: Date, delivery: NewDelivery): Promise<string> {
  const { id = randomUUIDv7(), topic, target, payload, heldBy = null } = delivery;
  await enqueueRows(tx, now, topic, {
    sql: 'select ?::uuid as id, ?::text as target, ?::jsonb as payload, ?::uuid as held_by',
    values: [id, target, JSON.stringify(payload), heldBy],
  });
  return id;
}

/** A query for new deliveries: `id`, `target` (text), `payload` (jsonb) and `held_by` (uuid, or null). */
export interface DeliveryQuery {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Stores a delivery for each row of a query, in the caller's transaction and in one statement. */
export async function enqueueRows(
  tx: SqlEntityManager,
  now: Date,
  topic: string,
  { sql, values }: DeliveryQuery,
): Promise<void> {
  await tx.execute(
    `insert into platform_outbox (id, topic, target, payload, held_by, created_at, next_try_at)
     select d.id, ?, d.target, d.payload, d.held_by, ?, ? from (${sql}) d`,
    [topic, now, now, ...values],
  );
}

/** The holder that takes over the deliveries that have these fields in their payload. */
interface NextHolder {
  readonly id: string;
  readonly payload: object;
}

/** Releases the deliveries of a topic that any of these holds: they are due now, or held by the next holder. */
export async function releaseDeliveries(
  tx: SqlEntityManager,
  now: Date,
  topic: string,
  holders: readonly string[],
  next: NextHolder | null,
): Promise<void> {
  const fields = next && JSON.stringify(next.payload);
  await tx.execute(
    `update platform_outbox set held_by = case when payload @> ?::jsonb then ?::uuid end, next_try_at = ?
     where held_by in (${placeholders(holders.length)}) and topic = ?`,
    [fields, next?.id ?? null, now, ...holders, topic],
  );
}

/** Deletes what is pending for a target that is gone, of every topic, in the caller's transaction. */
export async function deleteDeliveries(tx: SqlEntityManager, target: string): Promise<void> {
  await tx.execute('delete from platform_outbox where target = ? and done_at is null', [target]);
}
