import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHashPool } from '../../src/passwords/index.ts';
import { createMetrics, type Metrics, serveMetrics } from '../../src/platform/telemetry/index.ts';
import { createServerMetrics } from '../../src/server/metrics.ts';
import { createStatusLists, ensureCurrentKey, rotateKeys } from '../../src/tokens/index.ts';
import { onEachEngine } from '../support/database.ts';
import { PASSWORD, sessionCookie } from '../support/http.ts';
import { freePort, freshSettings, serving, signet } from '../support/process.ts';
import { audit, ISSUER, masterKey, startApp, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const pool = () => createHashPool({ width: 2, queueLimit: 0, maxWaitMs: 100 });
const nothing = { hashPool: () => pool().stats(), connections: () => null };

/** Samples of the page, by series. */
async function read(metrics: Metrics): Promise<Map<string, number>> {
  const { text } = await metrics.page();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

t.test('metrics of the service', (t) =>
  onEachEngine(t, async (t, db) => {
    const hashes = pool();
    const metrics = await createServerMetrics(db, hashes);
    const world = await openWorld(db, { metrics, environment: { SIGNET_THROTTLE_NAME: '3' } });
    const { app, http } = world;
    t.teardown(() => app.close());
    const user = await world.user('alice');
    const login = (username: string, password: string) => http.json('/api/v1/login', { username, password });

    await t.test(
      'requests are counted by the pattern of the route, the method and the class of the status',
      async (t) => {
        const headers = { cookie: sessionCookie(await login('alice', PASSWORD)) };
        await app.inject({ url: '/health/live' });
        await app.inject({ method: 'HEAD', url: '/health/live' });
        await app.inject({ url: '/.well-known/jwks.json?x=alice' });
        const sessions = '/api/v1/account/sessions';
        for (const id of [user.id, user.id]) await app.inject({ method: 'DELETE', url: `${sessions}/${id}`, headers });
        await app.inject({ url: `/secret-path/${user.id}` });
        await app.inject({ method: 'DELETE', url: '/health/live' });
        await app.inject({ method: 'PROPFIND' as never, url: '/health/live' });
        const series = await read(metrics);
        const count = (route: string, method: string, status: string) =>
          series.get(`signet_http_requests_total{route="${route}",method="${method}",status="${status}"}`);
        t.equal(count('/api/v1/login', 'POST', '2xx'), 1);
        t.equal(count('/health/live', 'GET', '2xx'), 1);
        t.equal(count('/health/live', 'HEAD', '2xx'), 1);
        t.equal(count('/.well-known/jwks.json', 'GET', '2xx'), 1);
        t.equal(count(`${sessions}/:id`, 'DELETE', '4xx'), 2);
        t.equal(count('unmatched', 'GET', '4xx'), 1);
        t.equal(count('unmatched', 'DELETE', '4xx'), 1);
        t.equal(count('unmatched', 'other', '4xx'), 1, 'a method of the caller’s own makes no series');
        const of = `route="/health/live",method="GET",status="2xx"`;
        t.equal(series.get(`signet_http_request_duration_seconds_count{${of}}`), 1);
        t.ok((series.get(`signet_http_request_duration_seconds_sum{${of}}`) ?? -1) >= 0);
      },
    );

    await t.test('logins are counted by outcome', async (t) => {
      for (let i = 0; i < 5; i++) await login('nobody', 'wrong');
      const series = await read(metrics);
      const outcomes = ['success', 'refused', 'throttled', 'busy'].map((one) =>
        series.get(`signet_logins_total{outcome="${one}"}`),
      );
      t.same(outcomes, [1, 3, 2, 0]);
    });

    await t.test('the hash pool and the connections are as they are at that moment', async (t) => {
      const held = Promise.withResolvers<void>();
      const working = hashes.run(2, () => held.promise);
      t.match(await hashes.run(1, async () => {}), { ok: false });
      const series = await read(metrics);
      t.same(
        ['width', 'active', 'queued', 'refused_total', 'expired_total'].map((name) =>
          series.get(`signet_hash_pool_${name}`),
        ),
        [2, 2, 0, 1, 0],
      );
      held.resolve();
      await working;
      t.equal((await read(metrics)).get('signet_hash_pool_active'), 0);
      t.equal((await read(metrics)).get('signet_hash_pool_refused_total'), 1, 'read twice, counted once');
      const max = series.get('signet_database_connections_max');
      t.equal(max, db.engine === 'postgresql' ? 10 : undefined);
      if (db.engine === 'postgresql') t.ok((series.get('signet_database_connections_open') ?? 0) >= 1);
      const pipelines = [series.get('signet_database_pipelines_open'), series.get('signet_database_pipeline_depth')];
      t.same(
        pipelines,
        db.engine === 'postgresql' ? [2, 0] : [undefined, undefined],
        'hot selects share two connections',
      );
      t.ok(series.has('nodejs_eventloop_lag_p99_seconds'));
      t.ok(series.has('process_cpu_user_seconds_total'));
    });

    await t.test(
      'the signing keys are told by algorithm and state, and for how long each current one has signed',
      async (t) => {
        const clock = testClock();
        const { app: signing, keys } = await startApp(db, { clock });
        t.teardown(() => signing.close());
        const statusLists = createStatusLists(db, keys, ISSUER, clock);
        await statusLists.refresh();
        const told = await createServerMetrics(db, hashes, { keys, statusLists, clock });
        const before = await read(told);
        clock.pass(3600);
        await rotateKeys(db.fork(), audit(clock.now()), masterKey, { leadSeconds: 600, isNow: false });
        await ensureCurrentKey(db.fork(), audit(clock.now()), masterKey, 'EdDSA');
        await keys.reload();
        clock.pass(60);
        const after = await read(told);
        const aged = (series: typeof before, alg: string) => series.get(`signet_signing_key_age_seconds{alg="${alg}"}`);
        t.equal((aged(after, 'RS256') as number) - (aged(before, 'RS256') as number), 3660);
        t.same([aged(before, 'EdDSA'), aged(after, 'EdDSA'), aged(after, 'ES256')], [undefined, 60, undefined]);
        const published = (alg: string) =>
          ['current', 'next', 'retiring'].map((state) =>
            after.get(`signet_signing_keys{alg="${alg}",state="${state}"}`),
          );
        t.same(
          [published('RS256'), published('EdDSA')],
          [
            [1, 1, 0],
            [1, 0, 0],
          ],
        );
        t.same(published('ES256'), [undefined, undefined, undefined], 'nobody asks for it');
      },
    );

    await t.test('how old the status lists are, how many there are, and who follows them', async (t) => {
      const clock = testClock();
      const { app: serving, keys } = await startApp(db, { clock });
      t.teardown(() => serving.close());
      const statusLists = createStatusLists(db, keys, ISSUER, clock);
      await statusLists.refresh();
      const told = await createServerMetrics(db, hashes, { keys, statusLists, clock });
      const stop = statusLists.follow(null, () => {});
      await new Promise((resolve) => setTimeout(resolve, 60));
      const stale = await read(told);
      t.same([stale.get('signet_status_lists'), stale.get('signet_status_followers')], [1, 1]);
      const age = (series: typeof stale) => series.get('signet_status_read_age_seconds') as number;
      t.ok(age(stale) >= 0.05, 'nothing was read meanwhile');
      stop();
      await statusLists.refresh();
      const fresh = await read(told);
      t.ok(age(fresh) < age(stale));
      t.equal(fresh.get('signet_status_followers'), 0);
    });

    await t.test('no id, no name, no address and no path is in a label', async (t) => {
      const { text } = await metrics.page();
      t.notMatch(text, /alice|nobody|127\.0\.0\.1|secret-path|PROPFIND/);
      t.notMatch(text, user.id);
      t.notMatch(text, /[0-9a-f]{8}-[0-9a-f]{4}/);
    });

    await t.test('the public port does not serve them', async (t) => {
      t.equal((await app.inject({ url: '/metrics' })).statusCode, 404);
    });
  }),
);

t.test('two services in one process count apart', async (t) => {
  const [one, two] = [await createMetrics(nothing), await createMetrics(nothing)];
  one.login('busy');
  t.equal((await read(one)).get('signet_logins_total{outcome="busy"}'), 1);
  t.equal((await read(two)).get('signet_logins_total{outcome="busy"}'), 0);
});

t.test('the port of their own answers GET and HEAD /metrics, and nothing else (RFC 9110 §15.5.6)', async (t) => {
  const place = { host: '127.0.0.1', port: await freePort() };
  const stop = await serveMetrics(await createMetrics(nothing), place);
  const at = `http://127.0.0.1:${place.port}`;
  const page = await fetch(`${at}/metrics`);
  t.match(page.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  t.equal(page.headers.get('cache-control'), 'no-store');
  t.match(await page.text(), /# TYPE signet_logins_total counter/);
  const head = await fetch(`${at}/metrics`, { method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(await head.text(), '');
  const posted = await fetch(`${at}/metrics`, { method: 'POST' });
  t.equal(posted.status, 405);
  t.equal(posted.headers.get('allow'), 'GET, HEAD');
  for (const path of ['/', '/metrics/x', '/health/live']) t.equal((await fetch(at + path)).status, 404, path);
  await stop();
  await t.rejects(fetch(`${at}/metrics`), 'stopped');
});

t.test('a page that cannot be made is 500 and says nothing', async (t) => {
  const place = { host: '127.0.0.1', port: await freePort() };
  const broken = { page: () => Promise.reject(new Error('secret detail')) } as never;
  const stop = await serveMetrics(broken, place);
  t.teardown(stop);
  const answer = await fetch(`http://127.0.0.1:${place.port}/metrics`);
  t.equal(answer.status, 500);
  t.notMatch(await answer.text(), /secret/);
});

t.test('a port that is taken is refused with its address', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const work = serveMetrics(await createMetrics(nothing), { host: '127.0.0.1', port });
  await t.rejects(work, {
    code: 'metrics_address_unavailable',
    params: { host: '127.0.0.1', port, reason: 'EADDRINUSE' },
  });
});

t.test(
  'docs/configuration.md: SIGNET_METRICS_PORT turns them on, on loopback, and never on the public port',
  async (t) => {
    const place = await freshSettings();
    const port = String(await freePort());
    t.match(await signet(['dev'], { ...place, SIGNET_METRICS_PORT: place.SIGNET_PORT }), {
      code: 2,
      stderr: /public port/,
    });
    t.match(await signet(['dev'], { ...place, SIGNET_METRICS_PORT: port, SIGNET_METRICS_HOST: '0.0.0.0' }), {
      code: 2,
      stderr: /SIGNET_METRICS_HOST/,
    });
    const server = await serving(['dev'], { ...place, SIGNET_METRICS_PORT: port }, /Try it/);
    t.teardown(() => server.stop('SIGKILL'));
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    t.match(page, /signet_hash_pool_started_total \d/);
    t.equal((await fetch(`http://localhost:${place.SIGNET_PORT}/metrics`)).status, 404);
    t.equal((await server.stop()).code, 0, 'and it stops with the server');
    await t.rejects(fetch(`http://127.0.0.1:${port}/metrics`));
  },
);
