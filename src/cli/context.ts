import { availableParallelism } from 'node:os';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Passwords } from '../passwords/index.ts';
import { type Config, readIssuer, readMasterKey } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import { type Clock, systemClock } from '../platform/time.ts';
import { createConfiguredPasswords } from '../server/options.ts';
import type { RunCommand, ServerResources } from '../server/serve.ts';
import { createKeyRing, type KeyRing, openKeys } from '../tokens/index.ts';
import type { Command, Context } from './command.ts';
import { execute, failed } from './execute.ts';

/** Creates the context of a command. `actor` is the id of the operating system user; a running server passes `resources`. */
export function createContext(
  config: Config,
  db: Database,
  actor: string,
  progress: (line: string) => void,
  resources?: ServerResources,
): Context {
  const clock: Clock = systemClock;
  const masterKey = () => {
    const key = resources?.masterKey ?? readMasterKey(config);
    if (!key)
      throw new Failure(
        'failed',
        `There is no master key in ${config.keysDir}. Set SIGNET_MASTER_KEY_FILE, or make a key: npx signet migrate`,
      );
    return key;
  };
  let passwords: Promise<Passwords> | undefined;
  let keys: Promise<KeyRing> | undefined;
  return {
    config,
    db,
    clock,
    audit: () => ({ at: clock.now(), actor: { kind: 'cli', id: actor, label: `cli:${actor}` } }),
    issuer: () => resources?.issuer ?? readIssuer(config),
    masterKey,
    passwords: () => {
      passwords ??= resources
        ? Promise.resolve(resources.passwords)
        : createConfiguredPasswords(config, availableParallelism());
      return passwords;
    },
    keys: () => {
      keys ??= resources
        ? Promise.resolve(resources.keys)
        : createKeyRing((open) => openKeys(db.fork(), masterKey(), open));
      return keys;
    },
    progress,
  };
}

/** Unique and foreign key violations, serialization failure, deadlock (PostgreSQL appendix A). */
const CONCURRENCY_CODES = ['23505', '23503', '40001', '40P01'];

/**
 * Runs a change in one transaction. `work` uses only the given unit of work, because the embedded database has one connection. A concurrent
 * change becomes a conflict.
 */
export async function transaction<T>(context: Context, work: (tx: SqlEntityManager) => Promise<T>): Promise<T> {
  try {
    return await context.db.fork().transactional(work);
  } catch (error) {
    if (!CONCURRENCY_CODES.includes((error as { code?: string }).code ?? '')) throw error;
    throw new Failure(
      'conflict',
      'Another change of the same data came first. Nothing was changed. Run the command again.',
    );
  }
}

/** Returns the function that runs commands of other processes in the server that owns the embedded database. */
export function createCommandRunner(commands: readonly Command[], config: Config): RunCommand {
  return async (db, resources, request, progress) => {
    const command = commands.find((one) => one.name === request.name);
    if (command?.kind !== 'database') {
      const message = `The running server has no command "${request.name}": it is another version. Restart it, then run the command again.`;
      return failed(new Failure('failed', message), request.isJson);
    }
    return execute(
      command,
      createContext(config, db, request.actor, progress, resources),
      request.input,
      request.isJson,
    );
  };
}
