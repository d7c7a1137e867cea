import type { MikroORM, Transaction } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Migrations } from './database.ts';
import { databaseError } from './errors.ts';
import { type Model, migrationNames } from './options.ts';

/**
 * Runs the ORM's migrator under Signet's lock: it has none, and two concurrent runs break each other. Pending migrations are read directly,
 * because the migrator would create its table, and the database, to list them. Throws `database_too_old`.
 */
export function createMigrations(
  orm: MikroORM,
  model: Model,
  underLock: <T>(work: () => Promise<T>) => Promise<T>,
): Migrations {
  const names = migrationNames(model);
  const pending = async () => {
    const em = orm.em.fork() as unknown as SqlEntityManager;
    const [found] = await em.execute<{ there: boolean }[]>(
      "select to_regclass('mikro_orm_migrations') is not null as there",
    );
    if (!found?.there) return [...names];
    const rows = await em.execute<{ name: string }[]>('select name from mikro_orm_migrations');
    const applied = new Set(rows.map((row) => row.name));
    if (model.predecessor !== undefined && applied.has(model.predecessor)) throw databaseError('database_too_old');
    return names.filter((name) => !applied.has(name));
  };
  return {
    count: names.length,
    pending,
    apply: () =>
      underLock(async () => {
        const todo = await pending();
        if (todo.length === 0) return todo;
        // Creates the migrator's table first: on the embedded engine nothing else can run during a transaction.
        await orm.migrator.getExecuted();
        // In our own transaction: the migrator's would skip the event subscribers, and so keep the role's timeouts behind a pooler.
        await orm.em
          .fork()
          .transactional((tx) => orm.migrator.up({ transaction: tx.getTransactionContext() as Transaction }));
        return todo;
      }),
    drift: async () => (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(),
  };
}
