import type { Database } from '../../src/platform/database/index.ts';

/** Waits until this many statements wait for a lock on PostgreSQL. */
export async function waitForLocks(db: Database, count = 1): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const [row] = await db.query<{ n: number }>(
      {
        name: 'test-waiting',
        text: `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      },
      [],
    );
    if ((row?.n ?? 0) >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
