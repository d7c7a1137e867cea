import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  t.equal(await db.migrations.drift(), '', 'the migrations make exactly the schema that the entities state');
  t.same(await db.migrations.pending(), [], 'and leave none pending');
});
