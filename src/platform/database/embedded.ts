import { AsyncResource } from 'node:async_hooks';
import { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/pglite';
import { createPostgreSqlTypeParsers } from '@mikro-orm/sql';
import type { Database } from './database.ts';
import { createMigrations } from './migrations.ts';
import { type Model, ormOptions } from './options.ts';
import { NO_POOLER } from './pooler.ts';
import { NO_ROLE_DEFAULTS } from './role-defaults.ts';
import { SESSION_SETTINGS, settingStatement } from './session-settings.ts';

export interface EmbeddedOptions {
  /** Folder of the database, whose lock the caller owns; absent = in memory, for tests. */
  readonly dataDir?: string;
  /** A dumped data folder to start from instead of an empty one. */
  readonly template?: Blob;
}

/**
 * Opens PostgreSQL in this process (PGlite). It has one connection and no lock: two processes on one folder lose rows, which is why
 * `lock.ts` exists.
 */
export async function openEmbedded(
  options: EmbeddedOptions,
  model: Model,
): Promise<Database & { dump(): Promise<Blob> }> {
  const pglite = await PGlite.create({
    dataDir: options.dataDir ?? 'memory://',
    ...(options.template ? { loadDataDir: options.template } : {}),
    // The parsers that the ORM would set if it opened the engine: times stay text until it reads them. (No column is an array of times.)
    parsers: createPostgreSqlTypeParsers((text) => [text]),
  });
  // The folder may come from another server with other defaults.
  await pglite.query(settingStatement('commands', SESSION_SETTINGS));
  const orm = await MikroORM.init({ ...ormOptions(model), dbName: 'signet', driverOptions: { pglite: () => pglite } });
  return {
    engine: 'embedded',
    pooler: NO_POOLER,
    fork: () => orm.em.fork({ useContext: true }) as never,
    query: async (statement, values) => (await pglite.query(statement.text, values as unknown[])).rows as never,
    // The engine calls `onNotify` in the async context of the transaction that commits, and the ORM would make a transaction of the
    // listener a part of that one.
    listen: async (channel, onNotify) => pglite.listen(channel, AsyncResource.bind(onNotify)),
    // The folder's lock replaces the migration lock: no other process uses this folder.
    migrations: createMigrations(orm, model, (work) => work()),
    writeRoleDefaults: async () => NO_ROLE_DEFAULTS,
    connections: () => null,
    close: async () => {
      await orm.close(true);
      await pglite.close();
    },
    dump: () => pglite.dumpDataDir('none'),
  };
}
