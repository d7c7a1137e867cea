import type pg from 'pg';
import { PinnedClient } from './client.ts';

/** What stands between this process and PostgreSQL. */
export interface Pooler {
  /** `transaction`: each transaction may run on another connection of PostgreSQL, which keeps nothing of the one before. */
  readonly mode: 'none' | 'transaction';
  /** Whether a statement that was prepared by name is found again (PgBouncer since 1.21, with max_prepared_statements). */
  readonly keepsStatements: boolean;
}

/** The words of SIGNET_POOLER. */
export type PoolerSetting = 'auto' | 'none' | 'transaction';

export const NO_POOLER: Pooler = { mode: 'none', keepsStatements: true };

/** Rounds of asking: a pooler that goes round its connections gives each asker another one. */
const ROUNDS = 4;

/** What PostgreSQL and PgBouncer say to a name that is taken on this connection, or not known on it. */
const NAME_CLASHES = ['42P05', '26000'];

export function isNameClash(error: unknown): boolean {
  return NAME_CLASHES.includes((error as { code?: string }).code ?? '');
}

/** A pooler that lets only few in at once keeps the second asker waiting: it is no answer then. */
const ANSWER_MS = 5000;

/**
 * Finds out by asking. PostgreSQL tells each connection the number of the process that serves it; behind a pooler that is
 * another one than the process says itself. Then two connections ask in turns: in transaction mode both meet the same process, and
 * a pooler that does not follow names answers the second that its name is taken.
 */
export async function findPooler(url: string, setting: PoolerSetting): Promise<Pooler> {
  const first = await connect(url);
  try {
    const own = (first as unknown as { processID: number }).processID;
    if (setting === 'none' || (setting === 'auto' && own === (await readBackendId(first)))) return NO_POOLER;
    const second = await connect(url);
    try {
      return await askInTurns(first, second, setting === 'transaction');
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}

async function askInTurns(first: pg.Client, second: pg.Client, isTransaction: boolean): Promise<Pooler> {
  const without: Pooler = { mode: 'transaction', keepsStatements: false };
  const met: [Set<number>, Set<number>] = [new Set(), new Set()];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      met[0].add(await readBackendId(first, 'signet-pooler'));
      met[1].add(await readBackendId(second, 'signet-pooler'));
    }
  } catch (error) {
    if (isNameClash(error)) return without;
    throw error;
  }
  const hasShared = [...met[0]].some((one) => met[1].has(one));
  if (hasShared) return { mode: 'transaction', keepsStatements: true };
  if (met[0].size > 1 || isTransaction) return without;
  return NO_POOLER;
}

async function readBackendId(client: pg.Client, name?: string): Promise<number> {
  const text = 'select pg_catalog.pg_backend_pid() as pid';
  const { rows } = await client.query<{ pid: number }>(name === undefined ? { text } : { name, text });
  return rows[0]?.pid as number;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new PinnedClient({ connectionString: url, application_name: 'signet', query_timeout: ANSWER_MS });
  // Whoever waits for an answer is told by it.
  client.on('error', () => {});
  await client.connect();
  return client;
}
