import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  await t.test('docs/decisions/0019: a database of before the first release is refused', async (t) => {
    await db.fork().execute("insert into mikro_orm_migrations (name) values ('0001-first')");
    const refused = { code: 'database_too_old' };
    await t.rejects(db.migrations.pending(), refused);
    await t.rejects(db.migrations.apply(), refused);
    await db.fork().execute("delete from mikro_orm_migrations where name = '0001-first'");
  });

  t.equal(await db.migrations.drift(), '', 'the migrations make exactly the schema that the entities state');
  t.same(await db.migrations.pending(), [], 'and leave none pending');
});
