import pg from 'pg';
import type { LimitResult } from './result.ts';

const TEXT = 'select id, username, email, is_active from identity_user where username_key = $1';
/** As many at once as the load has connections; the pool is as wide as Signet's. */
const AT_ONCE = 32;
const POOL = 10;

/** Reads one row by a unique key, prepared by name, through the pool of the driver that Signet uses. */
export async function limitSelect(databaseUrl: string, seconds: number): Promise<LimitResult> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: POOL, application_name: 'signet-bench' });
  const { rows } = await pool.query('select username_key from identity_user order by random() limit 1000');
  const keys = rows.map((row) => row.username_key as string);
  let count = 0;
  let isCounted = false;
  let next = 0;
  let isOver = false;
  const one = async () => {
    while (!isOver) {
      const found = await pool.query({ name: 'bench-point', text: TEXT, values: [keys[next++ % keys.length]] });
      if (found.rows.length !== 1) throw new Error('A point select found nothing.');
      if (isCounted) count++;
    }
  };
  const all = Array.from({ length: AT_ONCE }, one);
  await new Promise((resolve) => setTimeout(resolve, 500));
  isCounted = true;
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const took = (performance.now() - began) / 1000;
  isOver = true;
  await Promise.all(all);
  await pool.end();
  return { rate: count / took, microsEach: (took / count) * 1e6 };
}
