import { AuthorizationCode, StoredRequest } from '../../src/oauth/authorization-entities.ts';
import { revokeConsent } from '../../src/oauth/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { hiddenFields, responseParameters } from '../support/browser.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

// docs/decisions/0014-repeated-posts.md: what a browser sends a second time within ten seconds.

await onEachEngine(t, async (t, db) => {
  const s = await openPolls(db);
  const { clock, third, web, introspect } = s;
  type Browser = ReturnType<typeof s.openBrowser>;
  /** Opens a consent page and sends its form once. */
  const decideOnce = async (decision = 'allow', browser?: Browser) => {
    const alice = browser ?? (await s.signedInBrowser());
    const page = await s.ask(alice, third, { prompt: 'consent' });
    const form = { ...hiddenFields(page.response.body), decision };
    const send = (more: Record<string, string> = {}, from = alice) => from.send('POST', page.url, { ...form, ...more });
    const first = responseParameters(await send());
    return { alice, url: page.url, send, first };
  };
  const redeem = (code: unknown) => s.redeem(String(code), {}, third);

  await t.test(
    'docs/decisions/0014: a second click gets another code for the same request; the first dies',
    async (t) => {
      const { alice, url, send, first } = await decideOnce();
      const codes = await s.codes();
      clock.pass(3);
      const second = responseParameters(await send());
      t.match(second, { status: 303, code: /./, state: 's-1', iss: s.issuer });
      t.not(second['code'], first['code']);
      t.equal(await s.codes(), codes, 'one row, all the time');
      const reloaded = responseParameters(await alice.get(url));
      t.match(reloaded, { status: 303, code: /./ }, 'by a reload too');
      for (const dead of [first, second]) {
        const refused = await redeem(dead['code']);
        t.same([refused.statusCode, refused.json().error], [400, 'invalid_grant']);
      }
      t.match(
        (await s.redeem(String(reloaded['code']), { code_verifier: 'x'.repeat(43) }, third)).json(),
        { error: 'invalid_grant' },
        'the challenge came along',
      );
      const tokens = (await redeem(reloaded['code'])).json();
      const claims = jwtClaims(tokens.id_token);
      t.equal(claims.nonce, 'n-1', 'the nonce too');

      const done = await send();
      t.same([done.response.statusCode, done.response.headers.location], [200, undefined]);
      t.match(done.response.body, /<h1>You are signed in<\/h1>[\s\S]*href="https:\/\/app\.example\/">Go on to Third/);
      t.equal((await introspect(tokens.access_token, third)).active, true, 'what was given goes on');
      t.equal((await redeem(reloaded['code'])).statusCode, 400);
      t.equal(
        (await introspect(tokens.access_token, third)).active,
        false,
        'RFC 6749 §4.1.2: used again, its grant ends',
      );
    },
  );

  await t.test(
    'docs/decisions/0014: only within ten seconds, by the same browser, for the same decision',
    async (t) => {
      const late = await decideOnce();
      clock.pass(10);
      t.equal((await late.send()).response.statusCode, 410);
      t.equal((await redeem(late.first['code'])).statusCode, 200, 'and the first is as good as before');

      const { alice, send, first } = await decideOnce();
      const stranger = await s.signedInBrowser();
      t.equal((await send({}, stranger)).response.statusCode, 410, 'another browser of the same user');
      stranger.cookies.set('signet_flow', alice.cookies.get('signet_flow') as string);
      t.equal(
        (await send({}, stranger)).response.statusCode,
        410,
        'with the cookie of the browser, in another session',
      );
      stranger.cookies.delete('signet_session');
      t.equal((await send({}, stranger)).response.statusCode, 410, 'with nobody signed in');
      t.equal((await send({ decision: 'deny' })).response.statusCode, 410, 'another decision');
      t.equal((await send({ decision: '' })).response.statusCode, 410, 'none');
      t.equal((await redeem(first['code'])).statusCode, 200, 'nothing of it has touched the code');

      const no = await decideOnce('deny');
      t.match(
        responseParameters(await no.send()),
        { status: 303, error: 'access_denied', state: 's-1' },
        'no is said again',
      );
      t.equal((await no.send({ decision: 'allow' })).response.statusCode, 410, 'and does not become yes');
      t.equal((await no.send({}, await s.signedInBrowser())).response.statusCode, 410);
      clock.pass(10);
      t.equal((await no.send()).response.statusCode, 410);
    },
  );

  await t.test('RFC 9110 §9.3.2: a HEAD of an interaction is given no code, and ends none', async (t) => {
    const browser = s.openBrowser();
    const login = await browser.open(s.urlFor(web));
    const form = { ...hiddenFields(login.response.body), username: 'alice', password: PASSWORD };
    const url = String((await browser.send('POST', '/login', form)).response.headers.location);
    t.match(url, /\/interaction\//);
    const codes = await s.codes();
    t.notOk('code' in responseParameters(await browser.send('HEAD', url)));
    t.equal(await s.codes(), codes);
    const { code } = responseParameters(await browser.get(url));
    t.notOk('code' in responseParameters(await browser.send('HEAD', url)));
    t.equal((await s.redeem(String(code), {}, web)).statusCode, 200, 'that of the GET is good');
  });

  await t.test('docs/decisions/0014: what ends a code ends its repetition', async (t) => {
    const out = await decideOnce();
    await out.alice.send('POST', '/oauth2/logout', { decision: 'logout' });
    t.equal((await out.send()).response.statusCode, 410, 'signed out');
    const back = await decideOnce();
    await db.fork().transactional((tx) => revokeConsent(tx, s.alice.id, third.principal, 'ended_by_user', clock.now()));
    t.equal((await back.send()).response.statusCode, 410, 'consent taken back');
    const invalidated = await decideOnce();
    t.equal(
      (await s.redeem(String(invalidated.first['code']), {}, web)).statusCode,
      400,
      'another client brings the code',
    );
    t.equal(
      (await invalidated.send()).response.statusCode,
      410,
      'no other is given for it, and nobody is told that they are in',
    );
  });

  await t.test('docs/decisions/0014: no secret is kept for it', async (t) => {
    const { alice, url, first, send } = await decideOnce();
    const second = responseParameters(await send());
    const rows = JSON.stringify([
      await db.fork().find(AuthorizationCode, {}),
      await db.fork().find(StoredRequest, {}),
      await db.fork().find(Session, {}),
    ]);
    const secrets = [first['code'], second['code'], url.slice(-43), ...alice.cookies.values(), PASSWORD];
    for (const secret of secrets) t.notOk(rows.includes(String(secret)));
  });

  await t.test(
    'docs/decisions/0014: of 50 repetitions and redemptions at once, one code of a decision is redeemed',
    async (t) => {
      const rounds = db.engine === 'postgresql' ? 20 : 2;
      for (let round = 0; round < rounds; round++) {
        const { send, first } = await decideOnce();
        const grants = await db.fork().count(RefreshGrant);
        // Each has a different extra field, so that none waits for the response of another.
        const repeated = Array.from({ length: 25 }, async (_, at) => {
          const sent = await send({ shown: `repetition ${at}` });
          const { code } = responseParameters(sent);
          if (code === undefined) t.match(sent.response.body, /You are signed in/, 'redeemed, and so it says');
          return code === undefined ? 0 : (await redeem(code)).statusCode;
        });
        const statuses = await Promise.all([redeem(first['code']).then((one) => one.statusCode), ...repeated]);
        const won = statuses.filter((one) => one === 200).length;
        const last = responseParameters(await send());
        const late = last['code'] === undefined ? 0 : (await redeem(last['code'])).statusCode;
        t.equal(won + (late === 200 ? 1 : 0), 1, statuses.join(' '));
        t.equal(await db.fork().count(RefreshGrant), grants + 1);
      }
    },
  );
});
