import { DeviceCode, Replay, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { purgeExpired, Throttle } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { responseParameters } from '../support/browser.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, CHALLENGE, DEVICE } from '../support/flows.ts';
import { countHashing } from '../support/hashing.ts';
import { basic, type ClientCredentials, type Headers, openHttp, PASSWORD } from '../support/http.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls, openWorld } from '../support/world.ts';

const MINUTE = 60;
const HOUR = 3600;
const LIMIT = 20;
const environment = {
  SIGNET_TRUST_PROXY: '127.0.0.1',
  SIGNET_THROTTLE_AUTHORIZE: String(LIMIT),
  SIGNET_THROTTLE_DEVICE: String(LIMIT),
  SIGNET_THROTTLE_SIGNUP: String(LIMIT),
  SIGNET_THROTTLE_CLIENT_PUSH: String(LIMIT),
  SIGNET_THROTTLE_CLIENT_DEVICE: String(LIMIT),
};
const OFFICE = '192.0.2.1';
const ELSEWHERE = '192.0.2.2';

/** What reaches the database, by the names of its statements. */
function watched(real: Database) {
  const seen: string[] = [];
  const query: Database['query'] = (statement, values) => {
    seen.push(statement.name);
    return real.query(statement, values);
  };
  const during = async (work: () => Promise<unknown>) => {
    seen.length = 0;
    await work();
    return seen.filter((name) => name.startsWith('signin-throttle'));
  };
  return { db: { ...real, query }, during };
}

await onEachEngine(t, async (t, real) => {
  const { db, during } = watched(real);
  const s = await openPolls(db, { environment });
  const { web, spa, clock } = s;
  const hashing = countHashing();
  const passwords = hashing.counts;
  const second = await openWorld(db, { clock, passwords: hashing.wrap, environment });
  t.teardown(async () => {
    await s.app.close();
    await second.app.close();
  });
  const authorize = (ip: string, url = s.urlFor(web), app = s.app, headers: Headers = {}) =>
    openHttp(app).get(url, { 'x-forwarded-for': ip, ...headers });
  const post = (ip: string, url: string, fields: Record<string, string>, headers: Headers = {}, app = s.app) =>
    openHttp(app).form(url, fields, { 'x-forwarded-for': ip, ...headers });
  const query = () => Object.fromEntries(new URL(s.urlFor(web), s.issuer).searchParams);
  type Sent = Awaited<ReturnType<typeof authorize>>;
  /** 50 at once, at two servers of one database; answers one of those that were refused. */
  const fifty = async (t: Test, passing: number, ask: (app: typeof s.app, i: number) => Promise<Sent>) => {
    await db.fork().nativeDelete(Throttle, {});
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(i % 2 ? s.app : second.app, i)));
    const refused = all.filter((one) => one.statusCode === 429);
    t.equal(all.filter((one) => one.statusCode === passing).length, LIMIT, 'exactly as many as there is room for');
    t.equal(refused.length, 50 - LIMIT, 'and no other answer');
    return refused[0] as Sent;
  };
  /** Refused to the office for `seconds`, and to nobody else; then there is room again, and no sooner. */
  const holds = async (t: Test, seconds: number, ask: (ip: string) => Promise<Sent>, passing: number) => {
    t.equal((await ask(ELSEWHERE)).statusCode, passing, 'another network is not concerned');
    clock.pass(seconds - 1);
    const last = await ask(OFFICE);
    t.same([last.statusCode, last.headers['retry-after']], [429, '1'], 'being refused has not made it longer');
    clock.pass(1);
    t.equal((await ask(OFFICE)).statusCode, passing, 'there is room again');
  };
  const requests = (kind: 'interaction' | 'pushed') => db.fork().count(StoredRequest, { kind });

  await t.test('RFC 6749 §4.1.2.1: of 50 authorization requests at once a network has 20 kept', async (t) => {
    const refused = await fifty(t, 303, (app, i) =>
      i % 3 ? authorize(OFFICE, undefined, app) : post(OFFICE, '/oauth2/authorize', query(), {}, app),
    );
    t.equal(await requests('interaction'), LIMIT, 'nothing is stored of the others');
    t.match(refused.headers, {
      'retry-after': String(MINUTE),
      'content-type': /^text\/html/,
      'cache-control': 'no-store',
    });
    t.equal(refused.headers.location, undefined, 'a page for the user: a client would send the browser back at once');
    t.match(refused.body, /Try again in 60 seconds[\s\S]*temporarily_unavailable/);
    t.equal(
      (await s.app.inject({ method: 'HEAD', url: s.urlFor(web), headers: { 'x-forwarded-for': OFFICE } })).statusCode,
      429,
    );
    t.equal(await requests('interaction'), LIMIT);
    await holds(t, MINUTE, authorize, 303);
  });

  await t.test('Fetch Metadata §2.1: what a page of another site asks for in passing has no room', async (t) => {
    const before = await requests('interaction');
    for (const destination of ['image', 'iframe', 'script', 'empty']) {
      const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': destination };
      const asked = () => authorize(OFFICE, undefined, s.app, headers);
      t.same(await during(asked), [], `${destination}: not counted`);
      t.match(await asked(), {
        statusCode: 400,
        headers: { 'content-type': /^text\/html/ },
        body: /in a separate window/,
      });
    }
    t.equal(await requests('interaction'), before);
    const opened = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    t.equal((await authorize(OFFICE, undefined, s.app, opened)).statusCode, 303, 'where somebody sees it, they log in');
    const silent = `${s.urlFor(web)}&prompt=none`;
    t.match((await authorize(OFFICE, silent, s.app, { 'sec-fetch-dest': 'iframe' })).headers, {
      location: /error=login_required/,
    });
  });

  await t.test('a network is an IPv4 address or an IPv6 /64; a forged X-Forwarded-For is no other one', async (t) => {
    await fifty(t, 303, (app, i) => authorize(`2001:db8:1:2:${(i * 1009).toString(16)}::${i}`, undefined, app));
    t.equal((await authorize('2001:db8:1:3::1')).statusCode, 303);
    await fifty(t, 303, (app, i) =>
      authorize(`198.51.100.${i}, ${i % 2 ? OFFICE : `::ffff:${OFFICE}`}`, undefined, app),
    );
  });

  await t.test('what stores nothing is neither counted nor refused, and costs no statement', async (t) => {
    await fifty(t, 303, (app) => authorize(OFFICE, undefined, app));
    const alice = { cookie: (await s.signIn()).cookie };
    const none = s.urlFor(web, { prompt: 'none' });
    const asks: [string, Headers, object][] = [
      [none, {}, { error: 'login_required' }],
      [s.urlFor(web), alice, { code: /./ }],
      [none, alice, { code: /./ }],
      [s.urlFor(web, { response_type: 'token' }), {}, { error: 'unsupported_response_type' }],
    ];
    for (const [url, headers, expected] of asks) {
      const counted = await during(async () =>
        t.match(responseParameters({ response: await authorize(OFFICE, url, s.app, headers) }), expected),
      );
      t.same(counted, []);
    }
    t.same(await during(() => authorize(ELSEWHERE)), ['signin-throttle-row'], 'what is stored costs one');
  });

  await t.test('a pushed request that finds no room is not used up: reloaded, it goes on', async (t) => {
    const asked = {
      response_type: 'code',
      redirect_uri: CALLBACK,
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
    };
    const { request_uri } = (await s.post('par', asked)).json();
    const url = `/oauth2/authorize?${new URLSearchParams({ client_id: web.id, request_uri })}`;
    await fifty(t, 303, (app) => authorize(OFFICE, undefined, app));
    t.equal((await authorize(OFFICE, url)).statusCode, 429);
    clock.pass(MINUTE);
    t.match((await authorize(OFFICE, url)).headers.location, /\/interaction\//);
  });

  await t.test(
    'RFC 9126 §2.3: of 50 requests that public clients push at once 20 are kept, the others are 429',
    async (t) => {
      const asked = { ...query(), client_id: spa.id };
      const push = (ip: string, headers: Headers = {}, app = s.app) => post(ip, '/oauth2/par', asked, headers, app);
      const before = await requests('pushed');
      const refused = await fifty(t, 201, (app) => push(OFFICE, {}, app));
      t.equal(await requests('pushed'), before + LIMIT);
      t.match(refused.headers, { 'retry-after': String(MINUTE), 'content-type': /^application\/json/ });
      t.same(refused.json(), {
        error: 'temporarily_unavailable',
        error_description: 'Too many requests from this network. Try again in 60 seconds.',
      });

      const key = await clientKey();
      const dpop = await proofBy(key, { method: 'POST', url: `${s.issuer}/oauth2/par`, now: clock.now() });
      const marks = await db.fork().count(Replay);
      t.equal((await push(OFFICE, { dpop })).statusCode, 429);
      t.equal(await db.fork().count(Replay), marks, 'nor is its proof used up');

      const own = await post(OFFICE, '/oauth2/par', { ...query() }, basic(web));
      t.equal(own.statusCode, 201, 'a backend that has shown who it is has room of its own');
      t.equal((await authorize(OFFICE)).statusCode, 303, 'what waits for its user is another counter');
      await holds(t, MINUTE, push, 201);
    },
  );

  await t.test(
    'RFC 9126 §2.3: of 50 requests that one client pushes at once, from anywhere, 20 are kept; no other client is concerned',
    async (t) => {
      const another = await s.client('Another backend', {
        preset: 'web',
        redirectUris: [CALLBACK],
        requests: [s.polls],
      });
      const push = (ip: string, app = s.app, of: ClientCredentials = web) =>
        post(ip, '/oauth2/par', { ...query(), client_id: of.id }, basic(of), app);
      const before = await requests('pushed');
      const refused = await fifty(t, 201, (app, i) => push(`198.51.100.${i}`, app));
      t.equal(await requests('pushed'), before + LIMIT);
      t.match(refused.headers, { 'retry-after': String(MINUTE), 'content-type': /^application\/json/ });
      t.same(refused.json(), {
        error: 'temporarily_unavailable',
        error_description: 'Too many requests by this client. Try again in 60 seconds.',
      });
      t.equal((await push(OFFICE, s.app, another)).statusCode, 201);
      const forged = await push(OFFICE, s.app, { id: web.id, secret: another.secret });
      t.equal(forged.statusCode, 401, 'who does not authenticate counts for nothing');
      const asPublic = await post(OFFICE, '/oauth2/par', { ...query(), client_id: spa.id });
      t.equal(asPublic.statusCode, 201, 'nor does it use up the room of public ones');
      t.equal((await authorize(OFFICE)).statusCode, 303, 'requests that were not pushed are another counter');
      clock.pass(MINUTE - 1);
      t.match(await push(OFFICE), { statusCode: 429, headers: { 'retry-after': '1' } });
      clock.pass(1);
      t.equal((await push(OFFICE)).statusCode, 201, 'there is room again');
    },
  );

  await t.test('RFC 8628 §3.2: of 50 devices that begin at once in a network 20 may, the others are 429', async (t) => {
    const box = await s.client('Box', { preset: 'device', requests: [s.polls] });
    const kiosk = await s.client('Kiosk', { grantTypes: [DEVICE], requests: [s.polls] });
    const begin = (ip: string, app = s.app) =>
      post(ip, '/oauth2/device_authorization', { client_id: box.id, scope: 'openid' }, {}, app);
    const refused = await fifty(t, 200, (app) => begin(OFFICE, app));
    t.equal(await db.fork().count(DeviceCode), LIMIT);
    t.match(refused.headers, { 'retry-after': String(HOUR), 'content-type': /^application\/json/ });
    t.equal(refused.json().error, 'temporarily_unavailable');
    const wrong = await post(OFFICE, '/oauth2/device_authorization', { client_id: web.id });
    t.equal(wrong.statusCode, 401, 'who asks is settled first');
    const own = (ip: string, app = s.app) => post(ip, '/oauth2/device_authorization', {}, basic(kiosk), app);
    t.equal((await own(OFFICE)).statusCode, 200, 'a client that has shown who it is has room of its own');
    await holds(t, HOUR, begin, 200);
    const ofClient = await fifty(t, 200, (app, i) => own(`198.51.100.${i}`, app));
    t.match(ofClient.headers, { 'retry-after': String(HOUR) });
    t.match(ofClient.json(), { error_description: 'Too many requests by this client. Try again in 3600 seconds.' });
  });

  await t.test('docs/login-api.md: of 50 sign-ups at once from one network 20 are worth a hash', async (t) => {
    let named = 0;
    const signUp = (ip: string, app = second.app, more: object = {}) =>
      openHttp(app).json(
        '/api/v1/signup',
        { username: `newcomer${named++}`, password: PASSWORD, ...more },
        { 'x-forwarded-for': ip },
      );
    const before = await db.fork().count(User);
    hashing.reset();
    const refused = await fifty(t, 201, () => signUp(OFFICE));
    t.same([await db.fork().count(User), passwords.hashes], [before + LIMIT, LIMIT]);
    t.match(refused.headers, { 'retry-after': String(HOUR), 'content-type': /^application\/problem\+json/ });
    t.match(refused.json(), { status: 429, code: 'too_many_attempts', detail: 'Try again in 3600 seconds.' });
    t.equal((await signUp(OFFICE, s.app)).statusCode, 429, 'at the other server too');
    const who = { username: 'alice', password: PASSWORD };
    const login = await s.http.json('/api/v1/login', who, { 'x-forwarded-for': OFFICE });
    t.equal(login.statusCode, 200, 'whoever has an account logs in');
    await holds(t, HOUR, signUp, 201);
  });

  await t.test('a sign-up that is not worth a hash, or finds no place for one, is not counted', async (t) => {
    await db.fork().nativeDelete(Throttle, {});
    const busy = await openWorld(db, { clock, passwords: { ...s.passwords, hash: async () => null }, environment });
    t.teardown(() => busy.app.close());
    const signUp = ({ http }: typeof busy, password: string) =>
      http.json('/api/v1/signup', { username: 'somebody', password });
    for (let i = 0; i <= LIMIT; i++) {
      t.equal((await signUp(s, 'short')).statusCode, 422);
      t.equal((await signUp(busy, PASSWORD)).statusCode, 503);
    }
    t.equal(await db.fork().count(Throttle), 0);
    t.equal((await signUp(s, PASSWORD)).statusCode, 201);
  });

  await t.test('a counter is one row, and goes when its window is over', async (t) => {
    await fifty(t, 303, (app) => authorize(OFFICE, undefined, app));
    t.equal(await db.fork().count(Throttle), 1);
    clock.pass(MINUTE + 1);
    await purgeExpired(db, clock.now());
    t.equal(await db.fork().count(Throttle), 0);
  });
});
