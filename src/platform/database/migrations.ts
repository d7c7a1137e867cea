import type { MikroORM, Transaction } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Failure } from '../errors.ts';
import type { Migrations } from './database.ts';
import { type Model, migrationNames } from './options.ts';

const OLD_DATABASE =
  'A version of Signet before its first release made this database. It cannot be upgraded. Use an empty database; on a laptop, delete the data folder.';

/**
 * The ORM's migrator under a lock of ours: it has none, and two that run at once break each other. What is pending is read by
 * ourselves, because the migrator would make its table, and the database, to answer that.
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
    if (model.predecessor !== undefined && applied.has(model.predecessor)) throw new Failure('failed', OLD_DATABASE);
    return names.filter((name) => !applied.has(name));
  };
  return {
    count: names.length,
    pending,
    apply: () =>
      underLock(async () => {
        const todo = await pending();
        if (todo.length === 0) return todo;
        // Makes the migrator's table first: on the embedded engine nothing else runs beside a transaction.
        await orm.migrator.getExecuted();
        // In a transaction of ours: those that the migrator begins are told to no subscriber, and so would keep the limits of time of a role
        // behind a pooler.
        await orm.em
          .fork()
          .transactional((tx) => orm.migrator.up({ transaction: tx.getTransactionContext() as Transaction }));
        return todo;
      }),
    drift: async () => (await orm.schema.getUpdateSchemaSQL({ wrap: false })).trim(),
  };
}
