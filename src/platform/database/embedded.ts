import { PGlite } from '@electric-sql/pglite';
import { MikroORM } from '@mikro-orm/pglite';
import { createPostgreSqlTypeParsers } from '@mikro-orm/sql';
import type { Database } from './database.ts';
import { createMigrations } from './migrations.ts';
import { type Model, ormOptions } from './options.ts';
import { NO_POOLER } from './pooler.ts';
import { NO_ROLE_DEFAULTS } from './role-defaults.ts';
import { SESSION_SETTINGS, settingStatement } from './session-settings.ts';

export interface EmbeddedPlace {
  /** Folder of the database; absent = in memory, for tests. The caller holds the folder's lock. */
  readonly dataDir?: string;
  /** A dumped data folder to begin with instead of an empty one. */
  readonly template?: Blob;
}

/**
 * PostgreSQL in this process (PGlite). It has one connection and no lock of its own: two processes on one folder lose rows,
 * which is why `lock.ts` exists.
 */
export async function openEmbedded(place: EmbeddedPlace, model: Model): Promise<Database & { dump(): Promise<Blob> }> {
  const pglite = await PGlite.create({
    dataDir: place.dataDir ?? 'memory://',
    ...(place.template ? { loadDataDir: place.template } : {}),
    // What the ORM would set on an engine that it opens itself: times stay text until it reads them. (Arrays of times are nowhere.)
    parsers: createPostgreSqlTypeParsers((text) => [text]),
  });
  // The folder may come from elsewhere, with defaults of its own.
  await pglite.query(settingStatement('commands', SESSION_SETTINGS));
  const orm = await MikroORM.init({ ...ormOptions(model), dbName: 'signet', driverOptions: { pglite: () => pglite } });
  return {
    engine: 'embedded',
    pooler: NO_POOLER,
    fork: () => orm.em.fork({ useContext: true }) as never,
    query: async (statement, values) => (await pglite.query(statement.text, values as unknown[])).rows as never,
    listen: async (channel, heard) => pglite.listen(channel, heard),
    // The folder's lock stands for the migration lock: no other process is here.
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
