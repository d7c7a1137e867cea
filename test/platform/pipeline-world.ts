import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import pg from 'pg';
import type { Test } from 'tap';
import { hotSelect } from '../../src/platform/database/index.ts';
import { openPipeline, type PipelineOptions } from '../../src/platform/database/pipeline.ts';
import { createTestPostgresql, postgresqlUrl } from '../support/database.ts';

export const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;

export const echo = hotSelect('test-echo', 'select $1::text as canary, n from generate_series(1, $2::int) n');
export const sleep = hotSelect('test-sleep', 'select $1::text as canary, pg_sleep($2::float8)::text as slept');

/** Opens a pipeline, with a pool of the driver that records what it runs. */
export async function open(t: Test, overrides: Partial<PipelineOptions> = {}) {
  const { url, drop } = await createTestPostgresql();
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  const onPool: string[] = [];
  const pipeline = await openPipeline({
    client: { connectionString: url, application_name: 'pipeline' },
    connections: 2,
    onPool: async (statement, values) => {
      onPool.push(String(values[0]));
      return (await pool.query({ ...statement, values: values as unknown[] })).rows;
    },
    ...overrides,
  });
  const administrator = new pg.Client({ connectionString: url });
  await administrator.connect();
  t.teardown(async () => {
    await pipeline.close();
    await pool.end();
    await administrator.end();
    await drop();
  });
  return { url, pipeline, onPool, administrator };
}

/** Waits until a condition holds; tap's timeout ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

export const backends = `select pid from pg_stat_activity where application_name = 'pipeline' and datname = current_database()`;

/** Forwards to PostgreSQL what `accepts` accepts, and closes only when both sides have. */
export async function startProxy(t: Test, url: string, accepts: (bytes: Buffer) => boolean) {
  const { port, hostname } = new URL(url);
  const accepted = new Set<Socket>();
  const proxy = createServer({ allowHalfOpen: true }, (socket) => {
    const onward = tcpConnect(Number(port || 5432), hostname);
    for (const one of [socket, onward]) one.on('error', () => {});
    socket.on('data', (bytes) => accepts(bytes) && onward.write(bytes)).on('close', () => onward.destroy());
    onward.on('data', (bytes) => socket.write(bytes)).on('close', () => socket.destroy());
    accepted.add(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const one of accepted) one.destroy();
    proxy.close();
  });
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((proxy.address() as { port: number }).port);
  return { url: through.href, accepted };
}
