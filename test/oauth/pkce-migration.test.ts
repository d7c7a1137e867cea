import { PkceAndRepeats } from '../../src/migrations/0012-pkce-and-repeats.ts';
import { Client, createClient } from '../../src/oauth/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  await t.test('docs/clients.md: a client that was free of PKCE before there were three states is off', async (t) => {
    const ids: string[] = [];
    for (const settings of [
      '{"requirePkce": false, "defaultMaxAge": 60}',
      '{"requirePkce": true}',
      '{"dpopBound": true}',
    ]) {
      const given = { name: `client ${ids.length}`, preset: 'web', redirectUris: ['https://app.example/cb'] } as const;
      const { client } = await createClient(db.fork(), audit(), given);
      ids.push(client.id);
      await db.fork().execute('update oauth_client set settings = ?::jsonb where id = ?', [settings, client.id]);
    }
    const migration = new PkceAndRepeats(db.fork().getDriver() as never, db.fork().config as never);
    migration.up();
    const [query] = migration.getQueries();
    await db.fork().execute(String(query));
    const stored = await Promise.all(ids.map(async (id) => (await db.fork().findOneOrFail(Client, id)).settings));
    t.same(stored, [{ pkce: 'off', defaultMaxAge: 60 }, {}, { dpopBound: true }]);
  });
});
