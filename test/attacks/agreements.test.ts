import { updateUser } from '../../src/users/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK, DEVICE, jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openPolls, openServices } from '../support/world.ts';

// What somebody has agreed to, or has to do first, is not got round by leaving something out, or by coming later.

await t.test('at the pages', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const s = await openPolls(db);
  const { clock } = s;
  const bob = await s.user('bob');
  const box = await s.client('Box', { preset: 'device', requests: [s.polls] });
  await s.allow(box, s.polls, 'polls.add_choice');
  type Browser = Awaited<ReturnType<typeof s.signedInBrowser>>;
  const cookieOf = (browser: Browser) => [...browser.cookies].map((one) => one.join('=')).join('; ');
  /** A device that has been approved, and has not asked yet. */
  const approvedBy = async (browser: Browser): Promise<string> => {
    const { device_code, user_code } = (
      await s.post('device_authorization', { scope: 'openid offline_access' }, box)
    ).json();
    const { response } = await browser.send('POST', '/oauth2/device', { user_code });
    const done = await browser.send('POST', '/oauth2/device', { ...hiddenFields(response.body), decision: 'allow' });
    t.match(done.response.body, /The device is connected/);
    return device_code;
  };
  const poll = (device_code: string) => s.post('token', { grant_type: DEVICE, device_code }, box);

  for (const asked of [{ prompt: 'login' }, { prompt: 'select_account' }, { max_age: '60' }])
    await t.test(
      `OIDC Core §3.1.2.1 (A8), attacks 53: ${JSON.stringify(asked)} is not met by a cookie that was kept back`,
      async (t) => {
        const alice = await s.signedInBrowser();
        clock.pass(3600);
        const [name, value] = [...alice.cookies].find(([one]) => one.includes('session')) as [string, string];
        alice.cookies.delete(name);
        const { response } = await alice.send('GET', s.urlFor(s.web, asked));
        const waiting = response.headers.location as string;
        t.match((await alice.get(waiting)).response.headers.location, '/login?next=');
        alice.cookies.set(name, value);
        t.match((await alice.get(waiting)).response.headers.location, '/login?next=', 'the session is an hour old');
        const other = await s.signedInBrowser();
        const [, since] = [...other.cookies].find(([one]) => one.includes('session')) as [string, string];
        alice.cookies.set(name, since);
        t.match(responseParameters(await alice.get(waiting)), { code: /./ }, 'one of a login since then will do');
      },
    );

  await t.test('RFC 9110 §9.3.2: a HEAD of the authorization endpoint is given no code', async (t) => {
    const alice = await s.signedInBrowser();
    const { response } = await alice.send('HEAD', s.urlFor(s.web));
    t.match([response.statusCode, response.headers.location], [303, '/interaction/']);
    t.match(responseParameters(await alice.send('GET', s.urlFor(s.web))), { code: /./ });
  });

  await t.test('RFC 9700 §4.5 (A11), attacks 79: what is taken back is not redeemed afterwards', async (t) => {
    const alice = await s.signedInBrowser();
    const page = await s.ask(alice, s.third, { scope: 'openid polls.add_choice' });
    const { code } = responseParameters(await alice.submit(page, { decision: 'allow' }));
    const approved = await approvedBy(alice);
    for (const { id } of [s.third, box]) {
      const url = `/api/v1/account/grants/${id}`;
      const answer = await s.app.inject({ method: 'DELETE', url, headers: { cookie: cookieOf(alice) } });
      t.equal(answer.statusCode, 204);
    }
    for (const late of [await s.redeem(String(code), {}, s.third), await poll(approved)])
      t.match(late.json(), { error: 'invalid_grant' });
  });

  await t.test(
    'OIDC Core §5.4 (A11): who was let know nothing but who it is does not learn the username',
    async (t) => {
      const alone = await s.client('Alone', { preset: 'web', redirectUris: [CALLBACK] });
      const alice = await s.signedInBrowser();
      const { code } = responseParameters(await alice.submit(await s.ask(alice, alone), { decision: 'allow' }));
      const { access_token, refresh_token } = (await s.redeem(String(code), {}, alone)).json();
      t.equal(jwtClaims(access_token).aud, `${s.issuer}/oauth2/userinfo`);
      for (const said of [
        jwtClaims(access_token),
        await s.introspect(access_token, alone),
        await s.introspect(refresh_token, alone),
      ])
        t.match([said.sub, 'username' in said], [s.alice.id, false]);
    },
  );

  for (const how of ['/oauth2/logout', '/api/v1/logout'])
    await t.test(`docs/login-api.md (L2, T9): ${how} ends what was given in a session whose time is up`, async (t) => {
      const alice = await s.signedInBrowser();
      const { code } = await s.answer(alice, s.web);
      const { id_token, refresh_token } = (await s.redeem(String(code))).json();
      const cookie = cookieOf(alice);
      clock.pass(15 * 86_400);
      const sent =
        how === '/oauth2/logout'
          ? await s.app.inject({ url: `${how}?id_token_hint=${id_token}`, headers: { cookie } })
          : await s.app.inject({ method: 'POST', url: how, headers: { cookie } });
      t.ok(sent.statusCode < 300, String(sent.statusCode));
      const again = await s.post('token', { grant_type: 'refresh_token', refresh_token });
      t.match(again.json(), { error: 'invalid_grant' });
    });

  await t.test(
    'RFC 8628 §3.5 (V2), attacks 79: what was approved before its user was locked out is nothing afterwards',
    async (t) => {
      const approved = await approvedBy(await s.signedInBrowser('bob'));
      for (const isActive of [false, true]) await updateUser(db.fork(), audit(clock.now()), bob, { isActive });
      t.match((await poll(approved)).json(), { error: 'invalid_grant' });
    },
  );
});

await t.test(
  'RFC 8693 §1.1 (X1), attacks 71: who acts for a user does not come to Signet by a second exchange',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const s = await openServices(db);
    const dora = await s.user('dora');
    const ellen = await s.user('ellen');
    await s.assign(dora, s.signet, 'auth.impersonate_user', 'auth.view_user');
    await s.assign(ellen, s.signet, 'auth.view_user');
    const { token } = await s.http.logIn('dora', { audience: 'signet' });
    const asked = { requested_subject: 'ellen', reason: 'she cannot vote', audience: 'polls' };
    const acting = await s.exchange(s.helpDesk, token, asked);
    t.equal(acting.statusCode, 200);
    const on = await s.exchange(s.helpDesk, acting.json().access_token, { audience: 'signet' });
    t.match([on.statusCode, on.json()], [400, { error: 'invalid_target' }]);
    const own = await s.http.logIn('ellen', { audience: 'polls' });
    const called = await s.exchange(s.helpDesk, own.token, { audience: 'signet' });
    t.equal(called.statusCode, 200, 'a service that calls on for its user may');
  },
);
