import { endSessions } from '../../src/sessions/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import { ISSUER } from '../support/server.ts';
import t from '../support/tap.ts';
import { openDevices } from '../support/world.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openDevices(db, { SIGNET_THROTTLE_NAME: '5' });
const { begin, page, submit, decide, confirmationIn, poll, logIn, clock, box, tv } = s;
const atAlice = await logIn('alice');
const readState = async (userCode: string) =>
  (
    await db
      .fork()
      .execute<{ state: string }[]>('select state from oauth_device where user_code = ?', [userCode.replace('-', '')])
  )[0]?.state;

t.test('RFC 8628 §3.3 (V3): who is not signed in logs in first, and comes back with the code', async (t) => {
  const { user_code: code } = await begin();
  for (const response of [await page('', `?user_code=${code}`), await submit('', { user_code: code })]) {
    t.equal(response.statusCode, 303);
    t.equal(
      response.headers.location,
      `${ISSUER}/login?next=${encodeURIComponent(`/oauth2/device?user_code=${code}`)}`,
    );
  }
  t.equal((await page('')).headers.location, `${ISSUER}/login?next=%2Foauth2%2Fdevice`);
  for (const evil of ['//evil.example', '&next=//evil.example', '%0d%0aset-cookie: x'])
    t.equal((await page('', `?user_code=${evil}`)).headers.location, `${ISSUER}/login?next=%2Foauth2%2Fdevice`);
});

t.test('RFC 8628 §3.3: from the link by the login page to the device, as a person does', async (t) => {
  const begun = await begin();
  const toLogin = new URL(
    (await page('', begun.verification_uri_complete.slice(`${ISSUER}/oauth2/device`.length))).headers
      .location as string,
  );
  const next = toLogin.searchParams.get('next') as string;
  const signedIn = await s.http.form('/login', { username: 'alice', password: PASSWORD, next });
  t.same([signedIn.statusCode, signedIn.headers.location], [303, begun.verification_uri_complete], signedIn.body);
  const session = signedIn.cookies.find((one) => one.name === 'signet_session');
  const cookie = `${session?.name}=${session?.value}`;
  t.match((await page(cookie, next.slice('/oauth2/device'.length))).body, begun.user_code);
  t.equal((await decide(cookie, begun.user_code, 'allow')).statusCode, 200);
  t.equal((await poll(begun.device_code)).statusCode, 200);
});

t.test('RFC 8628 §3.3.1, §6.1: a link fills the code in, and decides nothing', async (t) => {
  const { user_code: code } = await begin();
  const response = await page(atAlice, `?user_code=${code}`);
  t.equal(response.statusCode, 200);
  t.match(response.body, `name="user_code" type="text" autocomplete="off" value="${code}"`);
  t.notMatch(response.body, 'name="decision"');
  t.notMatch(response.body, tv.name, 'nothing was looked up');
  t.match(
    response.headers['content-security-policy'],
    /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/,
  );
  t.equal(response.headers['x-frame-options'], 'DENY');
  t.equal(response.headers['cache-control'], 'no-store');
  const typed = await submit(atAlice, { user_code: ` ${code.toLowerCase().replace('-', ' ')} ` });
  t.match(typed.body, code, 'RFC 8628 §6.1: case, dashes and spaces do not matter');
  t.equal(await readState(code), 'pending');
});

t.test('V3: the user sees the client, the code, the scopes, the permissions, and who is signed in', async (t) => {
  const { user_code: code } = await begin(box, { scope: 'openid email polls.add_choice' });
  const { body } = await submit(atAlice, { user_code: code });
  t.match(body, 'Some &#60;b&#62;box&#60;/b&#62;', 'attacks 105: a name is text');
  for (const seen of [code, 'alice', 'Know who you are', 'See your e-mail address', 'Can add choice', 'The polls'])
    t.match(body, seen);
  t.notMatch(body, 'Can view choice', 'which was not asked for');
  const first = await submit(atAlice, { user_code: (await begin(tv)).user_code });
  t.match(first.body, 'Do whatever you may do at The polls');
  t.notMatch(body, /<script/i);
});

t.test('V3: only the page that was shown to this session can approve', async (t) => {
  const [one, other] = [await begin(), await begin()];
  const shown = await submit(atAlice, { user_code: one.user_code });
  const confirmation = confirmationIn(shown.body);
  const atBob = await logIn('bob');
  const allow = { user_code: one.user_code, decision: 'allow' };
  for (const [who, cookie, fields] of [
    ['no page at all', atAlice, allow],
    ['an invented one', atAlice, { ...allow, confirmation: 'A'.repeat(43) }],
    ['somebody who has signed in meanwhile', atBob, { ...allow, confirmation }],
    ['alice, in another session', await logIn('alice'), { ...allow, confirmation }],
    ['the page of another device', atAlice, { ...allow, user_code: other.user_code, confirmation }],
  ] as const) {
    const again = await submit(cookie, fields);
    t.match(again.body, /made for another session/, who);
    t.match(again.body, 'name="decision"', 'it is shown again');
  }
  t.same([await readState(one.user_code), await readState(other.user_code)], ['pending', 'pending']);
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
  t.equal((await submit(atAlice, { ...allow, confirmation }, foreign)).statusCode, 403, 'from another site');
  t.equal(await readState(one.user_code), 'pending');
  t.match((await submit(atAlice, { ...allow, confirmation })).body, 'goes on by itself');
  t.equal(await readState(one.user_code), 'approved');
});

t.test('V3: a decision is taken once, by a session that lives, in time', async (t) => {
  const twice = await begin();
  const confirmation = confirmationIn((await submit(atAlice, { user_code: twice.user_code })).body);
  const sendDecision = (decision: string) => submit(atAlice, { user_code: twice.user_code, decision, confirmation });
  const decisions = ['allow', 'deny', 'allow', 'deny'];
  const answers = await Promise.all(decisions.map(sendDecision));
  const state = await readState(twice.user_code);
  const [taken, other] = state === 'approved' ? (['allow', 'deny'] as const) : (['deny', 'allow'] as const);
  t.same(
    answers.map((one) => one.statusCode),
    decisions.map((one) => (one === taken ? 200 : 422)),
    'and is said again to the same form',
  );
  t.match((await sendDecision(other)).body, 'The code is invalid or has expired');
  t.equal(await readState(twice.user_code), state);

  const ended = await begin();
  const cookie = await logIn('alice');
  const of = confirmationIn((await submit(cookie, { user_code: ended.user_code })).body);
  await db.fork().transactional((tx) => endSessions(tx, clock.now(), { user: s.alice.id }, 'ended_by_user'));
  const allow = { user_code: ended.user_code, decision: 'allow', confirmation: of };
  t.equal((await submit(cookie, allow)).statusCode, 303, 'to log in');
  t.equal(await readState(ended.user_code), 'pending');
});

t.test('RFC 8628 §5.1: guessed codes are counted; one answer for unknown, expired and used', async (t) => {
  const cookie = await logIn('bob');
  const used = await begin();
  await decide(cookie, used.user_code, 'deny');
  const expired = await begin();
  clock.pass(601);
  const waiting = await begin();
  const errorText = (body: string) => /<p class="error">(.*?)<\/p>/.exec(body)?.[1];
  const answers = [];
  for (const code of [used.user_code, expired.user_code, 'BCDF-GHJK', 'nonsense', 'AEIO-UAEI'])
    answers.push(await submit(cookie, { user_code: code }));
  t.same(new Set(answers.map((one) => one.statusCode)), new Set([422]));
  t.equal(new Set(answers.map((one) => errorText(one.body))).size, 1);
  const full = await submit(cookie, { user_code: waiting.user_code });
  t.equal(full.statusCode, 429, 'the right one too: it was not looked up');
  t.match(Number(full.headers['retry-after']), /^[1-9]\d*$/);
  t.match(
    (await submit(await logIn('bob'), { user_code: waiting.user_code })).statusCode,
    429,
    'by another session too',
  );
  t.equal((await submit(await logIn('alice'), { user_code: waiting.user_code })).statusCode, 200, 'alice is not he');
  t.equal(
    (await s.http.json('/api/v1/login', { username: 'bob', password: PASSWORD })).statusCode,
    200,
    'and passwords are counted for themselves',
  );
  clock.pass(901);
  t.equal((await submit(cookie, { user_code: (await begin()).user_code })).statusCode, 200, 'never for good');
  t.equal((await poll(waiting.device_code)).json().error, 'expired_token');
});

t.test('right codes are given back: typing many of them locks nobody out', async (t) => {
  const cookie = await logIn('alice');
  for (let n = 0; n < 12; n++)
    t.equal((await submit(cookie, { user_code: (await begin()).user_code })).statusCode, 200);
});

t.test('docs/decisions/0014: a decision that its page sends twice is said twice, for ten seconds', async (t) => {
  clock.pass(901);
  const cookie = await logIn('alice');
  for (const [decision, other] of [
    ['allow', 'deny'],
    ['deny', 'allow'],
  ] as const) {
    const { user_code: code, device_code: device } = await begin();
    const confirmation = confirmationIn((await submit(cookie, { user_code: code })).body);
    const sendDecision = (more: Record<string, string> = {}, by = cookie) =>
      submit(by, { user_code: code, decision, confirmation, ...more });
    const first = await sendDecision();
    const state = await readState(code);
    const second = await sendDecision();
    t.same([second.statusCode, second.body], [200, first.body]);
    t.equal((await poll(device)).statusCode, decision === 'allow' ? 200 : 400);
    t.equal((await sendDecision()).statusCode, 200, 'after the device has heard of it, too');
    t.equal((await sendDecision({ decision: other })).statusCode, 422, 'another decision is none');
    t.equal((await sendDecision({}, await logIn('alice'))).statusCode, 422, 'nor is that of another session');
    t.equal((await sendDecision({ confirmation: '' })).statusCode, 422, 'nor what its page has not sent');
    clock.pass(10);
    t.equal((await sendDecision()).statusCode, 422);
    t.equal(await readState(code), state);
    clock.pass(901);
  }
});
