import { createHash } from 'node:crypto';
import { AuditEvent } from '../../src/audit/index.ts';
import { Client, ClientBoundary } from '../../src/oauth/entities.ts';
import { updateApi } from '../../src/permissions/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, jwtClaims, jwtHeader, VERIFIER } from '../support/flows.ts';
import { bearer, PASSWORD } from '../support/http.ts';
import { audit, ISSUER } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

const refused = (t: Test, response: { statusCode: number; json(): { error: string } }, why: string) =>
  t.same([response.statusCode, response.json().error], [400, 'invalid_grant'], why);

t.test('authorization codes', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openPolls(db);
    const { code, redeem, introspect, about, web, third, spa, alice, clock, post, session } = s;
    const ids = async (...names: string[]) => (await s.choicePermissions(...names)).map((one) => one.id);

    await t.test(
      'RFC 6749 §4.1.4, §5.1, OIDC Core §3.1.3.3 (T2): a code gives an access token, a refresh token and an ID token',
      async (t) => {
        const answer = await redeem(await code());
        t.equal(answer.statusCode, 200, answer.body);
        t.match(answer.headers, { 'cache-control': 'no-store', pragma: 'no-cache' });
        const { access_token, refresh_token, id_token, ...rest } = answer.json();
        t.same(rest, { token_type: 'Bearer', expires_in: 600, scope: 'openid profile' });
        t.match(jwtClaims(access_token), {
          sub: alice.id,
          aud: 'polls',
          client_id: web.id,
          sid: session.id,
          acr: 'urn:signet:acr:1fa',
          permissions: ['polls.add_choice', 'polls.change_choice', 'polls.view_choice'],
        });
        t.equal((await introspect(access_token)).active, true);
        t.match(await introspect(refresh_token), {
          active: true,
          client_id: web.id,
          sub: alice.id,
          scope: 'openid profile',
        });
        t.equal((await post('token', { grant_type: 'refresh_token', refresh_token })).statusCode, 200);
        t.same(jwtHeader(id_token).typ, 'JWT');
      },
    );

    await t.test(
      'OIDC Core §2, §3.1.3.6 (J1): the ID token says who, for whom, when and how, and fits its access token',
      async (t) => {
        const { id_token, access_token } = (await redeem(await code())).json();
        const claims = jwtClaims(id_token);
        const half = createHash('sha256').update(access_token).digest().subarray(0, 16).toString('base64url');
        t.match(claims, {
          iss: ISSUER,
          sub: alice.id,
          aud: web.id,
          nonce: 'n-0',
          at_hash: half,
          sid: session.id,
          amr: ['pwd'],
          preferred_username: 'alice',
        });
        t.equal(claims.exp - claims.iat, 600);
        t.type(claims.auth_time, 'number');
        t.notOk('email' in claims, 'what was not asked for is not said');
        t.notOk('client_id' in claims, 'RFC 9068 §4: it can be no access token');
        t.same(await introspect(id_token), { active: false }, 'J3: an ID token is no access token');
        t.equal((await about(id_token)).statusCode, 401);
      },
    );

    await t.test(
      'RFC 6749 §4.1.2, §10.5 (A10): a code counts once; the second time ends what it gave, long after too',
      async (t) => {
        for (const seconds of [0, 3000]) {
          const given = await code();
          const { access_token, refresh_token } = (await redeem(given)).json();
          clock.pass(seconds);
          refused(t, await redeem(given), 'the second time');
          t.same(await introspect(access_token), { active: false });
          refused(t, await post('token', { grant_type: 'refresh_token', refresh_token }), 'its refresh token too');
        }
        t.equal(await db.fork().count(AuditEvent, { kind: 'code_reused' }), 2, 'audited');
      },
    );

    await t.test('RFC 6749 §4.1.2: a code lives a minute', async (t) => {
      const given = await code();
      clock.pass(61);
      refused(t, await redeem(given), 'too late');
    });

    await t.test('attacks 69 (T7): a code of another client is refused, and becomes invalid', async (t) => {
      const given = await code();
      refused(t, await redeem(given, {}, third), 'another client');
      refused(t, await redeem(given), 'its own client comes too late');
    });

    await t.test(
      'RFC 7636 §4.1, §4.6 (T6): the verifier belongs to the challenge; RFC 9700 §4.8.2: none without the other',
      async (t) => {
        for (const code_verifier of ['', 'short', `${VERIFIER}x`, VERIFIER.slice(0, 42), 'x'.repeat(129)])
          refused(t, await redeem(await code(), { code_verifier }), code_verifier);
        refused(t, await redeem(await code(web, { codeChallenge: null })), 'a verifier without a challenge');
        const plain = await redeem(await code(web, { codeChallenge: null }), { code_verifier: '' });
        t.equal(plain.statusCode, 200, 'neither');
        t.equal((await redeem(await code(spa), {}, spa)).statusCode, 200, 'a public client');
      },
    );

    await t.test('RFC 6749 §4.1.3 (T7): the redirect URI is the one that was sent', async (t) => {
      refused(t, await redeem(await code(), { redirect_uri: `${CALLBACK}/` }), 'another');
      refused(t, await redeem(await code(), { redirect_uri: '' }), 'none');
      t.equal((await redeem(await code(web, { redirectUri: null }), { redirect_uri: '' })).statusCode, 200);
    });

    await t.test('attacks 73: a code that is shorter, longer or different by a character is refused', async (t) => {
      const given = await code();
      for (const one of [given.slice(1), given.slice(0, -1), `${given}A`, `A${given}`, given.toUpperCase(), ''])
        t.equal((await redeem(one)).statusCode, 400);
      for (let at = 0; at < given.length; at += 5)
        refused(t, await redeem(given.slice(0, at) + (given[at] === 'A' ? 'B' : 'A') + given.slice(at + 1)), 'flipped');
      t.equal((await redeem(given)).statusCode, 200);
    });

    await t.test('docs/oauth.md: the code of a user who is deactivated or logged out is refused', async (t) => {
      const other = await s.signIn();
      const given = await code(web, { session: other.session.id });
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: other.session.id }, 'logout'));
      refused(t, await redeem(given), 'logged out');
      await t.rejects(code(web, { session: other.session.id }), { message: 'ended' }, 'and no code is given');
    });

    await t.test('RFC 8707 §2.2 (T11): a code is for one API', async (t) => {
      const elsewhere = await redeem(await code(), { audience: 'signet' });
      t.same([elsewhere.statusCode, elsewhere.json().error], [400, 'invalid_target']);
      t.equal((await redeem(await code(), { audience: 'polls' })).statusCode, 200);
      const none = await redeem(await code(web, { api: null }), { audience: 'polls' });
      t.equal(none.json().error, 'invalid_target', 'nor is one widened that was for userinfo alone');
    });

    await t.test('docs/tokens.md: a token over its budget is refused before the code is used', async (t) => {
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 1024, overBudget: 'fail' });
      const long = await s.signInOverBudget();
      const given = await code(web, { session: long.session.id });
      const refusal = await redeem(given);
      t.same([refusal.statusCode, refusal.json().error], [400, 'invalid_target'], refusal.body);
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 8192, overBudget: 'bitmap' });
      t.equal((await redeem(given)).statusCode, 200, 'the code is still good');
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 4096 });
    });

    await t.test(
      'docs/oauth.md, OIDC Core §5.4: for userinfo alone, a token without an API says nothing of permissions',
      async (t) => {
        const { access_token } = (await redeem(await code(web, { api: null, scope: 'openid email groups' }))).json();
        const claims = jwtClaims(access_token);
        t.equal(claims.aud, `${ISSUER}/oauth2/userinfo`);
        t.notOk('permissions' in claims);
        t.same((await about(access_token)).json(), {
          sub: alice.id,
          email: 'alice@example.com',
          email_verified: false,
          groups: ['Editors'],
        });
        t.match(await introspect(access_token), { active: true, permissions: [] });
      },
    );

    await t.test(
      'OIDC Core §5.3.1, §5.3.2 (B4): userinfo by GET, POST and form; RFC 6750 §2.1, §2.2, §3.1 (B1): challenges',
      async (t) => {
        const { access_token, id_token } = (await redeem(await code())).json();
        const { app, http } = s;
        const url = '/oauth2/userinfo';
        for (const answer of [
          await about(access_token),
          await app.inject({ method: 'POST', url, headers: bearer(access_token) }),
          await http.form(url, { access_token }),
        ]) {
          t.equal(answer.statusCode, 200, answer.body);
          t.same(answer.json(), { sub: jwtClaims(id_token).sub, preferred_username: 'alice' });
          t.equal(answer.headers['access-control-allow-origin'], '*');
        }
        const none = await app.inject({ method: 'GET', url });
        t.same([none.statusCode, none.headers['www-authenticate']], [401, 'Bearer']);
        const bad = await about('x.y.z');
        t.match([bad.statusCode, bad.headers['www-authenticate']], [401, /error="invalid_token"/]);
        const both = await http.form(url, { access_token }, bearer(access_token));
        t.equal(both.statusCode, 400);
        t.equal((await app.inject({ method: 'GET', url: `${url}?access_token=${access_token}` })).statusCode, 401);
        const { access_token: other } = (await redeem(await code(web, { scope: 'profile' }))).json();
        const lacking = await about(other);
        t.match([lacking.statusCode, lacking.headers['www-authenticate']], [403, /insufficient_scope/]);
      },
    );

    await t.test('OIDC Core §5.5: claims that were asked for by name come where they were asked for', async (t) => {
      const claims = { idToken: ['email'], userinfo: ['name', 'preferred_username', 'groups'] };
      const { access_token, id_token } = (await redeem(await code(web, { scope: 'openid', claims }))).json();
      t.equal(jwtClaims(id_token).email, 'alice@example.com');
      t.same(
        (await about(access_token)).json(),
        { sub: alice.id, preferred_username: 'alice' },
        'groups by their scope alone',
      );
    });

    await t.test('OIDC Registration §2: userinfo and ID tokens are signed as the client is registered', async (t) => {
      const em = db.fork();
      (await em.findOneOrFail(Client, web.principal)).settings = { userinfoAlg: 'RS256' };
      await em.flush();
      await em.execute('update permissions_principal set perms_version = perms_version + 1 where id = ?', [
        web.principal,
      ]);
      const { access_token } = (await redeem(await code())).json();
      const answer = await about(access_token);
      t.equal(answer.headers['content-type'], 'application/jwt');
      t.match(jwtClaims(answer.body), { iss: ISSUER, aud: web.id, sub: alice.id, preferred_username: 'alice' });
      t.same(await introspect(answer.body), { active: false });
      (await em.findOneOrFail(Client, web.principal)).settings = {};
      await em.flush();
      await em.execute('update permissions_principal set perms_version = perms_version + 1 where id = ?', [
        web.principal,
      ]);
    });

    await t.test(
      'docs/oauth.md: a client that is not first-party carries user ∩ boundary ∩ consent, everywhere',
      async (t) => {
        // Holds add, change, view; the boundary is view, delete, add; consented to view and delete.
        const given = await code(third, { permissions: await ids('view', 'delete') });
        const { access_token, refresh_token } = (await redeem(given, {}, third)).json();
        const only = ['polls.view_choice'];
        const claims = jwtClaims(access_token);
        t.match(claims, { permissions: only, is_staff: false, is_superuser: false });
        t.match(await introspect(access_token, third), { permissions: only, groups: [], is_superuser: false });
        const question = {
          perms: ['polls.view_choice', 'polls.add_choice', 'polls.change_choice'],
          modules: ['polls', 'auth'],
        };
        const asked = await s.http.json('/api/v1/has_perm', question, bearer(access_token));
        t.same(asked.json(), {
          results: { 'polls.view_choice': true, 'polls.add_choice': false, 'polls.change_choice': false },
          modules: { polls: true, auth: false },
        });
        const next = await post('token', { grant_type: 'refresh_token', refresh_token }, third);
        t.same(jwtClaims(next.json().access_token).permissions, only);

        await updateUser(db.fork(), audit(clock.now()), alice, { isSuperuser: true });
        const again = await post(
          'token',
          { grant_type: 'refresh_token', refresh_token: next.json().refresh_token },
          third,
        );
        const limited = jwtClaims(again.json().access_token);
        t.match(limited, { is_superuser: false }, 'no flag');
        t.same(
          limited.permissions,
          ['polls.delete_choice', 'polls.view_choice'],
          'a superuser may all of it, the client this',
        );
        t.match(await introspect(again.json().access_token, third), { is_superuser: false, is_staff: false });
        await updateUser(db.fork(), audit(clock.now()), alice, { isSuperuser: false });

        await db
          .fork()
          .nativeDelete(ClientBoundary, { client: third.principal, permission: (await ids('view'))[0] as string });
        t.same((await introspect(again.json().access_token, third)).permissions, [], 'the current boundary');
        const [view] = await ids('view');
        await db.fork().insert(ClientBoundary, { client: third.principal, permission: view as string });
      },
    );

    await t.test('docs/oauth.md: the same limit in a bitmap', async (t) => {
      await updateApi(db.fork(), audit(), s.polls, { format: 'bitmap' });
      const given = await code(third, { permissions: await ids('view', 'delete') });
      const { access_token } = (await redeem(given, {}, third)).json();
      const { index } = (await s.choicePermissions('view'))[0] as { index: number };
      const bits = Buffer.from(jwtClaims(access_token).permissions_bitmap.b, 'base64url');
      t.same(
        [...bits].filter((one) => one !== 0),
        [1 << (index % 8)],
      );
      t.equal(bits[index >> 3], 1 << (index % 8));
      await updateApi(db.fork(), audit(), s.polls, { format: 'list' });
    });

    await t.test('OIDC Core §11: an offline grant survives the logout, another does not', async (t) => {
      const other = await s.signIn();
      const of = async (isOffline: boolean) =>
        (await redeem(await code(web, { session: other.session.id, isOffline }))).json().refresh_token as string;
      const [online, offline] = [await of(false), await of(true)];
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: other.session.id }, 'logout'));
      refused(t, await post('token', { grant_type: 'refresh_token', refresh_token: online }), 'ended with it');
      t.equal((await post('token', { grant_type: 'refresh_token', refresh_token: offline })).statusCode, 200);
      await updateUser(db.fork(), audit(clock.now()), alice, { isActive: false });
      refused(t, await post('token', { grant_type: 'refresh_token', refresh_token: offline }), 'deactivated');
      await updateUser(db.fork(), audit(clock.now()), alice, { isActive: true });
    });

    await t.test('OIDC Core §3.1.2.1 (A8): who authenticates again is not logged out of other clients', async (t) => {
      const before = await s.signIn();
      const { refresh_token, access_token } = (await redeem(await code(web, { session: before.session.id }))).json();
      const again = (username: string, cookie: string) =>
        s.http.as({ cookie }).json('/api/v1/login', { username, password: PASSWORD });
      const after = await again('alice', before.cookie);
      t.not(after.json().session.id, before.session.id, 'a new session');
      t.equal((await introspect(access_token)).active, true);
      const next = await post('token', { grant_type: 'refresh_token', refresh_token });
      t.equal(jwtClaims(next.json().access_token).sid, after.json().session.id);
      const [cookie] = after.cookies as [{ name: string; value: string }];
      t.equal((await again('longa', `${cookie.name}=${cookie.value}`)).statusCode, 200);
      refused(
        t,
        await post('token', { grant_type: 'refresh_token', refresh_token: next.json().refresh_token }),
        'somebody else',
      );
    });

    await t.test(
      'docs/commands.md: opaque access tokens say nothing to a client, and all to introspection',
      async (t) => {
        await updateApi(db.fork(), audit(), s.polls, { tokenKind: 'opaque' });
        const again = await s.signIn();
        const { access_token } = (await redeem(await code(web, { session: again.session.id }))).json();
        t.match(access_token, /^[\w-]+$/);
        t.notMatch(Buffer.from(access_token, 'base64url').toString('latin1'), 'alice');
        t.match(await introspect(access_token), { active: true, sub: alice.id, permissions: ['polls.add_choice'] });
        t.equal((await about(access_token)).statusCode, 200);
        for (let at = 0; at < access_token.length; at += 17) {
          const flipped =
            access_token.slice(0, at) + (access_token[at] === 'A' ? 'B' : 'A') + access_token.slice(at + 1);
          t.same(await introspect(flipped), { active: false });
        }
        t.same(await introspect(access_token.slice(0, -1)), { active: false });
        t.equal((await post('revoke', { token: access_token })).statusCode, 200);
        t.same(await introspect(access_token), { active: false });
        await updateApi(db.fork(), audit(), s.polls, { tokenKind: 'jwt' });
      },
    );

    await t.test('A10: of 50 redemptions at once one wins, 200 rounds on PostgreSQL', async (t) => {
      const again = await s.signIn();
      const winners: number[] = [];
      const rounds = db.engine === 'postgresql' ? 200 : 8;
      for (let round = 0; round < rounds; round++) {
        const given = await code(round % 2 ? web : third, { session: again.session.id, permissions: [] });
        const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(given, {}, round % 2 ? web : third)));
        winners.push(answers.filter((one) => one.statusCode === 200).length);
      }
      t.same(winners, Array(rounds).fill(1));
    });
  }),
);
