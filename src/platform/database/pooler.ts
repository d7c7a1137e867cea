import type pg from 'pg';
import { PinnedClient } from './client.ts';

/** The connection pooler between this process and PostgreSQL. */
export interface Pooler {
  /** `transaction`: each transaction may run on another server connection, which keeps no session state. */
  readonly mode: 'none' | 'transaction';
  /** Whether a statement prepared by name can be used again (PgBouncer since 1.21, with max_prepared_statements). */
  readonly keepsStatements: boolean;
}

/** The values of SIGNET_POOLER. */
export type PoolerSetting = 'auto' | 'none' | 'transaction';

export const NO_POOLER: Pooler = { mode: 'none', keepsStatements: true };

/** Number of probes: a pooler that rotates its connections serves each probe on another one. */
const PROBE_ROUNDS = 4;

/** The codes of PostgreSQL and PgBouncer for a statement name that already exists on this connection, or does not. */
const NAME_CLASHES = ['42P05', '26000'];

export function isNameClash(error: unknown): boolean {
  return NAME_CLASHES.includes((error as { code?: string }).code ?? '');
}

/** A pooler with few connections makes the second probe wait: then there is no result. */
const PROBE_TIMEOUT_MS = 5000;

/**
 * Detects the pooler by probing. PostgreSQL announces the process id of its backend to each connection; behind a pooler that differs from
 * pg_backend_pid(). Then two connections probe in turn: in transaction mode both meet the same backend, and a pooler that does not track
 * names reports to the second that its name exists.
 */
export async function findPooler(url: string, setting: PoolerSetting): Promise<Pooler> {
  const first = await connect(url);
  try {
    const announcedId = (first as unknown as { processID: number }).processID;
    if (setting === 'none' || (setting === 'auto' && announcedId === (await readBackendId(first)))) return NO_POOLER;
    const second = await connect(url);
    try {
      return await probeInTurns(first, second, setting === 'transaction');
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}

async function probeInTurns(first: pg.Client, second: pg.Client, isTransaction: boolean): Promise<Pooler> {
  const untracked: Pooler = { mode: 'transaction', keepsStatements: false };
  const backends: [Set<number>, Set<number>] = [new Set(), new Set()];
  try {
    for (let round = 0; round < PROBE_ROUNDS; round++) {
      backends[0].add(await readBackendId(first, 'signet-pooler'));
      backends[1].add(await readBackendId(second, 'signet-pooler'));
    }
  } catch (error) {
    if (isNameClash(error)) return untracked;
    throw error;
  }
  const hasShared = [...backends[0]].some((one) => backends[1].has(one));
  if (hasShared) return { mode: 'transaction', keepsStatements: true };
  if (backends[0].size > 1 || isTransaction) return untracked;
  return NO_POOLER;
}

async function readBackendId(client: pg.Client, name?: string): Promise<number> {
  const text = 'select pg_catalog.pg_backend_pid() as pid';
  const { rows } = await client.query<{ pid: number }>(name === undefined ? { text } : { name, text });
  return rows[0]?.pid as number;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new PinnedClient({
    connectionString: url,
    application_name: 'signet',
    query_timeout: PROBE_TIMEOUT_MS,
  });
  // The error also rejects the pending query.
  client.on('error', () => {});
  await client.connect();
  return client;
}
