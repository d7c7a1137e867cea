import { redirectRules } from '../../src/cli/commands/client-options.ts';
import { createContext } from '../../src/cli/context.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { checkClients } from '../../src/cli/doctor/clients.ts';
import { execute } from '../../src/cli/execute.ts';
import { storeConsentedClient } from '../../src/oauth/documents/store-client.ts';
import { getClient } from '../../src/oauth/index.ts';
import { findApi } from '../../src/permissions/index.ts';
import { readConfig } from '../../src/platform/config/index.ts';
import { createDocuments } from '../../src/server/options.ts';
import { onEachEngine } from '../support/database.ts';
import { masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { databaseCommand, GOOD_PASSWORD, openCliHarness } from './harness.ts';

// docs/clients.md, docs/guides/mcp.md: a setting that was taken away ends no client; `signet doctor` names those that it would not admit.

const WIDE = {
  SIGNET_ISSUER: 'https://id.test',
  SIGNET_REDIRECT_SCHEMES: 'cursor,vscode',
  SIGNET_CLIENT_METADATA_HOSTS: 'claude.test,gone.test:8443',
  SIGNET_CLIENT_METADATA_APIS: 'polls,news',
};

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db, { SIGNET_REDIRECT_SCHEMES: WIDE.SIGNET_REDIRECT_SCHEMES });
  for (const api of ['polls', 'news']) await cliHarness.json(`api create ${api}`);
  await cliHarness.json('user create ada --password-stdin', { stdin: GOOD_PASSWORD });
  const contextOf = (given: Record<string, string>) => {
    const base = { SIGNET_ARGON2_MEMORY: '7168', SIGNET_ARGON2_ITERATIONS: '1' };
    const config = readConfig('production', { ...base, SIGNET_MASTER_KEY: masterKey.toString('hex'), ...given });
    return createContext(config, db, '0', () => {});
  };
  const consult = async (given: Record<string, string>) => {
    const context = contextOf(given);
    return checkClients(db, {
      redirectRules: redirectRules(context),
      documents: createDocuments(context.config, context.issuer()),
      documentApis: context.config.clientMetadataApis,
    });
  };
  const document = async (clientId: string, audience: string, redirectUri: string) => {
    const em = db.fork();
    const { id } = (await findApi(em, audience)) as { id: string };
    const client = { clientId, name: 'Tool', redirectUris: [redirectUri], grantTypes: ['authorization_code'] };
    const by = { user: { id: crypto.randomUUID(), username: 'ada' }, api: id };
    await em.transactional((tx) =>
      storeConsentedClient(tx, { ...client, preset: 'mcp', authMethod: 'none' }, by, new Date()),
    );
  };

  await t.test('nothing is said of clients that could be made today', async (t) => {
    await cliHarness.json('client create Site --preset web --redirect-uri https://site.test/cb');
    await cliHarness.json(
      'client create Own --preset native --redirect-uri com.example.app:/cb --redirect-uri http://127.0.0.1/cb',
    );
    await cliHarness.json('client create Editor --preset native --redirect-uri cursor://auth');
    await document('https://claude.test/client.json', 'polls', 'http://127.0.0.1/cb');
    await document('https://gone.test:8443/tool', 'news', 'vscode://tool/cb');
    t.match(await consult(WIDE), [{ status: 'ok' }]);
  });

  await t.test('SIGNET_REDIRECT_SCHEMES: a scheme that was taken away', async (t) => {
    const [one, ...others] = await consult({ ...WIDE, SIGNET_REDIRECT_SCHEMES: 'cursor' });
    t.same(others, []);
    t.match(one, {
      status: 'warn',
      message: /SIGNET_REDIRECT_SCHEMES.*: Tool \(https:\/\/gone\.test:8443\/tool\) at vscode:/,
    });
    const [all] = await consult({ ...WIDE, SIGNET_REDIRECT_SCHEMES: '' });
    t.match(all?.message, /Editor \(c_[\w-]+\) at cursor:\/\/auth, Tool/);
    t.notMatch(all?.message, /Site|Own/);
    t.match(all?.remedy, /client update ID --redirect-uri .*client disable ID/);
  });

  await t.test('SIGNET_CLIENT_METADATA_HOSTS: a host that was taken away, as a client id names it', async (t) => {
    for (const [hosts, found] of [
      ['claude.test', ['gone.test:8443/tool']],
      ['claude.test,gone.test', ['gone.test:8443/tool']],
      ['', ['claude.test/client.json', 'gone.test:8443/tool']],
      ['*', []],
    ] as const) {
      const checks = await consult({ ...WIDE, SIGNET_CLIENT_METADATA_HOSTS: hosts });
      t.equal(checks[0]?.status, found.length === 0 ? 'ok' : 'warn', hosts);
      t.equal(checks.length, 1);
      for (const path of ['claude.test/client.json', 'gone.test:8443/tool'])
        t.equal(checks[0]?.message.includes(path), (found as readonly string[]).includes(path), `${hosts}: ${path}`);
    }
  });

  await t.test('SIGNET_CLIENT_METADATA_APIS: an API that was taken away', async (t) => {
    for (const [apis, pattern] of [
      ['polls', /: Tool \(https:\/\/gone\.test:8443\/tool\) for news\.$/],
      ['', /client\.json\) for polls, Tool .* for news\.$/],
    ] as const) {
      const checks = await consult({ ...WIDE, SIGNET_CLIENT_METADATA_APIS: apis });
      t.match(checks, [{ status: 'warn', message: pattern, remedy: /grant end --client ID/ }], apis);
      t.equal(checks.length, 1);
    }
    t.match(await consult({ ...WIDE, SIGNET_CLIENT_METADATA_APIS: '*' }), [{ status: 'ok' }]);
  });

  await t.test('docs/commands.md: signet doctor says it', async (t) => {
    const given = { positionals: [], options: {}, stdin: null, file: null };
    const told = await execute(
      databaseCommand('doctor'),
      contextOf({ ...WIDE, SIGNET_REDIRECT_SCHEMES: '' }),
      given,
      true,
    );
    const { checks } = JSON.parse(told.stdout) as { checks: Check[] };
    t.match(
      checks.filter((one) => one.name === 'clients'),
      [{ status: 'warn', message: /Editor/ }],
    );
  });

  await t.test('SIGNET_ISSUER: http on loopback of a page, which a server in development admitted', async (t) => {
    await cliHarness.json('client create Page --preset spa --redirect-uri http://localhost:3000/cb');
    t.match(await consult(WIDE), [{ status: 'warn', message: /Page \(c_[\w-]+\) at http:\/\/localhost:3000\/cb/ }]);
    t.match(await consult({ ...WIDE, SIGNET_ISSUER: 'http://localhost:4999' }), [{ status: 'ok' }]);
  });

  await t.test('who is disabled is named no more', async (t) => {
    const nothing = { SIGNET_ISSUER: 'https://id.test' };
    t.equal((await consult(nothing)).length, 3, 'all three');
    const em = db.fork();
    for (const name of ['Editor', 'Page'])
      await cliHarness.json(`client disable ${(await getClient(em, name)).clientId}`);
    for (const id of ['https://claude.test/client.json', 'https://gone.test:8443/tool'])
      await cliHarness.json(`client disable ${id}`);
    t.match(await consult(nothing), [{ status: 'ok' }]);
  });
});
