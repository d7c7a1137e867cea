import pg from 'pg';
import type { LimitResult } from './result.ts';

/** As the load has connections; the pool is as wide as Signet's. */
const AT_ONCE = 32;
const POOL = 10;
const WARM_UP_MS = 500;

interface Query {
  readonly name: string;
  readonly text: string;
  values(nth: number): unknown[];
}

/** Reads one row by a unique key, prepared by name, through the pool of the driver that Signet uses. */
export async function limitSelect(databaseUrl: string, seconds: number): Promise<LimitResult> {
  const pool = openPool(databaseUrl);
  const { rows } = await pool.query('select username_key from users_user order by random() limit 1000');
  return measure(pool, seconds, {
    name: 'bench-point',
    text: 'select id, username, email, is_active from users_user where username_key = $1',
    values: (nth) => [rows[nth % rows.length].username_key],
  });
}

/** One row changed by its key and durable when it is answered, in a table that has nothing else; one row for each that writes. */
export async function limitUpdate(databaseUrl: string, seconds: number): Promise<LimitResult> {
  const pool = openPool(databaseUrl);
  await pool.query('create table if not exists bench_update (id int primary key, generation int not null)');
  await pool.query('insert into bench_update select n, 0 from generate_series(0, $1 - 1) as n on conflict do nothing', [
    AT_ONCE,
  ]);
  return measure(pool, seconds, {
    name: 'bench-update',
    text: 'update bench_update set generation = generation + 1 where id = $1 returning generation',
    values: (nth) => [nth % AT_ONCE],
  });
}

function openPool(databaseUrl: string): pg.Pool {
  return new pg.Pool({ connectionString: databaseUrl, max: POOL, application_name: 'signet-bench' });
}

async function measure(pool: pg.Pool, seconds: number, { name, text, values }: Query): Promise<LimitResult> {
  const result = await measureQueries(
    seconds,
    async (nth) => (await pool.query({ name, text, values: values(nth) })).rows.length,
  );
  await pool.end();
  return result;
}

/** Runs as many queries at once as the load has connections. `run` returns the number of rows, which is one. */
export async function measureQueries(seconds: number, run: (nth: number) => Promise<number>): Promise<LimitResult> {
  let count = 0;
  let isCounted = false;
  let next = 0;
  let isOver = false;
  const one = async () => {
    while (!isOver) {
      if ((await run(next++)) !== 1) throw new Error('A statement did not find its row.');
      if (isCounted) count++;
    }
  };
  const all = Array.from({ length: AT_ONCE }, one);
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  isCounted = true;
  const before = process.cpuUsage();
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  isOver = true;
  await Promise.all(all);
  return { rate: count / took, microsEach: (user + system) / count, statements: next };
}
