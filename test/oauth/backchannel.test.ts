import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { pino } from 'pino';
import { deleteClient, getClient } from '../../src/oauth/index.ts';
import { createLogoutDelivery, type DeliveryDeps, heldLogouts } from '../../src/oauth/logout/index.ts';
import { isUsable } from '../../src/passwords/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createGuardedFetch, FetchError } from '../../src/platform/fetch/index.ts';
import { type DeliveryOutcome, purgeOutbox } from '../../src/platform/outbox/index.ts';
import { createJobs } from '../../src/server/jobs.ts';
import { endSessions, endSessionsByOperator } from '../../src/sessions/index.ts';
import { changeOwnPassword } from '../../src/signin/index.ts';
import { endGrants, ensureCurrentKey } from '../../src/tokens/index.ts';
import { deleteUser, getUser, User, updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, masterKey } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openSessions, type TestClient } from '../support/world.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

interface Received {
  readonly path: string;
  readonly type: string;
  readonly body: string;
  readonly token: string;
}

/** Clients that listen: what each path answers is said by the test; a number is a status, a promise is waited for. */
async function receiver(t: Test) {
  const received: Received[] = [];
  const answers = new Map<string, () => number | Promise<number>>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url as string;
    const token = new URLSearchParams(body).get('logout_token') ?? '';
    received.push({ path, type: request.headers['content-type'] ?? '', body, token });
    const status = await (answers.get(path)?.() ?? 200);
    response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const at = (path: string) => received.filter((one) => one.path === path);
  return {
    received,
    answers,
    at,
    allow: `127.0.0.1:${port}`,
    uri: (path: string) => `http://127.0.0.1:${port}${path}`,
  };
}

interface Row {
  readonly id: string;
  readonly tries: number;
  readonly last_error: string | null;
  readonly is_done: boolean;
  readonly wait: number;
}

async function backchannelWorld(t: Test, db: Database) {
  const inbox = await receiver(t);
  const s = await openSessions(db, { SIGNET_FETCH_ALLOW: inbox.allow });
  const { clock, keys, issuer, config } = s;
  const attempts: { outcome: DeliveryOutcome; error: string | null }[] = [];
  const deps: DeliveryDeps = {
    db,
    clock,
    keys,
    issuer,
    fetch: createGuardedFetch({ allow: config.fetchAllow, deadlineMilliseconds: 2000 }),
    onAttempt: (outcome, { error }) => void attempts.push({ outcome, error }),
  };
  const never = new AbortController().signal;
  /** One run of a node, until nothing is due. */
  const deliver = (more: Partial<DeliveryDeps> = {}, signal = never) =>
    createLogoutDelivery({ ...deps, ...more })(signal);
  const listener = (name: string, more: object = {}) =>
    s.make(name, { backchannelLogoutUri: inbox.uri(`/${name}`), ...more });
  const rows = (client: { principal: string }) =>
    db.fork().execute<Row[]>(
      `select id, tries::int as tries, last_error, done_at is not null as is_done,
       extract(epoch from next_try_at - ?::timestamptz)::float8 as wait from platform_outbox where target = ?`,
      [clock.now(), client.principal],
    );
  const deleteDeliveries = async () => {
    await db.fork().execute('delete from platform_outbox');
    inbox.received.length = 0;
    attempts.length = 0;
  };
  /** A logout at the browser, of a session in which these clients were given something. */
  const logOutOf = async (...clients: TestClient[]) => {
    const browser = await s.logIn();
    for (const client of clients) await s.grant(client, browser);
    await s.http.as(browser).post('/api/v1/logout');
    return browser;
  };
  return { ...s, inbox, attempts, deliver, listener, rows, deleteDeliveries, logOutOf, deps };
}

/** As a stock client reads it. */
async function jwtClaims(s: Awaited<ReturnType<typeof backchannelWorld>>, token: string, clientId: string) {
  const set = createLocalJWKSet((await s.app.inject('/.well-known/jwks.json')).json() as JSONWebKeySet);
  const expected = { issuer: s.issuer, audience: clientId, typ: 'logout+jwt', currentDate: s.clock.now() };
  return jwtVerify(token, set, { ...expected, requiredClaims: ['iat', 'exp', 'jti', 'events', 'sub', 'sid'] });
}

t.test('back-channel logout', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await backchannelWorld(t, db);
    const { inbox, attempts, deliver, listener, rows, deleteDeliveries, logOutOf, clock } = s;

    /** In the same browser. */
    const logInAgain = ({ cookie }: { cookie: string }, username: string) => s.logIn(username, { headers: { cookie } });

    await t.test(
      'OIDC Back-Channel Logout §2.4, §2.5, §2.8, §4 (L3): a client that fails twice is notified at the third attempt, with the same jti',
      async (t) => {
        const web = await listener('web');
        const statuses = [500, 400];
        inbox.answers.set('/web', () => statuses.shift() ?? 200);
        const browser = await logOutOf(web);
        for (let tries = 1; tries <= 3; tries++) {
          await deliver();
          if (tries < 3) clock.pass(((await rows(web))[0] as Row).wait + 0.001);
        }
        await deliver();
        t.same(
          attempts.map((one) => [one.outcome, one.error]),
          [
            ['failed', 'status_500'],
            ['failed', 'status_400'],
            ['delivered', null],
          ],
        );
        t.same(
          (await rows(web)).map(({ tries, is_done, last_error }) => [tries, is_done, last_error]),
          [[3, true, null]],
        );
        const sent = inbox.at('/web');
        t.equal(sent.length, 3, 'and never again');
        const ids = new Set<unknown>();
        for (const { token, body, type } of sent) {
          t.match([type, body], ['application/x-www-form-urlencoded', /^logout_token=[\w.-]+$/]);
          ids.add(JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).jti);
        }
        t.equal(ids.size, 1, 'one notice, one jti');
        const { payload, protectedHeader } = await jwtClaims(s, sent[2]?.token as string, web.id);
        t.match(protectedHeader, { typ: 'logout+jwt', alg: 'RS256' });
        t.match(payload, { sub: browser.user.id, sid: browser.sid, events: { [EVENT]: {} } });
        t.same(Object.keys(payload).sort(), ['aud', 'events', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub'], 'no nonce');
        t.ok((payload.exp as number) - (payload.iat as number) <= 120, 'OIDC Back-Channel Logout §4: two minutes');
        t.ok((payload.iat as number) * 1000 >= clock.now().getTime() - 1000, 'signed for this try');
        t.equal((await s.http.hasPerm(sent[2]?.token as string)).statusCode, 401, 'J3: it is no access token');
      },
    );

    await t.test(
      'OIDC Back-Channel Logout §2.3 (L3): every client that was given something in the session, once, and no other',
      async (t) => {
        await deleteDeliveries();
        const [one, two, silent] = [await listener('one'), await listener('two'), await s.make('silent', {})];
        const [elsewhere, closed] = [await listener('elsewhere'), await listener('closed')];
        const [browser, another] = [await s.logIn(), await s.logIn()];
        for (const client of [one, one, two, silent, closed]) await s.grant(client, browser);
        await s.grant(one, browser, true);
        await s.grant(elsewhere, another);
        await db.fork().transactional((tx) => endGrants(tx, clock.now(), { client: two.principal }, 'revoked'));
        await db.fork().execute('update oauth_client set is_active = false where id = ?', [closed.principal]);
        await s.http.as(browser).post('/api/v1/logout');
        await deliver();
        t.same(inbox.received.map((one) => one.path).sort(), ['/one', '/two'], 'one whose grant was over too');
        await s.http.as(browser).post('/api/v1/logout');
        await deliver();
        t.equal(inbox.received.length, 2, 'a session ends once');
      },
    );

    await t.test('L3: it is notified of every way in which a session ends, and of none that was undone', async (t) => {
      const web = await listener('ways');
      const em = () => db.fork();
      const alice = () => getUser(em(), 'alice');
      const ways: Record<string, (browser: Awaited<ReturnType<typeof s.logIn>>) => Promise<unknown>> = {
        'sent by a client': (browser) => s.get({ id_token_hint: s.idToken(web, browser) }, browser),
        'somebody else logs in in the same browser': (browser) => logInAgain(browser, 'bob'),
        'ended by its user': async (browser) =>
          s.http.as(await s.logIn()).delete(`/api/v1/account/sessions/${browser.sid}`),
        'ended by an operator': async (browser) =>
          em().transactional(async (tx) => endSessionsByOperator(tx, audit(clock.now()), await alice(), browser.sid)),
        'another password': async (browser) => {
          const { password, id, passwordEpoch } = await alice();
          t.ok(isUsable(password));
          const session = { id: browser.sid, authTime: clock.now(), amr: ['pwd'] };
          const own = { id, username: 'alice' };
          const life = { idleSeconds: 3600, absoluteSeconds: 3600 };
          const client = { ip: '127.0.0.1', userAgent: null, sessionToken: null };
          const change = { user: own, encoded: password, fromEpoch: passwordEpoch, session, life, client };
          await changeOwnPassword(db, audit(clock.now()), change);
        },
        deactivated: async () => {
          await updateUser(em(), audit(clock.now()), await alice(), { isActive: false });
          await updateUser(em(), audit(clock.now()), await alice(), { isActive: true });
        },
      };
      for (const [way, end] of Object.entries(ways)) {
        await deleteDeliveries();
        const browser = await s.logIn();
        await s.grant(web, browser);
        await end(browser);
        await deliver();
        t.equal(inbox.at('/ways').length, 1, way);
        const { payload } = await jwtClaims(s, inbox.at('/ways')[0]?.token ?? '', web.id);
        t.equal(payload['sid'], browser.sid, way);
      }
      await deleteDeliveries();
      const browser = await s.logIn();
      await s.grant(web, browser);
      const undone = db.fork().transactional(async (tx) => {
        await endSessions(tx, clock.now(), { id: browser.sid }, 'logout');
        throw new Error('undone');
      });
      await t.rejects(undone, /undone/);
      t.same(await rows(web), [], 'notice and end are one transaction');
      t.ok(await browser.isSignedIn());
    });

    await t.test(
      'L3: a user who authenticates again is logged out nowhere; a logout later tells each client the sid that it knows',
      async (t) => {
        await deleteDeliveries();
        const [first, second] = [await listener('first'), await listener('second')];
        const browser = await s.logIn();
        await s.grant(first, browser);
        const again = await logInAgain(browser, 'alice');
        await s.grant(second, again);
        const last = await logInAgain(again, 'alice');
        await deliver();
        clock.pass(86_400);
        await deliver();
        t.same(inbox.received, [], 'nobody was logged out');
        await purgeOutbox(db, clock.now(), [heldLogouts]);
        await s.http.as(last).post('/api/v1/logout');
        await deliver();
        const sids = async (path: string, client: { id: string }) => {
          const all = await Promise.all(inbox.at(path).map((one) => jwtClaims(s, one.token, client.id)));
          return all.map((one) => one.payload['sid']).sort();
        };
        t.same(await sids('/first', first), [browser.sid, again.sid, last.sid].sort(), 'the first one');
        t.same(await sids('/second', second), [again.sid, last.sid].sort(), 'the second one');
        await deleteDeliveries();
        const left = await s.logIn();
        await s.grant(first, left);
        const other = await logInAgain(left, 'alice');
        await logInAgain(other, 'bob');
        await deliver();
        t.same(await sids('/first', first), [left.sid, other.sid].sort(), 'another user ends them all');
        await deleteDeliveries();
        const old = await s.logIn();
        await s.grant(first, old);
        const over = await logInAgain(old, 'alice');
        clock.pass(8 * 86_400);
        await purgeOutbox(db, clock.now(), [heldLogouts]);
        t.equal((await rows(first)).length, 1, 'held while the session is there');
        await db.fork().execute('delete from sessions_session where id = ?', [over.sid]);
        await purgeOutbox(db, clock.now(), [heldLogouts]);
        t.equal((await rows(first)).length, 0, 'forgotten with a session that ran out of time');
      },
    );

    await t.test(
      'L3: after eight tries in about six hours a client is given up, and what was wrong is kept',
      async (t) => {
        await deleteDeliveries();
        const web = await listener('dead');
        inbox.answers.set('/dead', () => 503);
        await logOutOf(web);
        let seconds = 0;
        for (let tries = 1; tries <= 8; tries++) {
          await deliver();
          const [row] = (await rows(web)) as [Row];
          t.match(row, { tries, last_error: 'status_503', is_done: tries === 8 });
          if (tries === 8) break;
          t.ok(row.wait >= 0.8 * 4 ** tries && row.wait <= 1.2 * 4 ** tries, `${row.wait} s after ${tries}`);
          await deliver();
          t.equal(inbox.at('/dead').length, tries, 'not before its time');
          clock.pass(row.wait + 0.001);
          seconds += row.wait;
        }
        t.ok(seconds > 4.5 * 3600 && seconds < 7.5 * 3600, `${seconds} s`);
        t.same(attempts.at(-1), { outcome: 'given_up', error: 'status_503' });
        clock.pass(86_400);
        await deliver();
        t.equal(inbox.at('/dead').length, 8);
      },
    );

    await t.test(
      'SSRF (L3): a target that is not let through, a redirect, and no HTTP are failures like others',
      async (t) => {
        await deleteDeliveries();
        const web = await listener('moved');
        inbox.answers.set('/moved', () => 302);
        await logOutOf(web);
        await deliver();
        t.same(attempts, [{ outcome: 'failed', error: 'redirect' }]);
        t.equal(inbox.at('/elsewhere').length, 0);
        await deleteDeliveries();
        await logOutOf(web);
        await deliver({ fetch: createGuardedFetch({ allow: [] }) });
        t.same([attempts, inbox.received.length], [[{ outcome: 'failed', error: 'forbidden_target' }], 0]);
      },
    );

    await t.test(
      'L3: a slow client takes four slots, and neither another client nor the user waits for it',
      async (t) => {
        await deleteDeliveries();
        const [slow, quick] = [await listener('slow'), await listener('quick')];
        let open = 0;
        let most = 0;
        let release = () => {};
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        inbox.answers.set('/slow', async () => {
          most = Math.max(most, ++open);
          await held;
          open -= 1;
          return 200;
        });
        for (let i = 0; i < 9; i++) await logOutOf(slow);
        await logOutOf(quick);
        const running = deliver();
        const arrived = async (count: number) => {
          while (inbox.at('/quick').length < count) await new Promise((resolve) => setTimeout(resolve, 10));
        };
        await arrived(1);
        t.equal(open, 4, 'nine wait before it, four of them are under way');
        await logOutOf(quick);
        await arrived(2);
        t.equal(open, 4, 'and one that comes later is told while they are');
        release();
        await running;
        t.same([most, inbox.at('/slow').length], [4, 9]);
      },
    );

    await t.test('L3: two nodes at once send each delivery once', async (t) => {
      await deleteDeliveries();
      const clients = [await listener('a'), await listener('b'), await listener('c')];
      for (let i = 0; i < 8; i++) await logOutOf(...clients);
      await Promise.all([deliver(), deliver(), deliver()]);
      t.equal(inbox.received.length, 24);
      t.equal(new Set(inbox.received.map((one) => one.token)).size, 24);
      t.equal((await db.fork().execute('select 1 from platform_outbox where done_at is null')).length, 0);
    });

    await t.test('L3: what a node had when it died is delivered by another, once its lease is over', async (t) => {
      await deleteDeliveries();
      const web = await listener('survives');
      await logOutOf(web);
      let fail = (_: Error) => {};
      const dead = new Promise<never>((_, reject) => {
        fail = reject;
      });
      const node = deliver({ fetch: () => dead });
      while ((await rows(web))[0]?.tries === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      clock.pass(29);
      await deliver();
      t.equal(inbox.at('/survives').length, 0, 'it may be under way still');
      clock.pass(2);
      await deliver();
      t.equal(inbox.at('/survives').length, 1);
      fail(new FetchError('timeout'));
      await node;
      t.same(
        (await rows(web)).map(({ tries, is_done, last_error }) => [tries, is_done, last_error]),
        [[2, true, null]],
        'what the first one thinks of it comes too late',
      );
    });

    await t.test('a node that stops finishes its deliveries, and starts no more', async (t) => {
      await deleteDeliveries();
      const web = await listener('stopping');
      for (let i = 0; i < 6; i++) await logOutOf(web);
      const stop = new AbortController();
      inbox.answers.set('/stopping', () => {
        stop.abort();
        return 200;
      });
      await deliver({}, stop.signal);
      t.equal(inbox.at('/stopping').length, 4);
      t.equal((await rows(web)).filter((one) => one.is_done).length, 4);
    });

    await t.test('a client without a logout URI any more, or disabled, gets no pending delivery', async (t) => {
      await deleteDeliveries();
      const [gone, closed] = [await listener('gone'), await listener('shut')];
      await logOutOf(gone, closed);
      await db.fork().execute(`update oauth_client set settings = '{}' where id = ?`, [gone.principal]);
      await db.fork().execute('update oauth_client set is_active = false where id = ?', [closed.principal]);
      await deliver();
      t.equal(inbox.received.length, 0);
      for (const client of [gone, closed]) t.match(await rows(client), [{ is_done: true, last_error: 'no_uri' }]);
    });

    await t.test('decision 20: what is pending for a client, held or not, goes with the client', async (t) => {
      await deleteDeliveries();
      const [gone, stays] = [await listener('leaves'), await listener('stays')];
      const browser = await logOutOf(gone, stays);
      const held = await s.logIn();
      for (const client of [gone, stays]) await s.grant(client, held);
      await logInAgain(held, 'alice');
      t.same([(await rows(gone)).length, (await rows(stays)).length], [2, 2]);
      await deleteClient(db.fork(), audit(clock.now()), await getClient(db.fork(), gone.id));
      await deliver();
      t.same([await rows(gone), (await rows(stays)).length], [[], 2]);
      t.same(attempts, [{ outcome: 'delivered', error: null }]);
      const { payload } = await jwtClaims(s, inbox.at('/stays')[0]?.token ?? '', stays.id);
      t.equal(payload['sid'], browser.sid);
    });

    await t.test('decision 20: a delivery to a client that is gone is given up at once', async (t) => {
      await deleteDeliveries();
      const web = await listener('orphaned');
      await logOutOf(web);
      const orphan = '0196d3a0-0000-7000-8000-000000000000';
      await db.fork().execute('update platform_outbox set target = ?', [orphan]);
      await deliver();
      t.match(await rows({ principal: orphan }), [{ tries: 1, is_done: true, last_error: 'no_uri' }]);
      t.same(attempts, [{ outcome: 'given_up', error: 'no_uri' }]);
    });

    await t.test('it is signed by the algorithm of the client’s ID tokens, as soon as there is a key', async (t) => {
      await deleteDeliveries();
      const web = await listener('curve', { idTokenAlg: 'ES256' });
      await logOutOf(web);
      await deliver();
      t.same(attempts, [{ outcome: 'failed', error: 'no_key' }]);
      await ensureCurrentKey(db.fork(), audit(clock.now()), masterKey, 'ES256');
      await s.keys.reload();
      clock.pass(5);
      await deliver();
      const { protectedHeader } = await jwtClaims(s, inbox.at('/curve')[0]?.token ?? '', web.id);
      t.equal(protectedHeader.alg, 'ES256');
    });

    await t.test('a running server delivers, counts, and logs what it has given up', async (t) => {
      await deleteDeliveries();
      const [web, dead] = [await listener('served'), await listener('refuses')];
      inbox.answers.set('/refuses', () => 500);
      await logOutOf(web, dead);
      await db.fork().execute('update platform_outbox set tries = 7 where target = ?', [dead.principal]);
      const lines: { msg: string; level: number; clientId?: string; error?: string }[] = [];
      const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
      const counted: string[] = [];
      const metrics = { logoutDelivery: (outcome: string) => void counted.push(outcome) } as never;
      const { config, keys, issuer } = s;
      const job = createJobs({ db, clock, config, log, keys, issuer, metrics }, masterKey).find(
        (one) => one.name === 'logout-notices',
      );
      t.equal(job?.everySeconds, 1);
      await job?.run(new AbortController().signal);
      t.equal(inbox.at('/served').length, 1);
      t.same(counted.sort(), ['delivered', 'given_up']);
      t.match(lines, [{ level: 40, clientId: dead.id, tries: 8, error: 'status_500' }]);
    });

    await t.test(
      'notices are forgotten a week after they were delivered or given up, never while they wait',
      async (t) => {
        await deleteDeliveries();
        const [done, waits] = [await listener('done'), await listener('waits')];
        inbox.answers.set('/waits', () => 500);
        await logOutOf(done, waits);
        await deliver();
        clock.pass(7 * 86_400 - 60);
        await purgeOutbox(db, clock.now(), [heldLogouts]);
        t.equal((await rows(done)).length, 1);
        clock.pass(120);
        await purgeOutbox(db, clock.now(), [heldLogouts]);
        t.same([(await rows(done)).length, (await rows(waits)).length], [0, 1]);
      },
    );

    await t.test(
      'decision 4: of a user who is deleted no consent, code or device is kept, of others all',
      async (t) => {
        await deleteDeliveries();
        const web = await listener('deleted');
        const browser = await s.logIn();
        await s.grant(web, browser);
        const bob = await getUser(db.fork(), 'bob');
        const kept = async (user: string) => {
          const tables = ['oauth_consent', 'oauth_code', 'oauth_device'];
          const counts = tables.map((table) => `(select count(*)::int from ${table} where principal_id = ?)`);
          const [row] = await db
            .fork()
            .execute<{ n: number }[]>(`select ${counts.join(' + ')} as n`, [user, user, user]);
          return row?.n;
        };
        for (const user of [browser.user.id, bob.id]) {
          const values = { user, client: web.principal, now: clock.now() };
          const run = (sql: string, names: (keyof typeof values)[]) =>
            db.fork().execute(
              sql,
              names.map((name) => values[name]),
            );
          await run(
            `insert into oauth_consent (principal_id, client_id, api_id, scopes, permissions, created_at, updated_at)
           values (?, ?, '00000000-0000-0000-0000-000000000000', '{openid}', '{}', ?, ?)`,
            ['user', 'client', 'now', 'now'],
          );
          await run(
            `insert into oauth_code (digest, principal_id, client_id, password_epoch, session_id, auth_time, amr, expires_at)
           values (sha256(?::text::bytea), ?, ?, 1, gen_random_uuid(), ?, '{pwd}', ?)`,
            ['user', 'user', 'client', 'now', 'now'],
          );
          await run(
            `insert into oauth_device (digest, user_code, principal_id, client_id, interval_seconds, state, expires_at)
           values (sha256(?::text::bytea), ?, ?, ?, 5, 'approved', ?)`,
            ['user', 'user', 'user', 'client', 'now'],
          );
        }
        t.same([await kept(browser.user.id), await kept(bob.id)], [3, 3]);
        await deleteUser(db.fork(), audit(clock.now()), await db.fork().findOneOrFail(User, browser.user.id));
        t.same([await kept(browser.user.id), await kept(bob.id)], [0, 3]);
        await deliver();
        t.equal(inbox.at('/deleted').length, 1, 'and its client is told that the session is over');
      },
    );
  }),
);
