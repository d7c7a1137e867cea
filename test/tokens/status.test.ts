import { gunzipSync, inflateSync } from 'node:zlib';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { setRole, unassign, updateApi } from '../../src/permissions/index.ts';
import { type Database, startChangeFeed } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { createStatusLists, purgeTokens, STATUS, TokenStatus } from '../../src/tokens/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { createTestPostgresql, model, onEachEngine, postgresqlUrl } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { audit, ISSUER } from '../support/server.ts';
import t from '../support/tap.ts';
import { assignee, openWorld } from '../support/world.ts';

interface Claims {
  readonly status: { readonly status_list: { readonly idx: number; readonly uri: string } };
  readonly permissions: string[];
  readonly is_superuser: boolean;
}

const decodeClaims = (token: string): Claims => jwtClaims(token);

async function statusWorld(db: Database) {
  const world = await openWorld(db);
  const { http } = world;
  const polls = await world.api('polls', { models: ['polls.choice'] });
  const shop = await world.api('shop', { models: ['polls.choice'] });
  const alice = await world.user('alice');
  const login = async () => (await http.logIn('alice')).cookie;
  const post = (url: string, cookie: string, body: object = {}) => http.json(url, body, { cookie });
  const token = async (cookie: string, audience = 'polls'): Promise<Claims> =>
    decodeClaims((await post('/api/v1/token', cookie, { audience })).json().access_token);
  const bits = async (list = 1) => {
    const { status_list } = jwtClaims((await http.get(`/status-lists/${list}`)).body);
    return inflateSync(Buffer.from(status_list.lst, 'base64url'));
  };
  /** As a verifier reads it (§4.1): two bits an index, the least significant first. */
  const status = async ({ status: { status_list } }: Claims) => {
    await world.refresh();
    return (((await bits())[status_list.idx >> 2] as number) >> ((status_list.idx & 3) * 2)) & 3;
  };
  return { ...world, polls, shop, alice, login, post, token, bits, status };
}

t.test('status lists', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await statusWorld(db);
    const { app, login, post, token, status, clock, alice, polls } = s;
    const { principal } = assignee(alice);

    await t.test(
      'S2, S3, draft-ietf-oauth-status-list §9.3: a list is a signed statuslist+jwt with two bits an index; all are listed',
      async (t) => {
        const response = await app.inject({
          url: '/status-lists/1',
          headers: { accept: 'application/statuslist+jwt' },
        });
        t.equal(response.statusCode, 200);
        t.match(response.headers, {
          'content-type': /^application\/statuslist\+jwt/,
          'cache-control': 'public, max-age=5',
          'access-control-allow-origin': '*',
          etag: /^"[\w-]+"$/,
        });
        const jwks = createLocalJWKSet((await app.inject({ url: '/.well-known/jwks.json' })).json());
        const { payload, protectedHeader } = await jwtVerify(response.body, jwks, {
          typ: 'statuslist+jwt',
          issuer: ISSUER,
          currentDate: clock.now(),
        });
        t.equal(protectedHeader.alg, 'RS256');
        const { iat = 0, exp = 0, sub } = payload;
        const { ttl, status_list: list } = payload as unknown as { ttl: number; status_list: { bits: number } };
        t.same([sub, exp - iat, ttl, list.bits], [`${ISSUER}/status-lists/1`, 300, 5, 2]);
        t.equal((await s.bits()).length, 262_144, '2^20 indexes');
        const etag = response.headers.etag as string;
        t.equal((await app.inject({ url: '/status-lists/1', headers: { 'if-none-match': etag } })).statusCode, 304);
        const zipped = await app.inject({ url: '/status-lists/1', headers: { 'accept-encoding': 'gzip' } });
        t.equal(zipped.headers['content-encoding'], 'gzip');
        const lists = [{ 'accept-encoding': 'gzip' }, {}, { 'accept-encoding': 'gzip' }].map((headers) =>
          app.inject({ url: '/status-lists/1', headers }),
        );
        const [one, plain, two] = (await Promise.all(lists)).map((answer) => answer.rawPayload);
        t.same(one, two, 'asked for at once, it is compressed once');
        t.same(gunzipSync(one as Buffer), plain);
        t.equal((await app.inject({ url: '/status-lists/1', headers: { accept: 'text/html' } })).statusCode, 406);
        t.equal((await app.inject({ url: '/status-lists/1?time=1' })).statusCode, 501);
        t.equal((await app.inject({ url: '/status-lists/77' })).statusCode, 404);
        t.same((await app.inject({ url: '/status-lists' })).json(), { status_lists: [`${ISSUER}/status-lists/1`] });
      },
    );

    await t.test(
      'RFC 9110 §12.5.3, §12.4.2, §8.4.1.3: a list is compressed for who takes gzip, by weight, identity and *',
      async (t) => {
        const coding = async (value: string) => {
          const answer = await app.inject({ url: '/status-lists/1', headers: { 'accept-encoding': value } });
          t.same([answer.statusCode, answer.headers['vary']], [200, 'Accept, Accept-Encoding']);
          return answer.headers['content-encoding'];
        };
        for (const value of [
          'gzip',
          'GZIP',
          'x-gzip',
          'br, gzip',
          'deflate,gzip;q=0.5 , br',
          'gzip ; Q=0.001',
          'gzip;q=1.000',
          '*',
          'br;q=1, *;q=0.1',
          'identity;q=0, *',
          'identity;q=0.5, gzip',
          'gzip, *;q=0',
          ',,gzip,',
        ])
          t.equal(await coding(value), 'gzip', value);
        for (const value of [
          '',
          'identity',
          'br',
          'gzip;q=0',
          'gzip;q=0.000',
          'gzip; Q=0',
          'br, gzip;q=0, *',
          '*;q=0',
          'identity, gzip;q=0.5',
          'gzip;q=0.1, *;q=0.5',
          'gzip;q=x',
          'gzipped',
          'not-gzip',
          `${'gzip;'.repeat(1500)}q=0`,
        ])
          t.equal(await coding(value), undefined, value.slice(0, 40));
      },
    );

    await t.test(
      'draft-ietf-oauth-status-list §6.2: all tokens of a session for an API have one random index',
      async (t) => {
        const cookie = await login();
        const [one, two, other] = [await token(cookie), await token(cookie), await token(cookie, 'shop')];
        t.same(one.status, two.status);
        t.not(one.status.status_list.idx, other.status.status_list.idx);
        t.match(one.status.status_list, { uri: `${ISSUER}/status-lists/1` });
        t.equal(await status(one), STATUS.valid);
      },
    );

    await t.test(
      '§6, draft-ietf-oauth-status-list §7: an addition supersedes, a removal suspends, at that API alone; the next token has another index',
      async (t) => {
        const cookie = await login();
        const [before, shop] = [await token(cookie), await token(cookie, 'shop')];
        await s.assign(alice, polls, 'polls.add_choice');
        t.equal(await status(before), STATUS.superseded);
        t.equal(await status(shop), STATUS.valid);
        const after = await token(cookie);
        t.same(after.permissions, ['polls.add_choice']);
        t.not(after.status.status_list.idx, before.status.status_list.idx);
        t.equal(await status(after), STATUS.valid);

        await s.unassign(alice, polls, 'polls.add_choice');
        t.equal(await status(after), STATUS.suspended);
        t.equal(await status(before), STATUS.suspended, 'what was superseded can still lose');
        await s.assign(alice, polls, 'polls.add_choice');
        t.equal(await status(after), STATUS.suspended, 'a status never goes back');
        await s.unassign(alice, polls, 'polls.add_choice');
        t.equal(
          (await post('/api/v1/has_perm', cookie, { audience: 'polls', perms: ['x.y'] })).statusCode,
          200,
          'nobody logs in because of it',
        );

        const last = await token(cookie);
        t.equal((await post('/api/v1/logout', cookie)).statusCode, 204);
        for (const one of [before, after, last, shop])
          t.equal(await status(one), STATUS.revoked, 'those left behind too');
      },
    );

    await t.test('groups and flags change the status of the tokens that they concern', async (t) => {
      const cookie = await login();
      const group = await s.group('Editors', alice);
      const before = await token(cookie);
      t.equal(await status(before), STATUS.valid, 'a group that holds nothing changes nothing');
      await s.assign(group, polls, 'polls.view_choice');
      t.equal(await status(before), STATUS.superseded);
      const claims = await token(cookie);
      await setRole(db.fork(), audit(), principal, polls, { isStaff: true, isSuperuser: false });
      t.equal(await status(claims), STATUS.superseded);
      const staff = await token(cookie);
      await setRole(db.fork(), audit(), principal, polls, { isStaff: false, isSuperuser: false });
      t.equal(await status(staff), STATUS.suspended);
      const last = await token(cookie);
      await s.unassign(group, polls, 'polls.view_choice');
      t.equal(await status(last), STATUS.suspended);
    });

    await t.test('§6: a token that is made while flags are taken never has an index that stays valid', async (t) => {
      for (let round = 0; round < 8; round++) {
        await updateUser(db.fork(), audit(), s.alice, { isSuperuser: true });
        const cookie = await login();
        const [, made] = await Promise.all([
          updateUser(db.fork(), audit(), s.alice, { isSuperuser: false }),
          post('/api/v1/token', cookie, { audience: 'polls' }),
        ]);
        const claims = decodeClaims(made.json().access_token);
        t.ok(!claims.is_superuser || (await status(claims)) === STATUS.suspended, `round ${round}`);
      }
    });

    await t.test('§6: a status index outlives the idle limit of a session that is used', async (t) => {
      const cookie = await login();
      const { idx } = (await token(cookie)).status.status_list;
      const row = await db.fork().findOneOrFail(TokenStatus, { list: 1, idx });
      const days = (row.expiresAt.getTime() - clock.now().getTime()) / 86_400_000;
      t.ok(days > 30 && days < 31, `${days} days: the absolute limit, not the idle one`);
    });

    await t.test('an API with --superseded off sees removals only', async (t) => {
      await updateApi(db.fork(), audit(), s.shop, { withSuperseded: false });
      const cookie = await login();
      const before = await token(cookie, 'shop');
      await s.assign(alice, s.shop, 'polls.view_choice');
      t.equal(await status(before), STATUS.valid);
      t.same((await token(cookie, 'shop')).permissions, ['polls.view_choice']);
      await s.unassign(alice, s.shop, 'polls.view_choice');
      t.equal(await status(before), STATUS.suspended);
    });

    await t.test('docs/oauth.md: revoking one access token suspends its siblings', async (t) => {
      const worker = await s.client('Worker', { requests: [polls] });
      const ask = (endpoint: string, fields: Record<string, string>) => s.http.oauth(endpoint, fields, worker);
      const issue = async () =>
        (await ask('token', { grant_type: 'client_credentials' })).json().access_token as string;
      const [one, two] = [await issue(), await issue()];
      t.same(decodeClaims(one).status, decodeClaims(two).status);
      await ask('revoke', { token: one });
      t.equal(await status(decodeClaims(two)), STATUS.suspended);
      t.same((await ask('introspect', { token: one })).json(), { active: false });
      t.equal((await ask('introspect', { token: two })).json().active, true, 'rights as of now');
      t.not(decodeClaims(await issue()).status.status_list.idx, decodeClaims(two).status.status_list.idx);
    });

    await t.test('§6: indexes are free again only when no token and no list can refer to them', async (t) => {
      const places = await db.fork().count(TokenStatus);
      await purgeTokens(db, clock.now());
      t.equal(await db.fork().count(TokenStatus), places);
      clock.pass(31 * 86_400);
      await purgeTokens(db, clock.now());
      const left = await db.fork().find(TokenStatus, {});
      t.ok(left.every((one) => one.expiresAt > clock.now()));
      t.ok(left.length < places);
    });
  }),
);

t.test('S4: least significant bits first', async (t) => {
  const statuses = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
  const bytes = new Uint8Array(3);
  statuses.forEach((state, idx) => {
    bytes[idx >> 2] = (bytes[idx >> 2] as number) | (state << ((idx & 3) * 2));
  });
  t.equal(Buffer.from(bytes).toString('hex'), 'c944f9', 'the vector of the draft, as our lists are laid out');
});

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
t.test('two processes on one PostgreSQL', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const [here, there] = [await openPostgresql(url, 10, model), await openPostgresql(url, 10, model)];
  const s = await statusWorld(here);
  const lists = createStatusLists(there, s.keys, ISSUER, s.clock);
  const changes = await startChangeFeed(there, { onError: (_, error) => t.fail(error.message) });
  await lists.start(changes);
  t.teardown(async () => {
    await changes.stop();
    await here.close();
    await there.close();
    await drop();
  });
  const events: [number, number][] = [];
  const unfollow = lists.follow(null, ({ changes }) => void events.push(...(changes as [number, number][])));
  const isSeen = async (claims: Claims, state: number) => {
    const { idx } = claims.status.status_list;
    for (let tries = 0; tries < 3000; tries++) {
      if (events.some(([at, is]) => at === idx && is === state)) return true;
      await new Promise((done) => setTimeout(done, 5));
    }
    return false;
  };

  await t.test('§6: a change made at one is published by the other', async (t) => {
    const cookie = await s.login();
    const before = await s.token(cookie);
    await s.assign(s.alice, s.polls, 'polls.add_choice');
    t.ok(await isSeen(before, STATUS.superseded));
    await s.post('/api/v1/logout', cookie);
    t.ok(await isSeen(before, STATUS.revoked));
    const document = await lists.document(1);
    t.ok(document && document !== 'unavailable');
  });

  await t.test('a transaction that started before and ended after another is not missed', async (t) => {
    const [slow, quick] = [await s.token(await s.login()), await s.token(await s.login())];
    const set = (claims: Claims) =>
      `update tokens_status set state = 1, changed = pg_current_xact_id() where idx = ${claims.status.status_list.idx}`;
    let release = () => {};
    const heldOpen = new Promise<void>((done) => {
      release = done;
    });
    const first = here.fork().transactional(async (tx) => {
      await tx.execute(set(slow));
      await heldOpen;
    });
    await here.fork().transactional((tx) => tx.execute(set(quick)));
    t.ok(await isSeen(quick, STATUS.revoked), 'the later one is seen');
    release();
    await first;
    t.ok(await isSeen(slow, STATUS.revoked), 'and the earlier one, which ended later, too');
  });

  await t.test('a follower that resumes with its last event receives what it missed', async (t) => {
    const [one, two] = [await s.token(await s.login()), await s.token(await s.login())];
    const idx = (claims: Claims) => claims.status.status_list.idx;
    const revoke = (claims: Claims) =>
      here
        .fork()
        .execute(`update tokens_status set state = 1, changed = pg_current_xact_id() where idx = ${idx(claims)}`);
    let version = 0;
    const first = lists.follow(null, (event) => {
      version = event.version;
    });
    await revoke(one);
    t.ok(await isSeen(one, STATUS.revoked));
    first();
    await revoke(two);
    t.ok(await isSeen(two, STATUS.revoked));
    const indexes: number[] = [];
    lists.follow(version, ({ changes }) => void indexes.push(...changes.map(([at]) => at)))();
    t.ok(indexes.includes(idx(two)));
    const stranger: number[] = [];
    lists.follow(0, ({ changes }) => void stranger.push(...changes.map(([at]) => at)))();
    t.same(stranger, [], 'who saw nothing reads the list: the database is not asked for it');
  });

  await t.test('more changes than an event holds come in slices; a flood says "read the list"', async (t) => {
    const sizes = async (list: number, count: number, events: number) => {
      const all: number[] = [];
      const stop = lists.follow(null, (event) => {
        if (event.list === list) all.push(event.changes.length);
      });
      await here.fork().execute(
        `insert into tokens_status (list, idx, holder_id, api_id, principal_id, state, expires_at)
         select ${list}, n, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, now() from generate_series(1, ${count}) n`,
      );
      for (let tries = 0; tries < 3000 && all.length < events; tries++)
        await new Promise((done) => setTimeout(done, 5));
      stop();
      return all;
    };
    t.same(await sizes(2, 5000, 3), [2000, 2000, 1000]);
    t.same(await sizes(3, 25_000, 1), [0]);
    t.same(lists.numbers(), [1, 2, 3]);
  });

  await t.test(
    'a token issued while its rights change never has an index that stays valid with the old rights',
    async (t) => {
      const change = await s.permissions(s.polls, 'polls.change_choice');
      for (let round = 0; round < 25; round++) {
        const cookie = await s.login();
        await s.assign(s.alice, s.polls, 'polls.change_choice');
        const [, ...minted] = await Promise.all([
          unassign(there.fork(), audit(), assignee(s.alice), change),
          ...Array.from({ length: 8 }, () => s.token(cookie)),
        ]);
        for (const one of minted) {
          const row = await here.fork().findOneOrFail(TokenStatus, { list: 1, idx: one.status.status_list.idx });
          const saysTooMuch = one.permissions.includes('polls.change_choice');
          t.ok(!saysTooMuch || row.state === STATUS.suspended, `round ${round}`);
        }
      }
    },
  );
  unfollow();
});
