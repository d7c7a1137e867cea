import { decideDevice, findPendingDevice } from '../../src/oauth/device/decide.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { ACCESS_TOKEN, CALLBACK, DEVICE, EXCHANGE, jwtClaims, VERIFIER } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

/**
 * Alice may add, change and view choices; the client's boundary is add, delete and view. The requested scopes, and the
 * remaining ones.
 */
const table = [
  { asked: 'openid polls.add_choice', left: 'openid polls.add_choice', why: 'all that was asked for' },
  { asked: 'openid nonsense', left: 'openid', why: 'a scope that is unknown' },
  { asked: 'openid polls.change_choice', left: 'openid', why: 'a scope that the client may not have' },
  { asked: 'openid polls.delete_choice', left: 'openid', why: 'a permission that the user lacks' },
  { asked: 'polls.delete_choice', left: '', why: 'nothing but a permission that the user lacks' },
  { asked: 'openid  openid polls.view_choice', left: 'openid polls.view_choice', why: 'one twice, and blanks' },
  { asked: 'nonsense polls.nothing', left: '400 invalid_scope', why: 'nothing that is known' },
  { asked: 'polls.change_choice', left: '400 invalid_scope', why: 'nothing that the client may have' },
];

/** The scope of a response, `absent` if it has none, or the error. */
function outcome(answer: { readonly statusCode: number; json(): Record<string, string> }): string {
  const { error, scope = 'absent' } = answer.json();
  return answer.statusCode === 200 ? scope : `${answer.statusCode} ${error}`;
}

async function scopeWorld(db: Database) {
  const s = await openPolls(db);
  const given = { requests: [s.polls], serves: [s.polls] };
  const box = await s.client('Box', { preset: 'device', ...given });
  const backend = await s.client('Backend', { grantTypes: [EXCHANGE], ...given });
  for (const one of [box, backend])
    await s.allow(one, s.polls, 'polls.add_choice', 'polls.delete_choice', 'polls.view_choice');
  const robot = await s.client('Robot', { requests: [s.polls] });
  await s.assign(robot, s.polls, 'polls.view_choice');

  /** By the authorization endpoint and its consent page, as in a browser. */
  const byCode = async (scope: string | undefined) => {
    const browser = await s.signedInBrowser();
    const page = await s.ask(browser, s.third, { scope, prompt: 'consent' });
    const answer = page.response.statusCode === 200 ? await browser.submit(page, { decision: 'allow' }) : page;
    const { code, error } = responseParameters(answer);
    if (code === undefined) return { statusCode: 400, json: () => ({ error: String(error) }) };
    const fields = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
    return s.post('token', fields as Record<string, string>, s.third);
  };
  const byDevice = async (scope: string | undefined) => {
    const begun = await s.post('device_authorization', scope === undefined ? {} : { scope }, box);
    if (begun.statusCode !== 200) return begun;
    const { device_code, user_code } = begun.json();
    const device = await findPendingDevice(db, user_code.replace('-', ''), s.clock.now());
    if (!device) throw new Error('no device waits');
    const by = { session: s.session.id, user: s.alice.id, ip: '127.0.0.1' };
    await db.fork().transactional((tx) => decideDevice(tx, device, by, 'allow', s.clock.now()));
    return s.post('token', { grant_type: DEVICE, device_code }, box);
  };
  const subject = async () => (await s.redeem(await s.code(s.web, { scope: 'openid profile' }))).json().access_token;
  const byExchange = async (scope: string | undefined) => {
    const fields = { grant_type: EXCHANGE, subject_token: await subject(), subject_token_type: ACCESS_TOKEN };
    return s.post('token', { ...fields, ...(scope === undefined ? {} : { scope }) }, backend);
  };
  const refresh = (token: string, more: Record<string, string> = {}) =>
    s.post('token', { grant_type: 'refresh_token', refresh_token: token, ...more }, s.third);
  return { ...s, box, backend, robot, byCode, byDevice, byExchange, refresh };
}

t.test('the scope of an answer', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await scopeWorld(db);

    const first = { authorization_code: s.byCode, device_code: s.byDevice, 'token-exchange': s.byExchange };
    for (const [grant, ask] of Object.entries(first))
      await t.test(`RFC 6749 §3.3, §5.1: ${grant} says what is left of the scopes that were asked for`, async (t) => {
        for (const { asked, left, why } of table) t.equal(outcome(await ask(asked)), left, why);
      });

    await t.test('RFC 6749 §3.3, §5.1: client_credentials does, by what the client has itself', async (t) => {
      const own = [
        { asked: 'polls.view_choice nonsense', left: 'polls.view_choice' },
        { asked: 'polls.view_choice polls.add_choice', left: 'polls.view_choice' },
        { asked: 'openid', left: '' },
        { asked: 'polls.add_choice', left: '400 invalid_scope' },
        { asked: 'nonsense', left: '400 invalid_scope' },
      ];
      const ask = (more: Record<string, string>) =>
        s.post('token', { grant_type: 'client_credentials', ...more }, s.robot);
      for (const { asked, left } of own) t.equal(outcome(await ask({ scope: asked })), left, asked);
      t.equal(outcome(await ask({})), 'absent', 'nothing was asked for, and nothing is said');
    });

    await t.test(
      'RFC 6749 §6, docs/oauth.md: a refresh leaves out what it cannot give, and never fails for it',
      async (t) => {
        const granted = 'openid polls.add_choice polls.delete_choice';
        let token = (await s.byCode(granted)).json()['refresh_token'] as string;
        const later = [
          ...table.filter(({ left }) => !left.startsWith('400')),
          { asked: 'nonsense polls.nothing', left: '', why: 'nothing that is known: it is no first request' },
          { asked: 'openid email', left: '400 invalid_scope', why: 'RFC 6749 §6: more than its user was asked for' },
        ];
        for (const { asked, left, why } of later) {
          const answer = await s.refresh(token, { scope: asked });
          t.equal(outcome(answer), left === 'openid polls.view_choice' ? 'openid' : left, why);
          token = answer.json().refresh_token ?? token;
        }
        t.equal(outcome(await s.refresh(token)), 'openid polls.add_choice', 'nothing asked is all that there is');
      },
    );

    await t.test('docs/oauth.md: what the user loses between two refreshes is left out, and said', async (t) => {
      const before = await s.byCode('openid polls.add_choice');
      t.equal(outcome(before), 'openid polls.add_choice');
      await s.unassign(s.alice, s.polls, 'polls.add_choice');
      const token = String(before.json()['refresh_token']);
      const after = await s.refresh(token, { scope: 'openid polls.add_choice' });
      t.equal(outcome(after), 'openid');
      t.same(jwtClaims(after.json().access_token).permissions, []);
      await s.assign(s.alice, s.polls, 'polls.add_choice');
      const again = await s.refresh(after.json().refresh_token, { scope: 'openid polls.add_choice' });
      t.equal(outcome(again), 'openid polls.add_choice', 'and comes back with the right');
    });

    await t.test('RFC 9126 §2.2: a pushed request hears it already', async (t) => {
      const fields = { response_type: 'code', redirect_uri: CALLBACK, code_challenge_method: 'S256' };
      const push = (scope: string) => s.post('par', { ...fields, code_challenge: 'c'.repeat(43), scope }, s.third);
      t.equal(outcome(await push('nonsense')), '400 invalid_scope');
      t.equal((await push('nonsense openid')).statusCode, 201);
    });

    await t.test('RFC 6749 §4.1.2.1: nobody logs in for a request of which nothing is left', async (t) => {
      const answer = responseParameters(await s.ask(s.openBrowser(), s.third, { scope: 'nonsense' }));
      t.match(answer, { error: 'invalid_scope', state: 's-1' });
    });
  }),
);
