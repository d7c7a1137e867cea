import { AuditEntry, AuditEvent } from '../../src/audit/index.ts';
import { AuthorizationCode, Consent, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { ClientApi } from '../../src/oauth/entities.ts';
import { Client } from '../../src/oauth/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';
import { standard, startSite } from './document-site.ts';

// docs/login-api.md: a request that fails changes nothing. The effects of a user's consent happen together or not at all.

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const site = await startSite(t);
  site.says(standard);
  /** Runs a function while writes to a table fail. */
  const withFailingWrites = async <T>(table: string, run: () => Promise<T>): Promise<T> => {
    const em = db.fork();
    await em.execute(
      `create function forced() returns trigger language plpgsql as $f$ begin raise exception 'forced' using errcode = '57014'; end $f$`,
    );
    await em.execute(
      `create trigger forced before insert or update on ${table} for each row execute function forced()`,
    );
    try {
      return await run();
    } finally {
      await db.fork().execute(`drop trigger forced on ${table}`);
      await db.fork().execute('drop function forced()');
    }
  };
  const countRows = async () => {
    const em = db.fork();
    const counts = [Client, ClientApi, Consent, AuthorizationCode, AuditEntry, AuditEvent].map((one) =>
      em.count(one as typeof Client),
    );
    return [...(await Promise.all(counts)), await em.count(StoredRequest, { consumedAt: null })];
  };
  const versions = () => db.fork().execute('select sum(perms_version) as all from permissions_principal');

  for (const [kind, getClient] of [
    ['known by a document', () => ({ id: `${site.url}/client`, principal: '', secret: null })],
    ['registered', () => s.third],
  ] as const)
    await t.test(`docs/login-api.md: a yes to a client that is ${kind}`, async (t: Test) => {
      const client = getClient();
      const alice = await s.signedInBrowser();
      const page = await s.ask(alice, client, { prompt: 'consent' });
      t.match(page.response.body, /value="allow"/);
      for (const table of ['oauth_code', 'oauth_consent', 'audit_event']) {
        const before = [await countRows(), await versions()];
        const { response } = await withFailingWrites(table, () => alice.submit(page, { decision: 'allow' }));
        t.equal(response.statusCode, 503, table);
        t.same([await countRows(), await versions()], before, `${table}: nothing is changed`);
      }
      t.match(
        responseParameters(await alice.submit(page, { decision: 'allow' })),
        { code: /./, state: 's-1' },
        'and it can be said again',
      );
    });

  await t.test('docs/login-api.md: approval by a session that ends meanwhile has no effect', async (t) => {
    const client = { id: `${site.url}/late`, principal: '', secret: null };
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, client);
    const before = await countRows();
    // The session ends after the client is stored, and before the code is issued.
    const em = db.fork();
    await em.execute(`create function ending() returns trigger language plpgsql as $f$ begin
      update sessions_session set ended_at = now() where ended_at is null; return new; end $f$`);
    await em.execute('create trigger ending after insert on oauth_client for each row execute function ending()');
    const form = { ...hiddenFields(page.response.body), decision: 'allow' };
    const { response } = await alice.send('POST', page.url, form);
    await db.fork().execute('drop trigger ending on oauth_client');
    t.match([response.statusCode, response.headers.location], [303, /\/login\?next=/], 'the user signs in again');
    t.same(await countRows(), before);
  });
});
