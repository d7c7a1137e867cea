import type { MikroORM } from '@mikro-orm/core';
import type { Migrations } from './database.ts';

/** The ORM's migrator under a lock of ours: it has none, and two that run at once break each other. */
export function migrationsOf(
  orm: MikroORM,
  count: number,
  underLock: <T>(work: () => Promise<T>) => Promise<T>,
): Migrations {
  const pending = async () => (await orm.migrator.getPending()).map((one) => one.name);
  return {
    count,
    pending,
    apply: () =>
      underLock(async () => {
        const names = await pending();
        if (names.length > 0) await orm.migrator.up();
        return names;
      }),
    drift: async () => (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(),
  };
}
