import { AuditEntry } from '../../src/audit/index.ts';
import { AuthorizationCode, Consent, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { clientSettings } from '../../src/oauth/client-settings/index.ts';
import { createClientDocuments, type DocumentRules } from '../../src/oauth/documents/documents.ts';
import { readDocument } from '../../src/oauth/documents/read-document.ts';
import { isDocumentUrl } from '../../src/oauth/documents/url.ts';
import { ClientApi } from '../../src/oauth/entities.ts';
import { Client, deleteClient, readAudiences, updateClient } from '../../src/oauth/index.ts';
import { createApi } from '../../src/permissions/index.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, jwtClaims, VERIFIER } from '../support/flows.ts';
import { audit, startApp, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';
import { standard, startSite } from './document-site.ts';

const rules = { httpsOnly: true, schemes: ['cursor'] };
const URL_OF = 'https://app.example/client.json';

t.test(
  'draft-ietf-oauth-client-id-metadata-document §3: an id is https with a path, in its one normal form',
  async (t) => {
    for (const id of [
      URL_OF,
      'https://app.example:8443/a/b',
      'https://app.example/c?x=1',
      'https://xn--bcher-kva.example/c',
    ])
      t.ok(isDocumentUrl(id, false), id);
    for (const id of [
      ...['c_abc', 'signet', '', 'https://', 'https://app.example', 'https://app.example/', 'http://app.example/c'],
      ...['https://app.example/c#', 'https://app.example/c#x', 'https://a@app.example/c', 'https://a:b@app.example/c'],
      ...[
        'https://app.example/a/../c',
        'https://app.example/./c',
        'https://app.example/%2e%2e/c',
        'https://APP.example/c',
      ],
      ...['HTTPS://app.example/c', 'https://app.example:443/c', 'https://app.example\\c', 'https://app.example/ c'],
      ...[
        'https://bücher.example/c',
        'https://127.1/c',
        'https://app.example/ü',
        'https:app.example/c',
        ' https://a.b/c',
      ],
      ...['javascript://app.example/c', 'file:///c', 'http://localhost/c', `https://app.example/${'x'.repeat(512)}`],
    ])
      t.notOk(isDocumentUrl(id, false), id);
    t.ok(isDocumentUrl('http://localhost:3000/c', true), 'in development: on this machine');
    t.notOk(isDocumentUrl('http://app.example/c', true));
    t.notOk(isDocumentUrl('http://localhost.evil.example/c', true));
  },
);

t.test('draft-ietf-oauth-client-id-metadata-document §4, RFC 7591 §2: what a document may say', async (t) => {
  const read = (more: object, without: string[] = []) => {
    const all = Object.entries({ ...standard(URL_OF), ...more }).filter(([name]) => !without.includes(name));
    return readDocument(URL_OF, Buffer.from(JSON.stringify(Object.fromEntries(all))), rules);
  };
  t.match(read({ unknown: 1 }), { name: 'Assistant', grantTypes: ['authorization_code', 'refresh_token'] });
  t.match(read({}, ['client_name', 'token_endpoint_auth_method', 'grant_types']), {
    name: 'app.example',
    grantTypes: ['authorization_code'],
  });
  t.same(read({ redirect_uris: ['cursor://x/cb'] }).redirectUris, ['cursor://x/cb'], 'SIGNET_REDIRECT_SCHEMES');
  const refused: [object, RegExp][] = [
    [{ client_id: `${URL_OF}/` }, /client_id/],
    [{ client_id: 'https://APP.example/client.json' }, /client_id/],
    [{ client_id: undefined }, /client_id/],
    [{ client_secret: 's' }, /client_secret/],
    [{ client_secret_expires_at: 0 }, /client_secret/],
    [{ redirect_uris: [] }, /no redirect_uris/],
    [{ redirect_uris: CALLBACK }, /redirect_uris/],
    [{ redirect_uris: ['http://app.example/cb'] }, /redirect_uris has an invalid URI: http:/],
    [{ redirect_uris: ['javascript:x'] }, /redirect_uris has an invalid URI: javascript:/],
    [{ redirect_uris: ['other:/cb'] }, /redirect_uris has an invalid URI: other:/],
    [{ client_name: '\u0000' }, /name/],
    [{ client_name: 5 }, /client_name/],
    [{ grant_types: ['client_credentials'] }, /grant_types/],
    [{ response_types: ['token'] }, /response_types/],
    ...['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth'].map(
      (token_endpoint_auth_method): [object, RegExp] => [{ token_endpoint_auth_method }, /token_endpoint_auth_method/],
    ),
  ];
  for (const [more, message] of refused)
    t.throws(() => read(more), { code: 'invalid_client', status: 400, message }, JSON.stringify(more));
  for (const body of ['', '[]', 'null', '"x"', '{', '\ufeff'])
    t.throws(() => readDocument(URL_OF, Buffer.from(body), rules), { message: /JSON/ }, body);
  t.throws(() => readDocument(URL_OF, Buffer.from([0x7b, 0xff, 0x7d]), rules), { message: /JSON/ });
});

t.test('draft-ietf-oauth-client-id-metadata-document §4.4, §6: how documents are fetched and kept', async (t) => {
  const site = await startSite(t);
  const id = `${site.url}/client`;
  site.says(standard);
  const given: DocumentRules = { hosts: ['*'], isDevelopment: true, redirectRules: rules };
  const clock = testClock();
  let counted = 0;
  const count = async () => {
    counted += 1;
  };
  const outcome = (documents = createClientDocuments(given), clientId = id, network = 'one') =>
    documents.load(clientId, clock.now(), { network, beforeFetch: count }).then(
      (one) => one.name,
      (error: Error) => error.message,
    );

  await t.test('no redirects, 200 and JSON alone, 5 KB', async (t) => {
    t.equal(await outcome(), 'Assistant');
    for (const [change, message] of [
      [{ status: 302, headers: { location: `${site.url}/other` } }, /redirect/],
      [{ status: 404 }, /answers 404/],
      [{ status: 201 }, /answers 201/],
      [{ headers: { 'content-type': 'text/html' } }, /application\/json/],
      [{ headers: {} }, /application\/json/],
    ] as const) {
      const before = { status: site.status, headers: site.headers };
      Object.assign(site, change);
      t.match(await outcome(), message);
      Object.assign(site, before);
    }
    site.headers = { 'content-type': 'application/cimd+json; charset=utf-8' };
    t.equal(await outcome(), 'Assistant');
    site.says((url) => ({ ...standard(url), padding: 'x'.repeat(5 * 1024) }));
    t.match(await outcome(), /too large/);
    site.says(standard);
  });

  await t.test('public addresses alone, whatever SIGNET_FETCH_ALLOW opens; hosts as the operator says', async (t) => {
    const before = site.requestCount;
    const inside = async () => [{ address: '127.0.0.1', family: 4 }];
    const documents = createClientDocuments({ ...given, isDevelopment: false }, { resolve: inside });
    t.match(await outcome(documents, 'https://app.example/c'), /not a public one/, 'a name that leads inside');
    t.match(
      await outcome(createClientDocuments({ ...given }, { resolve: inside }), 'https://app.example/c'),
      /not a public one/,
    );
    t.equal(site.requestCount, before);
    const only = createClientDocuments({ ...given, hosts: ['app.example', 'b.example:8443'], isDevelopment: false });
    for (const [clientId, isAdmitted] of [
      [URL_OF, true],
      ['https://b.example:8443/c', true],
      ['https://b.example/c', false],
      ['https://x.app.example/c', false],
      ['https://app.example.evil.example/c', false],
      [id, false],
    ] as const)
      t.equal(only.admits(clientId), isAdmitted, clientId);
    t.notOk(createClientDocuments({ ...given, hosts: [] }).admits(URL_OF), 'off');
  });

  await t.test(
    'RFC 9111 §4.2.1, §5.2.2: counted before each fetch; kept as Cache-Control says within bounds, failures briefly',
    async (t) => {
      for (const [cacheControl, seconds] of [
        [undefined, 300],
        ['max-age=5', 60],
        ['no-store', 60],
        ['public, max-age=600', 600],
        ['max-age=999999999', 3600],
      ] as const) {
        site.headers = {
          'content-type': 'application/json',
          ...(cacheControl ? { 'cache-control': cacheControl } : {}),
        };
        const documents = createClientDocuments(given);
        [site.requestCount, counted] = [0, 0];
        await outcome(documents);
        clock.pass(seconds - 1);
        await outcome(documents);
        t.same([site.requestCount, counted], [1, 1], `${cacheControl}: ${seconds} s`);
        clock.pass(1);
        await outcome(documents);
        t.same([site.requestCount, counted], [2, 2]);
      }
      const documents = createClientDocuments(given);
      site.status = 500;
      site.requestCount = 0;
      for (let tries = 0; tries < 3; tries++) t.match(await outcome(documents), /answers 500/);
      t.equal(site.requestCount, 1);
      site.status = 200;
      clock.pass(30);
      t.equal(await outcome(documents), 'Assistant', 'and soon asked again');
      [site.requestCount, counted] = [0, 0];
      clock.pass(3600);
      await Promise.all(Array.from({ length: 20 }, () => outcome(documents)));
      t.same([site.requestCount, counted], [1, 20], 'of many at once one asks, and all are counted');
      site.requestCount = 0;
      const many = await Promise.all(
        Array.from({ length: 60 }, (_, nth) => outcome(documents, `${site.url}/many/${nth}`, `network ${nth}`)),
      );
      t.equal(many.filter((one) => one === 'Assistant').length, 50, 'fifty at once, of however many networks');
      t.equal(many.filter((one) => /Too many metadata documents/.test(one)).length, 10);
      t.equal(site.requestCount, 50);
    },
  );
});

t.test('clients of documents', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openPolls(db);
    await s.user('bob');
    const site = await startSite(t);
    site.says(standard);
    const id = `${site.url}/client.json`;
    const client = { id, principal: '', secret: null };
    const row = () => db.fork().findOne(Client, { clientId: id });
    const rows = async () => {
      const em = db.fork();
      return [await em.count(Client), await em.count(Consent), await em.count(AuthorizationCode)];
    };
    const agree = async (username = 'alice', more: Record<string, string> = {}) => {
      const browser = await s.signedInBrowser(username);
      const page = await s.ask(browser, client, more);
      return responseParameters(await browser.submit(page, { decision: 'allow' }));
    };
    const redeem = (code: unknown) =>
      s.post(
        'token',
        {
          grant_type: 'authorization_code',
          code: String(code),
          redirect_uri: CALLBACK,
          code_verifier: VERIFIER,
          client_id: id,
        },
        client,
      );

    await t.test(
      'docs/guides/mcp.md: nothing is stored of a client before a user consents; the page names the host',
      async (t) => {
        const before = await rows();
        const alice = await s.signedInBrowser();
        const page = await s.ask(alice, client, { scope: 'openid profile' });
        t.match(
          page.response.body,
          /<strong>Assistant<\/strong>, an application of <strong>127\.0\.0\.1:\d+<\/strong>/,
        );
        t.match(page.response.body, /This name is not verified/);
        t.match(page.response.body, /asks for nothing that needs a permission/, 'its boundary is empty');
        t.match(responseParameters(await alice.submit(page, { decision: 'deny' })), {
          error: 'access_denied',
          state: 's-1',
        });
        t.match(
          responseParameters(await alice.submit(page, { decision: 'deny' })),
          { error: 'access_denied', state: 's-1' },
          'docs/decisions/0014: said again',
        );
        t.equal((await alice.submit(page, { decision: 'allow' })).response.statusCode, 410, 'and does not become yes');
        const waiting = s.openBrowser();
        t.match((await s.ask(waiting, client)).url, /\/login\?/);
        t.same(await rows(), before);
        t.equal(await db.fork().count(StoredRequest, { client: null }), 2, 'the request alone waits');
        t.equal((await redeem('x')).json().error, 'invalid_client', 'no client yet');
      },
    );

    await t.test('docs/guides/mcp.md: who agrees makes it a client, public, with nothing under it', async (t) => {
      const { code } = await agree('alice', { scope: 'openid offline_access' });
      const stored = (await row()) as Client;
      t.match(stored, { name: 'Assistant', authMethod: 'none', isFirstParty: false, isDynamic: true, isActive: true });
      t.same(clientSettings(stored), clientSettings({ settings: {} }));
      t.same(
        await readAudiences(db.fork(), stored.id),
        { requests: ['polls'], serves: [] },
        'the API that was agreed to',
      );
      const tokens = (await redeem(code)).json();
      t.match(jwtClaims(tokens.access_token), { client_id: id, aud: 'polls', permissions: [], is_superuser: false });
      t.match(jwtClaims(tokens.id_token), { aud: id });
      t.equal((await s.introspect(tokens.access_token)).active, true, 'a resource server sees it');
      t.match((await s.introspect(tokens.access_token)).client_id, id);
      t.equal((await s.about(tokens.access_token)).statusCode, 200);
      const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      t.equal((await s.post('token', refresh, client)).statusCode, 200);
      t.equal(await db.fork().count(RefreshGrant, { client: stored.id }), 1);
      const entry = await db.fork().findOneOrFail(AuditEntry, { objectId: stored.id });
      t.match(entry, { action: 'add', actorKind: 'user', actorLabel: 'alice' });
      const grants = await s.app.inject({ url: '/api/v1/account/grants', headers: { cookie: s.cookie } });
      t.match(grants.body, 'Assistant', 'the user finds it');
    });

    await t.test(
      'docs/oauth.md, RFC 8252 §8.6: its users are asked each time, and prompt=none is interaction_required',
      async (t) => {
        const alice = await s.signedInBrowser();
        t.match((await s.ask(alice, client)).response.body, /value="allow"/);
        t.match(await s.answer(alice, client, { prompt: 'none' }), { error: 'interaction_required' });
        await t.rejects(
          updateClient(db.fork(), audit(), (await row()) as Client, { isFirstParty: true }),
          { code: 'client_dynamic_first_party' },
          'never first-party',
        );
      },
    );

    await t.test(
      'RFC 9700 §4.1.3: its redirect URIs are those of the document as it is now, to the letter',
      async (t) => {
        const alice = await s.signedInBrowser();
        for (const uri of [`${CALLBACK}/`, `${CALLBACK}?x=1`, 'https://evil.example/cb', 'http://127.0.0.1/other'])
          t.equal((await s.ask(alice, client, { redirect_uri: uri })).response.statusCode, 400, uri);
        t.match(
          (await s.ask(alice, client, { redirect_uri: 'http://127.0.0.1:5123/cb' })).response.body,
          /value="allow"/,
        );
        const next = 'https://app.example/next';
        site.says((url) => ({ ...standard(url), client_name: 'Renamed', redirect_uris: [next] }));
        s.clock.pass(3600);
        t.equal((await s.ask(alice, client)).response.statusCode, 400, 'the one of before is gone');
        t.match(await agree('bob', { redirect_uri: next }), { code: /./ });
        t.match(await row(), { name: 'Renamed', redirectUris: [next] }, 'written down as it was agreed to');
        site.says(standard);
        s.clock.pass(3600);
      },
    );

    await t.test('RFC 7636, RFC 9126: PKCE always; another client cannot use its codes', async (t) => {
      const alice = await s.signedInBrowser();
      const plain = { code_challenge: undefined, code_challenge_method: undefined };
      t.match(await s.answer(alice, client, plain as never), { error: 'invalid_request' });
      const { code } = await agree();
      t.equal((await s.redeem(String(code), {}, s.web)).json().error, 'invalid_grant');
    });

    await t.test(
      'docs/guides/mcp.md: of two users who consent at once both get a code, and there is one client',
      async (t) => {
        const other = { id: `${site.url}/twins`, principal: '', secret: null };
        const answers = await Promise.all(
          ['alice', 'bob'].map(async (username) => {
            const browser = await s.signedInBrowser(username);
            return { browser, page: await s.ask(browser, other) };
          }),
        );
        const done = await Promise.all(answers.map(({ browser, page }) => browser.submit(page, { decision: 'allow' })));
        for (const one of done) t.match(responseParameters(one), { code: /./ });
        const made = await db.fork().find(Client, { clientId: other.id });
        t.equal(made.length, 1);
        t.equal(await db.fork().count(ClientApi, { client: made[0]?.id as string }), 1);
        t.equal(await db.fork().count(Consent, { client: made[0]?.id as string }), 2);
      },
    );

    await t.test('docs/permissions.md: an address is a client or an audience, never both', async (t) => {
      for (const audience of [id, `${id}/`])
        await t.rejects(createApi(db.fork(), audit(), audience), {
          code: 'audience_is_client_id',
          params: { audience },
        });
      const taken = `${site.url}/api`;
      await createApi(db.fork(), audit(), taken);
      for (const one of [taken, `${taken}/`]) {
        const page = await s.ask(await s.signedInBrowser(), { id: one, principal: '', secret: null });
        t.match([page.response.statusCode, page.response.body], [400, /There is no such client/]);
      }
    });

    await t.test('docs/clients.md: disabled it stays out, deleted it may come again', async (t) => {
      const made = (await row()) as Client;
      await updateClient(db.fork(), audit(), made, { isActive: false });
      const alice = await s.signedInBrowser();
      t.match((await s.ask(alice, client)).response.body, /There is no such client/);
      t.equal((await redeem('x')).json().error, 'invalid_client');
      await deleteClient(db.fork(), audit(), made);
      t.match(await agree(), { code: /./ });
      t.not((await row())?.id, made.id);
    });

    await t.test(
      'draft-ietf-oauth-client-id-metadata-document §5: off by default outside development, and then no such client is known',
      async (t) => {
        const production = { SIGNET_ISSUER: s.issuer, SIGNET_MASTER_KEY: '07'.repeat(32) };
        const { app } = await startApp(db, { mode: 'production', clock: s.clock, environment: production });
        const field = 'client_id_metadata_document_supported';
        const document = (await app.inject('/.well-known/oauth-authorization-server')).json();
        t.notOk(field in document);
        const before = site.requestCount;
        t.equal((await app.inject(s.urlFor(client))).statusCode, 400, 'its row changes nothing');
        t.equal(site.requestCount, before);
        const here = (await s.app.inject('/.well-known/oauth-authorization-server')).json();
        t.equal(here[field], true);
      },
    );

    await t.test('attacks, the kind of 33: what one network has fetched is counted before it is', async (t) => {
      const limited = await startApp(db, { clock: s.clock, environment: { SIGNET_THROTTLE_METADATA: '5' } });
      s.clock.pass(3600);
      const statuses: number[] = [];
      const before = site.requestCount;
      for (let nth = 0; nth < 7; nth++)
        statuses.push((await limited.app.inject(s.urlFor({ ...client, id: `${site.url}/many/${nth}` }))).statusCode);
      t.same(statuses, [303, 303, 303, 303, 303, 429, 429]);
      t.equal(site.requestCount, before + 5);
    });
  }),
);
