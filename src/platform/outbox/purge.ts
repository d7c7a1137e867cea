import { type Database, purgeRows, purgeStatement, type Statement } from '../database/index.ts';
import { plusSeconds } from '../time.ts';

/** How long deliveries that are done or given up stay visible to operators. */
const RETENTION_SECONDS = 7 * 86_400;

const purgeDone = purgeStatement('platform-purge-outbox', 'platform_outbox', 'id', 'done_at < $1::timestamptz');

/** A topic with deliveries that are held. */
export interface HeldTopic {
  readonly topic: string;
  /** The view of what holds them, with the column `id`. */
  readonly holders: (alias: string) => string;
}

/** Deliveries whose holder is gone and has never released them. */
function purgeHeld({ topic, holders }: HeldTopic): Statement {
  return {
    name: `platform-purge-outbox-held-${topic}`,
    text: `delete from platform_outbox where id in (
      select d.id from platform_outbox d where d.topic = '${topic}' and d.held_by is not null and d.created_at < $1::timestamptz
        and not exists (select from ${holders('h')} where h.id = d.held_by) limit $2) returning 1 as gone`,
  };
}

/**
 * Deletes deliveries that were done or given up a week ago, and those that nothing will release. A topic whose deliveries are held is to be
 * in the list, or they would stay for ever.
 */
export async function purgeOutbox(db: Database, now: Date, heldTopics: readonly HeldTopic[]): Promise<void> {
  const before = plusSeconds(now, -RETENTION_SECONDS);
  for (const statement of [purgeDone, ...heldTopics.map(purgeHeld)]) await purgeRows(db, statement, before);
}
