import { addMembers, setRole } from '../../src/permissions/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { verifyAccessToken } from '../../src/tokens/index.ts';
import { User } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { bearer, PASSWORD } from '../support/http.ts';
import { type AppOptions, audit, ISSUER, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openWorld, type World } from '../support/world.ts';

function browser({ app }: Pick<World, 'app'>) {
  let jar: Record<string, string> = {};
  const send = async (
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    payload?: object,
    headers: Record<string, string> = {},
  ) => {
    const response = await app.inject({ method, url, cookies: jar, headers, ...(payload ? { payload } : {}) });
    for (const { name, value, maxAge } of response.cookies) {
      if (maxAge === 0) jar = Object.fromEntries(Object.entries(jar).filter(([key]) => key !== name));
      else jar[name] = value;
    }
    return response;
  };
  const take = (cookies: Record<string, string>) => {
    jar = { ...cookies };
  };
  return { send, cookies: () => ({ ...jar }), take };
}

await onEachEngine(t, async (t, db) => {
  const service = await openWorld(db);
  const { keys, clock, http } = service;
  const api = await service.api('polls', {
    models: ['polls.choice'],
    permissions: [{ app: 'polls', codename: 'publish_poll', label: 'Can publish poll' }],
  });
  const alice = await service.user('alice', { email: 'alice@example.test' });
  await service.user('bob');
  const root = await service.user('root', { isSuperuser: true });
  const group = await service.group('Editors', alice);
  await service.assign(group, api, 'polls.add_choice', 'polls.view_choice');
  const login = (who: ReturnType<typeof browser>, username: string, more: object = {}) =>
    who.send('POST', '/api/v1/login', { username, password: PASSWORD, ...more });

  await t.test(
    'docs/login-api.md: login answers the user, the session and the cookie; with an audience a token too',
    async (t) => {
      const who = browser(service);
      const plain = await login(who, 'ALICE');
      t.equal(plain.statusCode, 200);
      t.same(Object.keys(plain.json()), ['user', 'session']);
      t.same(plain.json().user, {
        id: alice.id,
        username: 'alice',
        email: 'alice@example.test',
        first_name: '',
        last_name: '',
      });
      const cookie = String(plain.headers['set-cookie']);
      t.match(cookie, /^signet_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/);
      t.equal(plain.headers['cache-control'], 'no-store');
      const row = await db.fork().findOneOrFail(Session, plain.json().session.id);
      t.notOk(
        cookie.includes(Buffer.from(row.tokenDigest).toString('base64url')),
        'only a digest of the cookie is stored',
      );

      const withToken = await login(who, 'alice', { audience: 'polls', scope: 'openid nonsense openid groups' });
      const { access_token, token_type, expires_in, session } = withToken.json();
      t.same([token_type, expires_in], ['Bearer', 600]);
      const claims = verifyAccessToken(keys, ISSUER, access_token, clock.now());
      const { iat, exp, jti, auth_time, status, ...rest } = { ...claims };
      t.same(rest, {
        iss: ISSUER,
        sub: alice.id,
        aud: 'polls',
        client_id: 'signet',
        sid: session.id,
        amr: ['pwd'],
        scope: 'openid groups',
        username: 'alice',
        is_staff: false,
        is_superuser: false,
        permissions: ['polls.add_choice', 'polls.view_choice'],
      });
      t.equal(exp, Number(iat) + 600);
      t.equal(auth_time, iat);
      t.match(jti, /^[0-9a-f-]{36}$/);
    },
  );

  await t.test(
    'N7: over https the cookie is __Host-, Secure, HttpOnly, SameSite=Lax, Path=/, without Domain',
    async (t) => {
      const secure = await openWorld(db, {
        mode: 'production',
        environment: { SIGNET_ISSUER: 'https://id.example.test' },
      });
      const response = await secure.http.json('/api/v1/login', { username: 'alice', password: PASSWORD });
      t.match(
        String(response.headers['set-cookie']),
        /^__Host-signet_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      );
      await secure.app.close();
    },
  );

  await t.test(
    'attacks 43: logging in ends the session presented with it, and never takes over its value',
    async (t) => {
      const who = browser(service);
      await login(who, 'alice');
      const before = who.cookies();
      await login(who, 'bob');
      t.notSame(who.cookies(), before);
      t.equal((await who.send('GET', '/api/v1/session')).json().user.username, 'bob');
      const old = browser(service);
      old.take(before);
      t.equal((await old.send('GET', '/api/v1/session')).json().is_authenticated, false, 'the old value is dead');
      const planted = browser(service);
      planted.take({ signet_session: 'A'.repeat(43) });
      await login(planted, 'alice');
      t.notSame(planted.cookies(), { signet_session: 'A'.repeat(43) }, 'a planted value is not taken');
    },
  );

  await t.test(
    'docs/login-api.md: unknown_audience and token_over_budget come only after a right password, and leave no session',
    async (t) => {
      const sessions = () => db.fork().count(Session, {});
      const before = await sessions();
      const mistaken = { username: 'alice', password: 'wrong', audience: 'nowhere' };
      const wrong = await http.json('/api/v1/login', mistaken);
      t.equal(wrong.json().code, 'invalid_credentials');
      const unknown = await login(browser(service), 'alice', { audience: 'nowhere' });
      t.same(
        [unknown.statusCode, unknown.json().code, unknown.headers['set-cookie']],
        [404, 'unknown_audience', undefined],
      );

      const codenames = Array.from({ length: 60 }, (_, i) => `do_thing_number_${i}`);
      const permissions = codenames.map((codename) => ({ app: 'big', codename, label: 'x' }));
      await service.api('big', { budgetBytes: 1024, overBudget: 'fail', permissions });
      const over = await login(browser(service), 'root', { audience: 'big' });
      t.same([over.statusCode, over.json().code], [409, 'token_over_budget']);
      t.match(over.json().detail, /--budget/, 'names the remedy');
      t.equal(await sessions(), before, 'nothing was left');
    },
  );

  await t.test('docs/login-api.md: the session of the cookie, with the permissions of the API asked for', async (t) => {
    const who = browser(service);
    t.same((await who.send('GET', '/api/v1/session')).json(), {
      is_authenticated: false,
      user: { username: '', permissions: [] },
    });
    const mistaken = await http.get('/api/v1/session', bearer('a.b.c'));
    t.match(mistaken.json(), { is_authenticated: false });
    t.match(
      mistaken.headers['x-signet-hint'],
      /reads the session cookie.*has_perm/,
      'whoever sends a token learns where to',
    );
    await login(who, 'alice');
    const { user, session } = (await who.send('GET', '/api/v1/session?audience=polls')).json();
    t.same(user.permissions, ['polls.add_choice', 'polls.view_choice']);
    t.same(user.groups, ['Editors']);
    t.same(Object.keys(session).sort(), ['amr', 'auth_time', 'created_at', 'expires_at', 'id', 'last_seen_at']);
    t.same((await who.send('GET', '/api/v1/session')).json().user.permissions, [], "without an audience: Signet's own");
    t.equal((await who.send('GET', '/api/v1/session?audience=nowhere')).json().code, 'unknown_audience');
    await login(who, 'root');
    const own = (await who.send('GET', '/api/v1/session')).json().user;
    t.ok(own.permissions.includes('auth.add_user') && own.is_superuser);
  });

  await t.test('docs/login-api.md: token from the session; logout ends session and tokens at once', async (t) => {
    const who = browser(service);
    t.equal((await who.send('POST', '/api/v1/token', { audience: 'polls' })).statusCode, 401);
    await login(who, 'alice');
    const { access_token } = (await who.send('POST', '/api/v1/token', { audience: 'polls/' })).json();
    const ask = () => http.hasPerm(access_token, ['polls.add_choice']);
    t.same((await ask()).json().results, { 'polls.add_choice': true });
    const stolen = who.cookies();
    const out = await who.send('POST', '/api/v1/logout');
    t.equal(out.statusCode, 204);
    t.match(String(out.headers['set-cookie']), /^signet_session=; Max-Age=0; Path=\//);
    t.equal((await ask()).statusCode, 401, 'its tokens are refused');
    t.match((await ask()).headers['www-authenticate'], /^Bearer error="invalid_token"/);
    const thief = browser(service);
    thief.take(stolen);
    t.equal((await thief.send('GET', '/api/v1/session')).json().is_authenticated, false);
    t.equal((await who.send('POST', '/api/v1/logout')).statusCode, 204, 'logging out twice is no error');
  });

  await t.test('Django has_perm: rights of now, per API, superuser and inactive included', async (t) => {
    const who = browser(service);
    await login(who, 'bob');
    const bob = await db.fork().findOneOrFail(User, { username: 'bob' });
    const { access_token } = (await who.send('POST', '/api/v1/token', { audience: 'polls' })).json();
    const ask = async (perms: string[], modules: string[] = []) =>
      (await http.json('/api/v1/has_perm', { perms, modules }, bearer(access_token))).json();
    t.same(await ask(['polls.add_choice', '', '__proto__', 'a\nb'], ['polls', '']), {
      results: { 'polls.add_choice': false, '': false, ['__proto__']: false, 'a\nb': false },
      modules: { polls: false, '': false },
    });
    await addMembers(db.fork(), audit(), group, [{ id: bob.id, label: 'bob' }]);
    t.same(await ask(['polls.add_choice', 'POLLS.add_choice', 'polls.add_choice '], ['polls']), {
      results: { 'polls.add_choice': true, 'POLLS.add_choice': false, 'polls.add_choice ': false },
      modules: { polls: true },
    });
    await setRole(db.fork(), audit(), { id: bob.id, label: 'bob' }, api, { isStaff: true, isSuperuser: true });
    t.same(
      (await ask(['no.such', ''], ['nowhere'])).results,
      { 'no.such': true, '': true },
      'a superuser of the API has what nobody registered',
    );
    t.equal((await who.send('GET', '/api/v1/session')).json().user.is_superuser, false, "but not at Signet's own API");
    await db.fork().nativeUpdate(User, { id: bob.id }, { isActive: false });
    t.equal((await ask(['polls.add_choice'])).code, 'invalid_token', "an inactive user's token is dead");
    t.equal((await who.send('GET', '/api/v1/session')).json().is_authenticated, false);
    await db.fork().nativeUpdate(User, { id: bob.id }, { isActive: true });

    const byCookie = browser(service);
    await login(byCookie, 'alice');
    t.same(
      (await byCookie.send('POST', '/api/v1/has_perm', { audience: 'polls', perms: ['polls.add_choice'] })).json()
        .results,
      { 'polls.add_choice': true },
    );
    t.equal(
      (await byCookie.send('POST', '/api/v1/has_perm', { perms: [] })).statusCode,
      422,
      'the cookie needs an audience',
    );
    const nobody = await http.json('/api/v1/has_perm', { perms: [] });
    t.same([nobody.statusCode, nobody.headers['www-authenticate']], [401, 'Bearer'], 'B1: no token, no error');
  });

  await t.test('N6: idle and absolute limits; last-seen at most once a minute', async (t) => {
    const limited = { SIGNET_SESSION_IDLE: '600', SIGNET_SESSION_ABSOLUTE: '1500' };
    const own = testClock();
    const short = await openWorld(db, { clock: own, environment: limited });
    const who = browser(short);
    await login(who, 'alice');
    const seen = async () => (await who.send('GET', '/api/v1/session')).json();
    own.pass(59);
    const first = (await seen()).session.last_seen_at;
    own.pass(2);
    await seen();
    t.not((await seen()).session.last_seen_at, first);
    own.pass(599);
    t.equal((await seen()).is_authenticated, true, 'used within the idle limit');
    own.pass(599);
    t.equal((await seen()).is_authenticated, true);
    own.pass(300);
    t.equal((await seen()).is_authenticated, false, 'over at the absolute limit, used or not');
    await login(who, 'alice');
    own.pass(601);
    t.equal((await seen()).is_authenticated, false, 'over at the idle limit');
    await short.app.close();
  });

  await t.test(
    'docs/login-api.md: the password change keeps this session under a new id and ends the others',
    async (t) => {
      const [here, there] = [browser(service), browser(service)];
      await service.user('changer');
      await login(here, 'changer');
      await login(there, 'changer');
      const { access_token } = (await here.send('POST', '/api/v1/token', { audience: 'polls' })).json();
      const before = here.cookies();
      const change = (current: string, wanted: string) =>
        here.send('POST', '/api/v1/account/password', { current_password: current, new_password: wanted });
      t.same(
        (await change(PASSWORD, 'too short xq'))
          .json()
          .errors.map((one: { code: string; pointer: string }) => [one.pointer, one.code]),
        [['/new_password', 'password_too_short']],
      );
      t.same((await change('wrong', 'another long enough phrase')).json().errors[0].code, 'password_incorrect');
      t.same(here.cookies(), before, 'a refused change changes nothing');
      const changed = await change(PASSWORD, 'another long enough phrase');
      t.equal(changed.statusCode, 200);
      t.notSame(here.cookies(), before);
      t.equal((await here.send('GET', '/api/v1/session')).json().user.username, 'changer');
      t.equal((await there.send('GET', '/api/v1/session')).json().is_authenticated, false);
      const old = await http.hasPerm(access_token);
      t.equal(old.statusCode, 401, 'tokens of before are dead');
      t.equal((await login(browser(service), 'changer')).statusCode, 401);
      t.equal(
        (
          await browser(service).send('POST', '/api/v1/login', {
            username: 'changer',
            password: 'another long enough phrase',
          })
        ).statusCode,
        200,
      );
    },
  );

  await t.test('attacks 27: guesses at the current password count in the counters of the login', async (t) => {
    await service.user('guessed');
    const own = await openWorld(db, { clock: testClock(new Date('2026-12-24T12:00:00Z')) });
    const who = browser(own);
    await login(who, 'guessed');
    for (let i = 0; i < 10; i++)
      await who.send('POST', '/api/v1/account/password', {
        current_password: 'wrong',
        new_password: 'another long enough phrase',
      });
    t.equal(
      (
        await who.send('POST', '/api/v1/account/password', {
          current_password: PASSWORD,
          new_password: 'another long enough phrase',
        })
      ).statusCode,
      429,
    );
    t.equal((await login(browser(own), 'guessed')).statusCode, 429);
    await own.app.close();
  });

  await t.test("the own sessions: listed, ended one by one or all others; never somebody else's", async (t) => {
    await service.user('lister');
    const [one, two, three] = [browser(service), browser(service), browser(service)];
    for (const who of [one, two, three]) await login(who, 'lister');
    const { sessions } = (await one.send('GET', '/api/v1/account/sessions')).json();
    t.equal(sessions.length, 3);
    t.equal(sessions.filter((each: { is_current: boolean }) => each.is_current).length, 1);
    const other = browser(service);
    const foreign = (await login(other, 'alice')).json().session.id;
    t.equal((await one.send('DELETE', `/api/v1/account/sessions/${foreign}`)).statusCode, 404);
    t.equal((await other.send('GET', '/api/v1/session')).json().is_authenticated, true);
    const twoId = (await two.send('GET', '/api/v1/session')).json().session.id;
    t.equal((await one.send('DELETE', `/api/v1/account/sessions/${twoId}`)).statusCode, 204);
    t.equal((await two.send('GET', '/api/v1/session')).json().is_authenticated, false);
    t.same((await one.send('DELETE', '/api/v1/account/sessions')).json(), { ended: 1 });
    t.equal((await three.send('GET', '/api/v1/session')).json().is_authenticated, false);
    t.equal((await one.send('GET', '/api/v1/session')).json().is_authenticated, true);
  });

  await t.test('the own permissions show where each comes from', async (t) => {
    const who = browser(service);
    await login(who, 'alice');
    t.same((await who.send('GET', '/api/v1/account/permissions?audience=polls')).json().permissions, [
      { audience: 'polls', name: 'polls.add_choice', from: 'group', group: 'Editors' },
      { audience: 'polls', name: 'polls.view_choice', from: 'group', group: 'Editors' },
    ]);
  });

  await t.test('a user is found by a verified e-mail address, not by an unverified one', async (t) => {
    const byEmail = () => http.json('/api/v1/login', { username: 'Alice@Example.TEST', password: PASSWORD });
    t.equal((await byEmail()).statusCode, 401);
    await db.fork().nativeUpdate(User, { id: alice.id }, { emailVerifiedAt: clock.now() });
    t.equal((await byEmail()).statusCode, 200);
  });

  await t.test('docs/login-api.md: a username is one name in every spelling (NFKC, case)', async (t) => {
    await service.user('Kelvin\u212a');
    const made = await db.fork().findOneOrFail(User, { usernameKey: 'kelvink' });
    t.equal(made.username, 'KelvinK');
    t.equal((await login(browser(service), 'ｋＥＬＶＩＮk')).statusCode, 200);
    t.equal(root.username, 'root');
  });
});

await onEachEngine(t, async (t, db) => {
  const open = (environment: AppOptions['environment'] = {}) =>
    openWorld(db, { environment: { SIGNET_THROTTLE_SIGNUP: '1000', ...environment } });
  const signup = ({ http }: World, payload: object) => http.json('/api/v1/signup', payload);

  await t.test('docs/login-api.md: sign-up makes an account that can log in', async (t) => {
    const service = await open();
    const response = await signup(service, {
      username: 'newcomer',
      password: 'quite a long phrase',
      email: 'N@example.test',
      first_name: 'New',
    });
    t.equal(response.statusCode, 201);
    t.match(response.json(), { user: { username: 'newcomer', email: 'N@example.test', first_name: 'New' } });
    const user = await db.fork().findOneOrFail(User, { username: 'newcomer' });
    t.equal(user.emailVerifiedAt, null, 'the address is stored unverified');
    t.same([user.isActive, user.isStaff, user.isSuperuser], [true, false, false]);
    t.equal(
      (await signup(service, { username: 'other', password: 'quite a long phrase', email: 'n@example.test' }))
        .statusCode,
      201,
      'never tells that an e-mail is taken',
    );
    const taken = await signup(service, { username: 'NEWCOMER', password: 'quite a long phrase' });
    t.same(
      [taken.statusCode, taken.json().errors],
      [422, [{ pointer: '/username', code: 'unique', detail: 'A user with that username already exists.' }]],
    );
  });

  await t.test("docs/login-api.md: sign-up refuses with Django's validator codes, and a username with @", async (t) => {
    const service = await open();
    const codes = async (payload: object) =>
      (await signup(service, payload))
        .json()
        .errors.map((one: { pointer: string; code: string }) => `${one.pointer} ${one.code}`);
    t.same(await codes({ username: 'somebody', password: '123456' }), [
      '/password password_too_short',
      '/password password_too_common',
      '/password password_entirely_numeric',
    ]);
    t.same(await codes({ username: 'averyparticularname', password: 'averyparticularname1' }), [
      '/password password_too_similar',
    ]);
    t.same(await codes({ username: 'a@b', password: 'quite a long phrase' }), ['/username invalid']);
    t.same(await codes({ username: 'nul\u200bwidth', password: 'quite a long phrase' }), ['/username invalid']);
    t.same(await codes({ username: 'somebody', password: 'quite a long phrase', email: 'no address' }), [
      '/email invalid',
    ]);
    t.same(
      await codes({ username: 'somebody', password: 'quite a long phrase', is_superuser: true }),
      ['/is_superuser unknown_field'],
      'attacks 87: no mass assignment',
    );
    t.equal(await db.fork().count(User, { username: 'somebody' }), 0);
  });

  await t.test('docs/login-api.md: 403 signup_closed where sign-up is closed', async (t) => {
    const service = await open({ SIGNET_SIGNUP: 'closed' });
    const response = await signup(service, { username: 'late', password: 'quite a long phrase' });
    t.same([response.statusCode, response.json().code], [403, 'signup_closed']);
  });

  await t.test('20 simultaneous sign-ups of one name: one account', async (t) => {
    const service = await open({ SIGNET_HASH_QUEUE: '100' });
    const names = ['Racer', 'racer', 'RACER'];
    const statuses = (
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          signup(service, { username: names[i % 3], password: 'quite a long phrase' }),
        ),
      )
    ).map((one) => one.statusCode);
    t.equal(statuses.filter((one) => one === 201).length, 1, statuses.join(' '));
    t.ok(statuses.every((one) => one === 201 || one === 422));
  });
});
