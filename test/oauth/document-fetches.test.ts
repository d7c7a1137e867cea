import { StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { createClientDocuments } from '../../src/oauth/documents/documents.ts';
import { Client, updateClient } from '../../src/oauth/index.ts';
import { Throttle } from '../../src/signin/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, startApp, testClock } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';
import { standard, startSite } from './document-site.ts';

// docs/decisions/0016-clients-of-documents.md: who has metadata documents fetched, and how many at once.

t.test('docs/decisions/0016: fetches under way are shared: no network holds them all', async (t) => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const hostnames: string[] = [];
  const resolve = async (hostname: string) => {
    hostnames.push(hostname);
    await released;
    return [];
  };
  const rules = { hosts: ['*'], isDevelopment: false, redirectRules: { httpsOnly: true, schemes: [] } };
  const documents = createClientDocuments(rules, { resolve });
  const clock = testClock();
  const beforeFetch = async () => {};
  const answers = new Map<string, string>();
  const ask = (network: string, name: string) =>
    documents.load(`https://${name}.example/c`, clock.now(), { network, beforeFetch }).then(
      () => t.fail('nothing is there'),
      (error: Error) => answers.set(`${network} ${name}`, error.message),
    );
  const turn = () => new Promise((done) => setImmediate(done));
  const busy = () => [...answers].filter(([, message]) => /Too many metadata documents/.test(message));

  const all = Array.from({ length: 15 }, (_, nth) => ask('a', `a${nth}`));
  await turn();
  t.same([hostnames.length, busy().length], [10, 5], 'one network has ten under way');
  answers.clear();
  for (const network of ['b', 'c', 'd', 'e'])
    all.push(...Array.from({ length: 10 }, (_, nth) => ask(network, `${network}${nth}`)));
  await turn();
  t.same([hostnames.length, busy().length], [50, 0], 'fifty are under way, by five networks');
  all.push(ask('newcomer', 'new'));
  await turn();
  t.ok(hostnames.includes('new.example'), 'another network is served');
  t.same(
    busy().map(([who]) => who),
    ['a a9'],
    'and the newest of one that has most makes way',
  );
  all.push(ask('newcomer', 'a0'));
  await turn();
  t.equal(hostnames.length, 51, 'what is under way already takes nothing');
  answers.clear();
  release();
  await Promise.all(all);
  t.match([...answers.values()], Array(51).fill(/no address/));
  await ask('a', 'a9');
  t.match(answers.get('a a9'), /no address/, 'one that made way says nothing of its document');
  t.equal(hostnames.length, 52);
  for (let nth = 0; nth < 30; nth++) await ask('a', `later${nth}`);
  t.equal(hostnames.length, 82, 'all of the share is free again');
});

/** Requests that nobody sees the answer of. */
const unseen: readonly (readonly [what: string, headers: Record<string, string>, more: Record<string, string>])[] = [
  ...['image', 'iframe', 'frame', 'object', 'script', 'empty'].map(
    (destination) => [destination, { 'sec-fetch-dest': destination }, {}] as const,
  ),
  ['loaded in advance', { 'sec-fetch-dest': 'document', 'sec-purpose': 'prefetch' }, {}],
  ['shown in advance', { 'sec-fetch-dest': 'document', 'sec-purpose': 'prefetch;prerender' }, {}],
  ['prompt=none in a window', { 'sec-fetch-dest': 'document' }, { prompt: 'none' }],
  ['prompt=none in a frame', { 'sec-fetch-dest': 'iframe' }, { prompt: 'none' }],
  ['prompt=none beside another', {}, { prompt: 'login none' }],
];

t.test('clients of documents that nobody sees', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openPolls(db);
    const site = await startSite(t);
    site.says(standard);
    const program = (path: string) => ({ id: `${site.url}/${path}`, principal: '', secret: null });
    const client = program('client.json');
    const authorizeRequest = (headers: Record<string, string>, more: Record<string, string>, of = client) =>
      s.app.inject({ url: s.urlFor(of, more), headers });
    const isRedirect = (more: Record<string, string>) => more['prompt'] !== undefined;
    /** Nothing is fetched; what the client may hear it hears, the rest is a page. */
    const answersAll = async (t: Test, cookie: string, error: string) => {
      for (const [what, headers, more] of unseen) {
        const before = site.requestCount;
        const response = await authorizeRequest({ ...headers, cookie }, more);
        if (isRedirect(more)) {
          const expected = more['prompt'] === 'none' ? error : 'invalid_request';
          t.match(responseParameters({ response }), { status: 303, error: expected, state: 's-1' }, what);
        } else t.match([response.statusCode, response.body], [400, /in a separate window/], what);
        t.equal(site.requestCount, before, what);
      }
    };

    await t.test('docs/decisions/0016: nothing is fetched, counted or kept for who does not see it', async (t) => {
      for (const [what, headers, more] of unseen)
        for (const cookie of ['', (await s.signIn()).cookie]) {
          await db.fork().nativeDelete(Throttle, {});
          const response = await authorizeRequest({ ...headers, cookie }, more);
          t.match(response, { statusCode: 400, headers: { 'content-type': /^text\/html/, location: undefined } }, what);
          t.match(response.body, /must be read first[\s\S]*interaction_required/, what);
          t.equal(await db.fork().count(Throttle), 0, `${what}: not counted`);
        }
      const posted = await s.app.inject({
        method: 'POST',
        url: '/oauth2/authorize',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-dest': 'iframe' },
        payload: s.urlFor(client).split('?')[1] as string,
      });
      t.equal(posted.statusCode, 400);
      t.equal(site.requestCount, 0);
      t.equal(await db.fork().count(StoredRequest), 0);
    });

    await t.test('RFC 9126 §2.2: nor for a request_uri that is none', async (t) => {
      const uri = 'urn:ietf:params:oauth:request_uri:unknown';
      const response = await authorizeRequest({}, { request_uri: uri });
      t.match([response.statusCode, response.body], [400, /invalid_request_uri/]);
      t.equal(site.requestCount, 0);
    });

    await t.test('OIDC Core §3.1.2.6: what is kept of a document answers them', async (t) => {
      t.equal((await authorizeRequest({ 'sec-fetch-dest': 'document' }, {})).statusCode, 303, 'somebody sees it');
      t.equal(site.requestCount, 1);
      await answersAll(t, '', 'login_required');
      await answersAll(t, (await s.signIn()).cookie, 'interaction_required');
      site.status = 404;
      t.match((await authorizeRequest({}, {}, program('gone'))).body, /answers 404/);
      t.match(
        (await authorizeRequest({ 'sec-fetch-dest': 'iframe' }, {}, program('gone'))).body,
        /answers 404/,
        'a fault too',
      );
      site.status = 200;
    });

    await t.test('docs/decisions/0016: so does what was agreed to last, and a stranger is still none', async (t) => {
      const alice = await s.signedInBrowser();
      const page = await s.ask(alice, client);
      t.match(responseParameters(await alice.submit(page, { decision: 'allow' })), { code: /./ });
      s.clock.pass(3600);
      await answersAll(t, '', 'login_required');
      const elsewhere = await authorizeRequest(
        { 'sec-fetch-dest': 'iframe' },
        { redirect_uri: 'https://evil.example/cb' },
      );
      t.match([elsewhere.statusCode, elsewhere.headers.location], [400, undefined]);
      const pushed = await s.post(
        'par',
        Object.fromEntries(new URLSearchParams(s.urlFor(client, { prompt: 'none' }).split('?')[1])),
        client,
      );
      t.equal(pushed.statusCode, 201);
      const before = site.requestCount;
      const uri = String(pushed.json().request_uri);
      t.match(responseParameters({ response: await authorizeRequest({}, { request_uri: uri }) }), {
        error: 'login_required',
      });
      t.equal(site.requestCount, before, 'prompt=none that was pushed');
    });

    await t.test(
      'docs/decisions/0016: an interaction is no other way to have it fetched, nor to agree unseen',
      async (t) => {
        const other = program('other');
        const alice = await s.signedInBrowser();
        const page = await s.ask(alice, other);
        t.match(page.response.body, /value="allow"/);
        s.clock.pass(600);
        const before = site.requestCount;
        const frame = { 'sec-fetch-dest': 'iframe' };
        t.equal((await alice.send('GET', page.url, undefined, frame)).response.statusCode, 400);
        t.equal(
          (await alice.send('GET', `/login?next=${new URL(page.url).pathname}`, undefined, frame)).response.statusCode,
          400,
        );
        t.equal(site.requestCount, before);
        t.match((await alice.get(page.url)).response.body, /value="allow"/);
        t.equal(site.requestCount, before + 1, 'who sees it has it looked up');
        const { response } = await alice.send(
          'POST',
          page.url,
          { ...hiddenFields(page.response.body), decision: 'allow' },
          frame,
        );
        t.match([response.statusCode, response.body], [200, /value="allow"/], 'asked again');
        t.equal(await db.fork().count(Client, { clientId: other.id }), 0);
        t.match(responseParameters(await alice.submit(page, { decision: 'allow' })), { code: /./ });
      },
    );

    await t.test(
      'docs/decisions/0016: the share is of an IPv4 address or an IPv6 /48; who is refused is 503',
      async (t) => {
        const { app } = await startApp(db, { clock: s.clock, environment: { SIGNET_TRUST_PROXY: '127.0.0.1' } });
        const release = site.hold();
        const { promise: twoRefused, resolve } = Promise.withResolvers<void>();
        let refused = 0;
        const ask = async (ip: string, path: string) => {
          const response = await app.inject({ url: s.urlFor(program(path)), headers: { 'x-forwarded-for': ip } });
          if (response.statusCode === 503 && ++refused === 2) resolve();
          return response;
        };
        const all = Array.from({ length: 12 }, (_, nth) => ask(`2001:db8:7:${nth}::1`, `held/${nth}`));
        await twoRefused;
        all.push(ask('2001:db8:8::1', 'held/other'), ask('203.0.113.7', 'held/v4'));
        release();
        const answers = await Promise.all(all);
        t.equal(answers.filter((one) => one.statusCode === 303).length, 12);
        const busy = answers.find((one) => one.statusCode === 503);
        t.match(busy, {
          headers: { 'retry-after': '5', 'content-type': /^text\/html/ },
          body: /temporarily_unavailable/,
        });
      },
    );

    await t.test('docs/clients.md: disabled it stays out, unseen too', async (t) => {
      const row = await db.fork().findOneOrFail(Client, { clientId: client.id });
      await updateClient(db.fork(), audit(), row, { isActive: false });
      t.match((await authorizeRequest({ 'sec-fetch-dest': 'iframe' }, {})).body, /There is no such client/);
    });
  }),
);
