import { createClient, getClient, parseUserCode } from '../../src/oauth/index.ts';
import { createGroup, getGroup } from '../../src/permissions/index.ts';
import { casefoldName, isNameSized, MAX_NAME_UNITS, normalizeName } from '../../src/platform/casefold.ts';
import {
  authenticate,
  checkNewUser,
  createSetupSecret,
  passwordBackend,
  reserveAttempt,
  Throttle,
} from '../../src/signin/index.ts';
import { checkUser, findUser, getUser, User } from '../../src/users/index.ts';
import { openCliHarness } from '../cli/harness.ts';
import { onEachEngine } from '../support/database.ts';
import { ACCESS_TOKEN, EXCHANGE } from '../support/flows.ts';
import { countHashing } from '../support/hashing.ts';
import { PASSWORD } from '../support/http.ts';
import { audit, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { measureWork } from '../support/work.ts';
import { openServices, openUsers, openWorld } from '../support/world.ts';

// What is sent is measured before anything is done with it (docs/decisions/0013-work-before-limits.md). Work is counted, never timed.

/** Two passwords of the longest that there is: what else is normalised is shorter. */
const MOST = 2048;

/** NFKC sorts the marks of one letter, and makes 18 characters of one of these ligatures. */
const marks = `a${'\u0300\u0316'.repeat(15_800)}`;
const ligatures = '\ufdfa'.repeat(1000);
const words = 'ab '.repeat(10_000);
const long = { marks, ligatures, words, plain: 'a'.repeat(60_000) };
/** A form whose letters are sent as they are: escaped, fewer would fit into a body. */
const formOf = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${value.replaceAll(/[%&+=]/g, encodeURIComponent).replaceAll(' ', '+')}`)
    .join('&');

/** Short enough as it is, and far too long when it is normalised. */
const growing = '\ufdfa'.repeat(100);

t.test('decision 0013: no text is folded that is longer than any name, and none grows beyond it', async (t) => {
  for (const [what, text] of Object.entries({ ...long, growing })) {
    const work = await measureWork(() => {
      t.notOk(isNameSized(text), what);
      t.ok(casefoldName(text).length <= MAX_NAME_UNITS);
      t.ok(normalizeName(text).length <= MAX_NAME_UNITS);
    });
    t.ok(work.longestNormalized <= MAX_NAME_UNITS, `${what}: ${work.longestNormalized}`);
  }
  t.equal(casefoldName('\u212bNGSTR\u00d6M'), 'ångström', 'a name is folded as before');
  t.equal(
    casefoldName(`${'é'.repeat(150)}`),
    casefoldName('e\u0301'.repeat(150)),
    'the longest one too, however it is composed',
  );
});

t.test('decision 0013: what is too long is refused as a field, each by its own reason', async (t) => {
  const work = await measureWork(() => {
    for (const text of [...Object.values(long), growing]) {
      t.match(checkUser({ username: text }), [{ pointer: '/username', code: 'max_length' }]);
      t.match(checkUser({ username: 'a', email: `${text}@example.org` }), [{ pointer: '/email', code: 'invalid' }]);
      t.match(checkUser({ username: 'a', firstName: text, lastName: text }), [
        { pointer: '/first_name', code: 'max_length' },
        { pointer: '/last_name', code: 'max_length' },
      ]);
    }
  });
  t.ok(work.longestNormalized <= MAX_NAME_UNITS, String(work.longestNormalized));
  t.equal(parseUserCode('B'.repeat(60_000)), null);
});

t.test("Django's similarity check: its work is linear, whatever stands in names and password", async (t) => {
  const parts = 'ab '.repeat(49);
  const password = 'x'.repeat(1024);
  const user = {
    username: 'a.'.repeat(74),
    firstName: parts,
    lastName: 'b '.repeat(75),
    email: `${'c.'.repeat(60)}@d.e`,
  };
  const total = password.length + Object.values(user).join('').length;
  const work = await measureWork(() => checkNewUser(user, password, 15));
  t.ok(work.walked <= 30 * total, `${work.walked} characters walked for ${total} that were sent`);
  for (const text of [...Object.values(long), growing]) {
    const fields = { username: text, email: text, firstName: text, lastName: text };
    const sent = Object.values(fields).join('').length;
    const done = await measureWork(async () => t.not((await checkNewUser(fields, ligatures, 15)).length, 0));
    t.ok(done.walked <= 30 * (sent + ligatures.length), `${done.walked} for ${sent}`);
    t.ok(done.longestNormalized <= MOST);
  }
});

await onEachEngine(t, async (t, db) => {
  await t.test('decision 0013: the setup form measures what it is given', async (t) => {
    const { app, http } = await openWorld(db);
    const token = (await createSetupSecret(db.fork(), testClock().now())) as string;
    for (const text of Object.values(long).map((one) => one.slice(0, 4000))) {
      const work = await measureWork(async () => {
        const fields = formOf({ token, username: text, email: text, password: text });
        t.equal((await http.form('/setup', fields)).statusCode, 422);
      });
      t.ok(work.longestNormalized <= MOST, String(work.longestNormalized));
    }
    await app.close();
  });

  const s = await openServices(db);
  const { app, clock, passwords } = s;
  const { json } = s.http;
  const form = (url: string, fields: Record<string, string>, headers = {}) => s.http.form(url, formOf(fields), headers);
  await s.user('root', { isSuperuser: true });
  const { cookie } = await s.http.logIn('root', { audience: 'signet' });
  const own = { cookie };
  const cliHarness = await openCliHarness(db);
  const how = {
    clock,
    passwords,
    backends: [passwordBackend(db, passwords, clock)],
    limits: { name: 1000, network: 1000, account: 1000 },
    refusalMilliseconds: 0,
  };

  /** Every face that takes a name or a password, and the statuses or exits that it may answer with. */
  const faces: Record<string, (text: string) => Promise<unknown>> = {
    'POST /login': async (text) => (await form('/login', { username: text, password: 'wrong' })).statusCode,
    'POST /api/v1/login': async (text) => (await json('/api/v1/login', { username: text, password: 'x' })).statusCode,
    'a password at POST /api/v1/login': async (text) =>
      (await json('/api/v1/login', { username: 'root', password: text })).statusCode,
    'POST /api/v1/signup': async (text) =>
      (await json('/api/v1/signup', { username: text, password: text, email: text, first_name: text, last_name: text }))
        .statusCode,
    'POST /api/v1/account/password': async (text) =>
      (await json('/api/v1/account/password', { current_password: text, new_password: text }, own)).statusCode,
    'POST /api/v1/account/password, the current one': async (text) =>
      (await json('/api/v1/account/password', { current_password: text, new_password: PASSWORD.repeat(2) }, own))
        .statusCode,
    'POST /oauth2/device': async (text) => (await form('/oauth2/device', { user_code: text }, own)).statusCode,
    'POST /oauth2/authorize, login_hint': async (text) =>
      (await form('/oauth2/authorize', { client_id: s.web.id, login_hint: text, response_type: 'code' })).statusCode,
    'POST /oauth2/token, username': async (text) =>
      (await form('/oauth2/token', { grant_type: 'password', username: text, password: text })).statusCode,
    'POST /oauth2/token, client_id': async (text) =>
      (await form('/oauth2/token', { grant_type: 'client_credentials', client_id: text, client_secret: text }))
        .statusCode,
    'POST /oauth2/token, requested_subject': async (text) => {
      const { token } = await s.http.logIn('root', { audience: 'signet' });
      return (
        await s.exchange(s.helpDesk, token, { audience: 'polls', requested_subject: text, reason: text.slice(0, 50) })
      ).statusCode;
    },
    'POST /oauth2/token, audience': async (text) =>
      (await s.post('token', { grant_type: 'client_credentials', audience: text, resource: text }, s.backend))
        .statusCode,
    'POST /oauth2/token, subject_token': async (text) =>
      (
        await s.post(
          'token',
          { grant_type: EXCHANGE, subject_token: text, subject_token_type: ACCESS_TOKEN },
          s.backend,
        )
      ).statusCode,
    'user show': async (text) => (await cliHarness.run(`user show '${text}'`)).exit,
    'user create': async (text) => (await cliHarness.run(`user create '${text}' --email '${text}'`)).exit,
    'user create --password-stdin': async (text) =>
      (await cliHarness.run(`user create '${text}' --first-name '${text}' --password-stdin`, { stdin: text })).exit,
    createsuperuser: async (text) =>
      (await cliHarness.run(`createsuperuser --username '${text}' --email '${text}' --password-stdin`, { stdin: text }))
        .exit,
    changepassword: async (text) => (await cliHarness.run('changepassword root', { stdin: text })).exit,
    'group create': async (text) => (await cliHarness.run(`group create '${text}'`)).exit,
    'group show': async (text) => (await cliHarness.run(`group show '${text}'`)).exit,
    'group add': async (text) => (await cliHarness.run(`group add '${text}' '${text}'`)).exit,
    'client create': async (text) => (await cliHarness.run(`client create '${text}' --preset service`)).exit,
    'client show': async (text) => (await cliHarness.run(`client show '${text}'`)).exit,
    'perm grant': async (text) => (await cliHarness.run(`perm grant --user '${text}' --api '${text}' '${text}'`)).exit,
    'authenticate()': async (text) =>
      (await authenticate(db, how, { username: text, password: 'wrong', ip: '192.0.2.1' })).kind,
    'reserveAttempt()': async (text) =>
      (await reserveAttempt(db, how.limits, { name: text, ip: '192.0.2.1' }, clock.now())).ok,
    'findUser()': async (text) => (await findUser(db.fork(), text)) === null,
    'getUser()': (text) => getUser(db.fork(), text).catch((error) => error.code),
    'getGroup()': (text) => getGroup(db.fork(), text).catch((error) => error.code),
    'createGroup()': (text) => createGroup(db.fork(), audit(), text).catch((error) => error.code),
    'getClient()': (text) => getClient(db.fork(), text).catch((error) => error.code),
    'createClient()': (text) =>
      createClient(db.fork(), audit(), { name: text, preset: 'service' }).catch((error) => error.code),
  };
  const codes = ['user_not_found', 'group_not_found', 'group_name_too_long', 'client_not_found', 'client_name_invalid'];
  const refusals = [200, 303, 400, 401, 413, 422, 429, 1, 2, 3, 'refused', true, ...codes];

  for (const [face, ask] of Object.entries(faces))
    await t.test(`decision 0013: ${face} normalises nothing that is longer than any name`, async (t) => {
      for (const [what, text] of Object.entries(long)) {
        await db.fork().nativeDelete(Throttle, {});
        const work = await measureWork(async () => {
          const answer = await ask(text.slice(0, 9000));
          t.ok(refusals.includes(answer as never), `${what}: ${answer}`);
        });
        t.ok(work.longestNormalized <= MOST, `${what}: ${work.longestNormalized}`);
      }
    });
  t.equal(await db.fork().count(User, { usernameKey: casefoldName(marks) }), 0, 'nobody has the name that is nobody');
  await app.close();
});

await onEachEngine(t, async (t, db) => {
  const environment = { SIGNET_THROTTLE_SIGNUP: '3' };
  const hashing = countHashing();
  const s = await openUsers(db, { environment, passwords: hashing.wrap });
  const { app, clock, post } = s;
  const passwords = hashing.counts;
  const anew = async () => {
    await db.fork().nativeDelete(Throttle, {});
    hashing.reset();
    clock.sleeps.length = 0;
  };
  const byForm = (username: string, password = 'wrong') => s.http.form('/login', formOf({ username, password }));
  const byJson = (username: string, password = 'wrong') => post('/api/v1/login', { username, password });

  for (const [face, logIn] of Object.entries({ 'the form': byForm, 'the JSON API': byJson })) {
    await t.test(`docs/login-api.md: at ${face} a name that is too long is a name that nobody has`, async (t) => {
      const answers = new Set<string>();
      for (const name of ['unknown', marks, ligatures, growing, 'a'.repeat(20_000), '\u007f']) {
        await anew();
        const cameAt = clock.now();
        const response = await logIn(name);
        answers.add(`${response.statusCode} ${response.headers['content-type']}`);
        t.equal(passwords.verifications.length, 1, 'one verification, as for every other');
        t.same(clock.sleeps, [new Date(cameAt.getTime() + 600)], 'at the same deadline');
      }
      t.equal(answers.size, 1, 'one answer');
      t.match([...answers], [/^401 /]);
    });

    await t.test(`docs/login-api.md: at ${face} names that are too long are one counter`, async (t) => {
      await anew();
      const statuses: number[] = [];
      for (let i = 0; i < 12; i++) statuses.push((await logIn(`${i}${'a'.repeat(5000 + i)}`)).statusCode);
      t.same(statuses, [...Array(10).fill(401), 429, 429]);
      t.equal(passwords.verifications.length, 10);
    });

    await t.test(
      `docs/login-api.md: at ${face} a password that is too long is worth no work, whoever's it is`,
      async (t) => {
        const answers = new Set<number>();
        for (const name of ['alice', 'unknown', marks.slice(0, 9000)]) {
          await anew();
          answers.add((await logIn(name, 'p'.repeat(30_000))).statusCode);
          t.equal(passwords.verifications.length, 0);
          t.equal(clock.sleeps.length, 1, 'at the deadline');
        }
        t.same([...answers], [401]);
      },
    );
  }

  await t.test('decision 0013: a sign-up is counted before it is looked at', async (t) => {
    await anew();
    const signUp = (username: string, password: string, more = {}) =>
      post('/api/v1/signup', { username, password, ...more });
    const weak = { username: 'weak', password: 'weak' };
    for (let i = 0; i < 6; i++) t.equal((await signUp(weak.username, weak.password)).statusCode, 422);
    t.equal(passwords.hashes, 0);
    t.equal(await db.fork().count(Throttle, {}), 0, 'what was worth no hash is given back: people mistype');
    for (let i = 0; i < 3; i++) t.equal((await signUp(`new${i}`, PASSWORD)).statusCode, 201);
    const work = await measureWork(async () => {
      const response = await signUp(ligatures, ligatures, { first_name: ligatures, last_name: ligatures });
      t.same([response.statusCode, response.headers['retry-after']], [429, '3600']);
    });
    t.equal(work.longestNormalized, 0, 'where there is no room nothing is compared');
    const errors = (await (async () => {
      clock.pass(3600);
      return (await signUp('me@here', 'xk7 q', { email: 'none' })).json().errors;
    })()) as { pointer: string; code: string }[];
    t.same(
      errors.map((one) => one.pointer),
      ['/username', '/email', '/password'],
      'everything that is wrong is told at once',
    );
  });

  await t.test('decision 0013: a new password is counted before it is looked at', async (t) => {
    await anew();
    const { cookie } = await s.logIn('bob');
    const change = (current: string, wanted: string) =>
      post('/api/v1/account/password', { current_password: current, new_password: wanted }, { cookie });
    for (let i = 0; i < 12; i++) t.equal((await change('wrong', 'short')).statusCode, 422);
    t.equal(passwords.verifications.length, 1, 'only the login was worth one');
    for (let i = 0; i < 10; i++) t.equal((await change('wrong', `${PASSWORD} ${i}`)).statusCode, 422);
    const work = await measureWork(async () => t.equal((await change(PASSWORD, ligatures)).statusCode, 429));
    t.equal(work.longestNormalized, casefoldName('bob').length, 'the name of the counter, and nothing else');
  });
  await app.close();
});
