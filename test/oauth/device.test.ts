import { AuditEvent } from '../../src/audit/index.ts';
import { updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { User, updateUser } from '../../src/users/index.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, DEVICE, jwtClaims } from '../support/flows.ts';
import { audit, ISSUER } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openDevices } from '../support/world.ts';

type Answer = { statusCode: number; json(): Record<string, unknown> };
const refused = (t: Test, response: Answer, error: string, why = error) =>
  t.same([response.statusCode, response.json()['error']], [400, error], why);
const storedDevices = (db: Database) =>
  db.fork().execute<Record<string, unknown>[]>('select * from oauth_device order by expires_at desc, user_code');

t.test('the device flow', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openDevices(db);
    const { clock, form, begin, poll, decide, logIn, introspect, tv, box, alice } = s;
    const atAlice = await logIn('alice');

    await t.test(
      'RFC 8628 §3.2, §6.1 (V1): a device gets two codes, an address for its user, and how often it may ask',
      async (t) => {
        const response = await form('device_authorization', { client_id: tv.id, scope: 'openid' });
        t.equal(response.statusCode, 200, response.body);
        t.equal(response.headers['cache-control'], 'no-store');
        const begun = response.json();
        t.match(begun, {
          verification_uri: `${ISSUER}/oauth2/device`,
          verification_uri_complete: `${ISSUER}/oauth2/device?user_code=${begun.user_code}`,
          expires_in: 600,
          interval: 5,
        });
        t.match(begun.device_code, /^[\w-]{43}$/, '256 random bits');
        t.match(begun.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/, 'RFC 8628 §6.1: no vowel');
        const [row] = await storedDevices(db);
        t.notOk(JSON.stringify(row).includes(begun.device_code), 'only a digest of the secret is kept');
        const codes = new Set(await Promise.all(Array.from({ length: 20 }, async () => (await begin()).user_code)));
        t.equal(codes.size, 20, 'RFC 8628 §6.1: every one is another');
      },
    );

    await t.test('RFC 8628 §3.1: only a client that has the grant, for an API that it may ask for', async (t) => {
      const web = await s.client('Web', { preset: 'spa', redirectUris: [CALLBACK] });
      refused(t, await form('device_authorization', { client_id: web.id }), 'unauthorized_client');
      refused(t, await poll('x', web), 'unauthorized_client');
      refused(t, await form('device_authorization', { client_id: tv.id, audience: 'other' }), 'invalid_target');
      for (const fields of [{ client_id: 'c_nobody' }, {}] as Record<string, string>[])
        t.same((await form('device_authorization', fields)).json().error, 'invalid_client');
      const { id, secret } = await s.client('Kiosk', { grantTypes: [DEVICE], requests: [s.polls] });
      const kiosk = { client_id: id };
      t.equal((await form('device_authorization', kiosk)).statusCode, 401, 'a client with a secret shows it');
      t.equal((await form('device_authorization', { ...kiosk, client_secret: secret as string })).statusCode, 200);
      t.equal((await form('device_authorization', { ...kiosk, scope: 'a', client_secret: 'wrong' })).statusCode, 401);
      t.equal((await s.app.inject({ url: '/oauth2/device_authorization' })).statusCode, 405);
    });

    await t.test(
      'RFC 8628 §3.5 (V2): it waits; asked too soon, the interval grows by five seconds for good',
      async (t) => {
        const { device_code: code } = await begin();
        refused(t, await poll(code), 'authorization_pending', 'the first question is never too soon');
        clock.pass(3);
        refused(t, await poll(code), 'slow_down');
        clock.pass(5);
        refused(t, await poll(code), 'slow_down', 'ten seconds now');
        clock.pass(14);
        refused(t, await poll(code), 'authorization_pending', 'fifteen, and a little leeway');
        clock.pass(15);
        refused(t, await poll(code), 'authorization_pending');
        refused(t, await poll('not-a-code'), 'invalid_grant');
        refused(t, await form('token', { grant_type: DEVICE, client_id: tv.id }), 'invalid_request');
      },
    );

    await t.test('RFC 8628 §3.4 (V2): approved, it gives one token set; with openid an ID token', async (t) => {
      const begun = await begin(tv, { scope: 'openid profile made-up' });
      t.equal((await decide(atAlice, begun.user_code, 'allow')).statusCode, 200);
      const answer = await poll(begun.device_code);
      t.equal(answer.statusCode, 200, answer.body);
      const set = answer.json();
      t.match(set, { token_type: 'Bearer', expires_in: 600, scope: 'openid profile', refresh_token: /./ });
      t.match(jwtClaims(set.access_token), {
        sub: alice.id,
        aud: 'polls',
        client_id: tv.id,
        amr: ['pwd'],
        permissions: ['polls.add_choice', 'polls.delete_choice'],
      });
      t.match(jwtClaims(set.id_token), { sub: alice.id, aud: tv.id, preferred_username: 'alice' });
      t.match(await introspect(set.access_token), { active: true, username: 'alice' });
      const refresh = { grant_type: 'refresh_token', refresh_token: set.refresh_token, client_id: tv.id };
      const next = await form('token', refresh);
      t.equal(next.statusCode, 200, 'and its refresh token is good');

      clock.pass(60);
      refused(t, await poll(begun.device_code), 'invalid_grant', 'a second time');
      t.same(await introspect(set.access_token), { active: false }, 'RFC 6749 §10.5: and ends what it gave');
      const again = { ...refresh, refresh_token: next.json().refresh_token };
      refused(t, await form('token', again), 'invalid_grant');
      const [event] = await db.fork().find(AuditEvent, { kind: 'code_reused' });
      t.equal(event?.userId, alice.id);
      t.equal(await db.fork().count(AuditEvent, { kind: 'device_approved', userId: alice.id }), 1);
    });

    await t.test('RFC 8628 §3.5 (V2): refused, too late, or of another client', async (t) => {
      const denied = await begin();
      t.match((await decide(atAlice, denied.user_code, 'deny')).body, /does not get access/);
      refused(t, await poll(denied.device_code), 'access_denied');
      const foreign = await begin();
      await decide(atAlice, foreign.user_code, 'allow');
      refused(t, await poll(foreign.device_code, box), 'invalid_grant', 'another client');
      t.equal((await poll(foreign.device_code)).statusCode, 200, 'which harms nobody');
      const [late, approvedLate] = [await begin(), await begin()];
      await decide(atAlice, approvedLate.user_code, 'allow');
      clock.pass(601);
      refused(t, await poll(late.device_code), 'expired_token');
      refused(t, await poll(approvedLate.device_code), 'expired_token', 'approved in time, fetched too late');
    });

    await t.test('docs/oauth.md: a client that is not first-party gets user ∩ boundary ∩ consent', async (t) => {
      const ask = async (scope: string) => {
        const begun = await begin(box, scope === '' ? {} : { scope });
        await decide(atAlice, begun.user_code, 'allow');
        return (await poll(begun.device_code, box)).json();
      };
      const all = await ask('');
      t.same(
        jwtClaims(all.access_token).permissions,
        ['polls.add_choice'],
        'view is within its boundary, but the user lacks it',
      );
      t.same((await introspect(all.access_token)).permissions, ['polls.add_choice']);
      const less = await ask('polls.view_choice');
      t.same(jwtClaims(less.access_token).permissions, [], 'only what was asked for was consented to');
      const [consent] = await db
        .fork()
        .execute<{ permissions: string[] }[]>('select permissions::text[] from oauth_consent');
      t.equal(consent?.permissions.length, 2, 'remembered');
    });

    await t.test(
      'RFC 9449 §5 (B3): tokens of a device that shows a key are bound to it, its refresh token too',
      async (t) => {
        const key = await clientKey('ES256');
        const proof = () => proofBy(key, { method: 'POST', url: `${ISSUER}/oauth2/token`, now: clock.now() });
        const begun = await begin();
        await decide(atAlice, begun.user_code, 'allow');
        const fields = { grant_type: DEVICE, device_code: begun.device_code, client_id: tv.id };
        const set = (await form('token', fields, { dpop: await proof() })).json();
        t.match([set.token_type, jwtClaims(set.access_token).cnf], ['DPoP', { jkt: key.jkt }]);
        const refresh = { grant_type: 'refresh_token', refresh_token: set.refresh_token, client_id: tv.id };
        refused(t, await form('token', refresh), 'invalid_grant', 'without the key');
        t.equal((await form('token', refresh, { dpop: await proof() })).statusCode, 200);
      },
    );

    await t.test('a token over the budget is refused before anything is written: the code is still good', async (t) => {
      const begun = await begin();
      await decide(atAlice, begun.user_code, 'allow');
      const before = await db.fork().count(RefreshGrant);
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 1024, overBudget: 'fail', alg: 'RS256' });
      const { username } = alice;
      await db.fork().nativeUpdate(User, { id: alice.id }, { username: 'a'.repeat(600) });
      refused(t, await poll(begun.device_code), 'invalid_target');
      t.equal(await db.fork().count(RefreshGrant), before);
      await db.fork().nativeUpdate(User, { id: alice.id }, { username });
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 4096 });
      t.equal((await poll(begun.device_code)).statusCode, 200);
    });

    await t.test('attacks 79: what was approved dies with its session, its user and its client', async (t) => {
      const cookie = await logIn('bob');
      const [one, kept] = [await begin(), await begin(tv, { scope: 'openid offline_access' })];
      for (const { user_code } of [one, kept]) await decide(cookie, user_code, 'allow');
      await s.http.as({ cookie }).post('/api/v1/logout');
      refused(t, await poll(one.device_code), 'invalid_grant', 'he has logged out');
      t.equal((await poll(kept.device_code)).statusCode, 200, 'OIDC Core §11: offline access outlives the session');
      const [two, three] = [await begin(), await begin()];
      const again = await logIn('bob');
      for (const { user_code } of [two, three]) await decide(again, user_code, 'allow');
      await updateUser(db.fork(), audit(), s.bob, { isActive: false });
      refused(t, await poll(two.device_code), 'invalid_grant', 'he was deactivated');
      await s.updateClient(tv, { isActive: false });
      t.equal((await poll(three.device_code)).json().error, 'invalid_client');
      await s.updateClient(tv, { isActive: true });
      await updateUser(db.fork(), audit(), s.bob, { isActive: true });
    });

    await t.test(
      'attacks 79: a logout that is under way while a code is redeemed ends what it gives, or comes first',
      async (t) => {
        // The embedded engine has one connection, and so no concurrency.
        if (db.engine !== 'postgresql') return;
        const { session } = await s.http.logIn('bob');
        const cookie = await logIn('alice');
        const begun = await begin();
        await decide(cookie, begun.user_code, 'allow');
        await db
          .fork()
          .execute('update oauth_device set session_id = ? where user_code = ?', [
            session.id,
            begun.user_code.replace('-', ''),
          ]);
        let redeemed: ReturnType<typeof poll> | undefined;
        await db.fork().transactional(async (tx) => {
          await endSessions(tx, clock.now(), { id: session.id }, 'logout');
          redeemed = poll(begun.device_code);
          // Wait until it waits for this transaction.
          for (let waiting = 0; waiting === 0; )
            waiting = (await db.fork().execute<unknown[]>(`select 1 from pg_locks where not granted`)).length;
        });
        refused(t, (await redeemed) as Answer, 'invalid_grant');
      },
    );

    await t.test('attacks 9: of many that redeem an approved code at once, one gets tokens', async (t) => {
      const rounds = db.engine === 'postgresql' ? 200 : 5;
      for (let round = 0; round < rounds; round++) {
        const begun = await begin();
        await decide(atAlice, begun.user_code, 'allow');
        const before = await db.fork().count(RefreshGrant);
        const answers = await Promise.all(Array.from({ length: 50 }, () => poll(begun.device_code)));
        const won = answers.filter((one) => one.statusCode === 200);
        t.equal(won.length, 1, `round ${round}`);
        const lost = new Set(answers.filter((one) => one.statusCode !== 200).map((one) => one.json().error));
        t.same([...lost], ['invalid_grant']);
        t.equal(await db.fork().count(RefreshGrant), before + 1, 'one grant');
      }
    });

    await t.test('RFC 8628 §3.5: of questions that come together one is not too soon', async (t) => {
      const { device_code: code } = await begin();
      const errors = (await Promise.all(Array.from({ length: 10 }, () => poll(code)))).map((one) => one.json().error);
      t.same(errors.toSorted(), ['authorization_pending', ...Array.from({ length: 9 }, () => 'slow_down')]);
    });
  }),
);
