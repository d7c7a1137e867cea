import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { saveConsent } from '../../src/oauth/consent/consent.ts';
import { createHashPool, createPasswords, type Passwords } from '../../src/passwords/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { type Operation, openapiDocument } from '../../src/platform/http/index.ts';
import { createSetupSecret } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { DEVICE } from '../support/flows.ts';
import { basic, PASSWORD } from '../support/http.ts';
import { ISSUER, makeUser } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';
import { requestsTo, type Wild } from './requests.ts';
import type { Known } from './values.ts';

// FUZZ_SEED repeats a run, FUZZ_RUNS makes a longer one. startApp holds every answer to openapi.yaml: an undocumented status, a
// body outside its schema, and any 500 are failures there.
const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const runs = Number(process.env['FUZZ_RUNS'] ?? 10_400);

// tap's own 30 seconds are for an idle machine.
t.setTimeout(20 * runs + 120_000);

const owners = ['alice', 'bob', 'carol'];

/** The real hashing at the least cost that argon2 has, counted. */
async function cheapPasswords(): Promise<Passwords & { count: number }> {
  const pool = createHashPool({ width: 2, queueLimit: 64, maxWaitMs: 5000 });
  const real = await createPasswords(pool, { memoryKiB: 8, iterations: 1, parallelism: 1 });
  const counted = {
    count: 0,
    verify: (password: string, encoded: string | null) => {
      counted.count += 1;
      return real.verify(password, encoded);
    },
    hash: (password: string) => {
      counted.count += 1;
      return real.hash(password);
    },
  };
  return counted;
}

/** The throttles of what anybody may have stored, at the most that they take: a long run asks more than one network may. */
const unhindered = {
  SIGNET_THROTTLE_AUTHORIZE: '10000000',
  SIGNET_THROTTLE_DEVICE: '10000000',
  SIGNET_THROTTLE_SIGNUP: '10000000',
};

/** An authorization request that can be answered. */
const request = {
  response_type: 'code',
  redirect_uri: 'https://reader.example/cb',
  code_challenge: 'x'.repeat(43),
  code_challenge_method: 'S256',
};

/** Everything that a stray assignment could leave behind for every object of the process. */
function prototypes(): string {
  return JSON.stringify(
    [Object, Array, Function, String, Number, Boolean, Promise, Map, Error, Buffer].map(({ prototype }) =>
      Reflect.ownKeys(prototype).map(String).sort(),
    ),
  );
}

async function openFuzzed(db: Database) {
  const passwords = await cheapPasswords();
  const world = await openWorld(db, { passwords, environment: unhindered });
  const { app, clock, http } = world;
  const polls = await world.api('polls', { models: ['polls.choice'] });
  const worker = await world.client('Worker', {
    grantTypes: ['client_credentials', DEVICE],
    requests: [polls],
    serves: [polls],
  });
  const own = await world.ownApi();
  const deploy = await world.client('Deploy', { requests: [own], serves: [polls] });
  await world.assign(deploy, own, 'oauth.change_api');
  const reader = await world.client('Reader', {
    preset: 'web',
    redirectUris: ['https://reader.example/cb'],
    requests: [polls],
  });
  await world.set(reader, { pkce: 'off' });
  const made: string[] = [];
  let sent = 0;
  let live: {
    name: string;
    cookie: string;
    interaction: string;
    session: string;
    token: string;
    until: Date;
  } | null = null;

  /** Somebody who is logged in, and whose token is good; anew when the requests have ended that. */
  async function identity() {
    if (live && live.until > clock.now()) return live;
    const name = `visitor-${made.length}`;
    await world.user(name);
    made.push(name);
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/login',
      payload: { username: name, password: PASSWORD, audience: 'polls', scope: 'openid' },
      remoteAddress: '192.0.2.1',
    });
    const [cookie] = response.cookies;
    const { access_token: token, session } = response.json();
    const until = new Date(clock.now().getTime() + 500_000);
    const asked = await interactionOf(`${cookie?.name}=${cookie?.value}`);
    live = { name, ...asked, session: session.id, token, until };
    return live;
  }

  /** Somebody has allowed the client something, and is asked for more: what waits for an answer, and the cookies of the browser. */
  async function interactionOf(session: string) {
    const { user } = (await app.inject({ url: '/api/v1/session', headers: { cookie: session } })).json();
    const given = { user: user.id, client: reader.principal, api: null, ip: '192.0.2.1' };
    const wanted = { scopes: ['openid'], permissions: [] };
    await db.fork().transactional((tx) => saveConsent(tx, given, wanted, clock.now()));
    const query = new URLSearchParams({ ...request, client_id: reader.id, scope: 'openid email' });
    const { headers } = await app.inject({ url: `/oauth2/authorize?${query}`, headers: { cookie: session } });
    const url = headers.location?.slice(ISSUER.length) ?? '';
    const [flow] = (await app.inject({ url, headers: { cookie: session } })).cookies;
    return { cookie: `${session}; ${flow?.name}=${flow?.value}`, interaction: url.split('/').at(-1) ?? '' };
  }

  let publisher: { token: string; until: Date } | null = null;

  /** The token for Signet itself of a service account that publishes. */
  async function publisherToken() {
    if (publisher && publisher.until > clock.now()) return publisher.token;
    const response = await http.oauth('token', { grant_type: 'client_credentials' }, deploy);
    publisher = { token: response.json().access_token, until: new Date(clock.now().getTime() + 500_000) };
    return publisher.token;
  }

  const setup = (await createSetupSecret(db.fork(), clock.now())) as string;
  const known: Known = {
    list: ['1'],
    username: [...owners, '‹new›', '‹new›', 'ALICE', 'alice@example.com'],
    password: [PASSWORD, 'another long enough phrase', 'short', '12345678901234567890'],
    current_password: [PASSWORD],
    new_password: [PASSWORD, 'another long enough phrase', '123'],
    email: ['newcomer@example.com', ''],
    audience: ['polls', ISSUER, 'signet', 'nowhere'],
    resource: [ISSUER, 'https://nowhere.example'],
    perms: ['polls.add_choice', 'polls.nothing', '__proto__', 'constructor'],
    modules: ['polls', 'toString'],
    scope: ['openid', 'a b'],
    id: ['‹session›', '‹interaction›'],
    ...Object.fromEntries(Object.entries(request).map(([name, value]) => [name, [value]])),
    response_mode: ['query', 'form_post'],
    prompt: ['login', 'none', 'consent'],
    next: ['/', '/interaction/‹interaction›', '//evil.example'],
    decision: ['allow', 'deny'],
    token: ['‹token›', setup],
    grant_type: ['client_credentials', 'password', 'refresh_token'],
    client_id: [worker.id, reader.id, 'signet'],
    client_secret: [worker.secret],
    cookie: ['signet_session=x', `signet_session=${'A'.repeat(43)}`],
    authorization: [basic({ ...worker, secret: 'wrong' }).authorization, 'Basic !', 'Bearer', 'Bearer x.y.z'],
  };

  async function send(wild: Wild) {
    // Windows pass while it runs, but not the day that a setup link is good for.
    clock.pass(Math.min(1, 10_000 / runs));
    const now = await identity();
    sent += 1;
    const at: Record<string, string> = {
      cookie: now.cookie,
      token: wild.url.startsWith('/api/v1/apis/') ? await publisherToken() : now.token,
      session: now.session,
      client: wild.url.startsWith('/oauth2/par') ? basic(reader).authorization : basic(worker).authorization,
      interaction: now.interaction,
      new: `newcomer-${sent}`,
    };
    const fill = (text: string) =>
      text.replace(/‹(\w+)›|%E2%80%B9(\w+)%E2%80%BA/g, (_, raw, coded) => at[raw ?? coded] ?? '');
    const { payload } = wild;
    const response = await app.inject({
      ...wild,
      method: wild.method as 'GET',
      url: fill(wild.url),
      headers: Object.fromEntries(Object.entries(wild.headers).map(([name, value]) => [name, fill(value)])),
      payload: typeof payload === 'string' ? fill(payload) : payload,
    });
    // Whatever changes a session may have ended the one at hand.
    if (!['GET', 'HEAD'].includes(wild.method) && response.statusCode < 400) live = null;
    return response;
  }
  return { app, made, passwords, known, send };
}

t.test(
  `at least 10,000 requests by the OpenAPI document (FUZZ_SEED=${seed})`,
  { timeout: 20 * runs + 120_000 },
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const { app, made, known, send, passwords } = await openFuzzed(db);
    for (const name of owners) await makeUser(db, passwords, name, PASSWORD, { email: `${name}@example.com` });
    const originals = () =>
      db.fork().find(User, { username: { $in: owners } }, { orderBy: { username: 'asc' }, fields });
    const before = { prototypes: prototypes(), originals: JSON.stringify(await originals()) };

    const document = openapiDocument(app);
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => !isStream(operation))
        .map(([method, operation]) => ({ path, method, operation })),
    );
    const perOperation = Math.ceil(runs / operations.length);
    const statuses = new Map<number, number>();
    const answered = new Map<string, number[]>();
    let signedUp = 0;
    let setUp = 0;
    for (const [at, { path, method, operation }] of operations.entries()) {
      const seen: number[] = [];
      answered.set(`${method} ${path}`, seen);
      await fc.assert(
        fc.asyncProperty(requestsTo(document, path, method, operation, known), async (wild) => {
          const { statusCode } = await send(wild);
          // A preflight is answered before anything is asked.
          if (wild.method !== 'OPTIONS') seen.push(statusCode);
          statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
          if (statusCode === 201 && path === '/api/v1/signup') signedUp += 1;
          if (statusCode === 201 && path === '/setup') setUp += 1;
          // What a standard leaves open, and an outage.
          if (statusCode >= 500 && statusCode !== 501 && statusCode !== 503) throw new Error(`${statusCode}`);
        }),
        { seed: seed + at, numRuns: perOperation },
      );
    }

    const total = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    t.comment(
      `${total} requests, ${passwords.count} hashes: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`,
    );
    const done = [...answered].map(([operation, seen]) => [seen.filter((one) => one < 400).length, operation] as const);
    const rarest = done.sort(([one], [other]) => one - other).slice(0, 5);
    t.comment(`done the fewest times: ${rarest.map((one) => one.join(' ')).join(', ')}`);
    t.ok(total >= Math.min(runs, 10_000), `${total} requests`);
    // Registration is off here: test/oauth/register.test.ts.
    for (const [operation, seen] of answered)
      t.ok(
        // Pages send people on.
        seen.some((status) => status < 400) || (operation === 'post /oauth2/register' && seen.includes(403)),
        `${operation} was done at least once: ${[...new Set(seen)].sort().join(' ')}`,
      );

    t.equal(prototypes(), before.prototypes, 'no prototype has gained or lost anything');
    t.equal(JSON.stringify(await originals()), before.originals, 'nobody else was changed');
    const users = await db.fork().find(User, {});
    t.equal(
      users.length,
      owners.length + made.length + signedUp + setUp,
      'users came by sign-up and setup only, and none went',
    );
    t.ok(signedUp > 0 && setUp <= 1, `${signedUp} signed up, ${setUp} set up`);
    t.equal(
      users.filter((one) => one.isSuperuser || one.isStaff).length,
      setUp,
      'and none with more rights than that gives',
    );
  },
);

const fields = ['username', 'email', 'firstName', 'lastName', 'isActive', 'isStaff', 'isSuperuser'] as const;

/** It has no end. */
function isStream({ responses }: Operation): boolean {
  return JSON.stringify(responses).includes('text/event-stream');
}
