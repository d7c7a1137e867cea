import { AuditEntry, AuditEvent } from '../../src/audit/index.ts';
import { disallowPermissions, getClient } from '../../src/oauth/index.ts';
import { setRole, unassign, updateApi } from '../../src/permissions/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { endGrants, RefreshGrant, TokenStatus } from '../../src/tokens/index.ts';
import { updateUser } from '../../src/users/index.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { ACCESS_TOKEN, CALLBACK, EXCHANGE, jwtClaims, VERIFIER } from '../support/flows.ts';
import { audit, ISSUER } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openServices, type TestClient } from '../support/world.ts';

type Answer = { statusCode: number; body: string; json(): Record<string, unknown> };
const refused = (t: Test, response: Answer, error: string, why = error) =>
  t.same([response.statusCode, response.json()['error']], [400, error], why);
const LEDGER = { resource: 'https://ledger.example' };

t.test('token exchange', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openServices(db);
    const { exchange, subjectToken, introspect, web, third, backend, books, outside, clock, alice, polls, ledger } = s;

    await t.test('RFC 8693 §2.2.1 (X1): a service that was called gets a token to call the next with', async (t) => {
      const subject = await subjectToken();
      clock.pass(100);
      const answer = await exchange(backend, subject, LEDGER);
      t.equal(answer.statusCode, 200, answer.body);
      t.match(answer.json(), { token_type: 'Bearer', issued_token_type: ACCESS_TOKEN, scope: 'openid profile' });
      t.notOk('refresh_token' in answer.json() || 'id_token' in answer.json());
      t.equal(answer.json().expires_in, 500, 'and not a second longer than the one that was shown');
      const [was, is] = [jwtClaims(subject), jwtClaims(answer.json().access_token)];
      t.match(is, {
        sub: alice.id,
        aud: 'https://ledger.example',
        client_id: backend.id,
        sid: was.sid,
        auth_time: was.auth_time,
        exp: was.exp,
        permissions: ['ledger.view_entry'],
      });
      t.same(is.act, { sub: backend.id }, 'RFC 8693 §4.1: who acts');
      t.match(await introspect(answer.json().access_token, books), { active: true, act: { sub: backend.id } });
      const rows = await db.fork().find(TokenStatus, { principal: alice.id });
      t.equal(new Set(rows.map((one) => one.holder)).size, 1, 'it belongs to what the first belongs to');
    });

    await t.test('RFC 8693 §4.1 (X1): who acted before stands inside', async (t) => {
      const one = (await exchange(backend, await subjectToken(), LEDGER)).json().access_token;
      const two = (await exchange(books, one, { audience: 'polls' })).json().access_token;
      t.same(jwtClaims(two).act, { sub: books.id, act: { sub: backend.id } });
      t.match((await introspect(two, backend)).act, { sub: books.id, act: { sub: backend.id } });
      await s.updateClient(books, { isActive: false });
      t.same(await introspect(two, backend), { active: false }, 'all who act still may');
      await s.updateClient(books, { isActive: true });
      await s.updateClient(backend, { isActive: false });
      t.same(await introspect(two, web), { active: false });
      await s.updateClient(backend, { isActive: true });
    });

    await t.test('RFC 8693 §2.1: an actor by a token of its own', async (t) => {
      const own = { grant_type: 'client_credentials', audience: 'polls' };
      const clientTokens = (await s.post('token', own, web)).json();
      t.equal(clientTokens.error, 'unauthorized_client');
      const actor = (await s.post('token', own, backend)).json().access_token;
      const shown = { ...LEDGER, actor_token: actor, actor_token_type: ACCESS_TOKEN };
      const by = await exchange(backend, await subjectToken(), shown);
      t.same(jwtClaims(by.json().access_token).act, { sub: backend.id, client_id: backend.id }, by.body);
      const bob = await s.user('bob');
      const { token } = await s.http.logIn('bob', { audience: 'polls' });
      const byBob = await exchange(backend, await subjectToken(), { ...shown, actor_token: token });
      t.same(jwtClaims(byBob.json().access_token).act, { sub: bob.id, client_id: backend.id });
      await updateUser(db.fork(), audit(), bob, { isActive: false });
      t.same(
        await introspect(byBob.json().access_token, books),
        { active: false },
        'he is out, and so is what he does',
      );
      refused(t, await exchange(backend, await subjectToken(), { ...shown, actor_token: token }), 'invalid_request');
      const acted = (await exchange(backend, await subjectToken())).json().access_token;
      refused(
        t,
        await exchange(backend, await subjectToken(), { ...shown, actor_token: acted }),
        'invalid_request',
        'no chain',
      );
    });

    await t.test('RFC 8693 §2.1, §3 (X1): what is missing, or of another kind', async (t) => {
      const token = await subjectToken();
      const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN };
      for (const [why, fields] of [
        ['no subject_token', { subject_token: '' }],
        ['no type of it', { subject_token_type: '' }],
        ['an actor without its type', { actor_token: token }],
        ['a type without its actor', { actor_token_type: ACCESS_TOKEN }],
        ['a refresh token', { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
        ['an ID token is wanted', { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
      ] as const)
        refused(t, await s.post('token', { ...form, ...fields }, backend), 'invalid_request', why);
      const jwt = await exchange(backend, token, { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' });
      t.equal(jwt.statusCode, 200, 'a JWT it is too');
      const { id_token: idToken, refresh_token: refresh } = (await s.redeem(await s.code())).json();
      for (const other of [idToken, refresh, 'x', `${token}A`])
        refused(t, await exchange(backend, other), 'invalid_request', 'no access token of ours');
      const own = (await s.post('token', { grant_type: 'client_credentials', audience: 'polls' }, backend)).json();
      refused(t, await exchange(backend, own.access_token), 'invalid_request', 'a client asks for itself');
      t.equal((await exchange({ ...backend, secret: 'wrong' }, token)).statusCode, 401);
    });

    await t.test('RFC 8693 §5: only a client that keeps a secret and was let', async (t) => {
      const token = await subjectToken();
      refused(t, await exchange(web, token), 'unauthorized_client', 'not enabled');
      const spa = await getClient(db.fork(), s.spa.id);
      // No command gives a public client this grant type; a client changed in the database is refused all the same.
      await db
        .fork()
        .execute(`update oauth_client set grant_types = grant_types || ?::text where id = ?`, [EXCHANGE, spa.id]);
      refused(t, await exchange(s.spa, token), 'unauthorized_client', 'public');
    });

    await t.test('RFC 8693 §2.2.2, RFC 8707 §2 (X1): for an API that the client may ask for', async (t) => {
      const token = await subjectToken();
      refused(t, await exchange(backend, token, { audience: 'signet' }), 'invalid_target');
      refused(t, await exchange(backend, token, { audience: 'nowhere' }), 'invalid_target');
      const served = await s.service('Serves alone', { requests: [ledger], serves: [polls] });
      refused(t, await exchange(served, token), 'invalid_target', 'not even that of the token');
      t.equal((await exchange(served, token, LEDGER)).statusCode, 200);
      const aboutMe = await subjectToken(web, { api: null });
      refused(t, await exchange(await asWeb(), aboutMe, LEDGER), 'invalid_request', 'not its own to see');
      t.equal(jwtClaims((await exchange(backend, token)).json().access_token).aud, 'polls', 'none named: the same');
    });

    /** A client that may exchange its own tokens. */
    async function asWeb(): Promise<TestClient> {
      return s.service('Web alone', { requests: [polls, ledger], grantTypes: [EXCHANGE] });
    }

    await t.test('a token for userinfo only cannot be exchanged', async (t) => {
      await db
        .fork()
        .execute(`update oauth_client set grant_types = grant_types || ?::text where id = ?`, [
          EXCHANGE,
          web.principal,
        ]);
      await s.updateClient(web, { requests: [polls, ledger] });
      refused(t, await exchange(web, await subjectToken(web, { api: null }), LEDGER), 'invalid_target');
      t.equal((await exchange(web, await subjectToken(web), LEDGER)).statusCode, 200, 'its own token for an API is');
    });

    await t.test('RFC 8693 §2.1 (X1): the scope may be less, never more', async (t) => {
      const token = await subjectToken();
      t.equal((await exchange(backend, token, { scope: 'openid' })).json().scope, 'openid');
      refused(t, await exchange(backend, token, { scope: 'openid email' }), 'invalid_scope');
      const less = (await exchange(backend, token, { scope: 'profile' })).json().access_token;
      refused(t, await exchange(backend, less, { scope: 'openid' }), 'invalid_scope', 'nor by the way round');
    });

    await t.test('attacks 71: a foreign token, a revoked one, one that has ended', async (t) => {
      refused(t, await exchange(books, await subjectToken()), 'invalid_request', 'for an API that it does not serve');
      const [revoked, expired] = [await subjectToken(), await subjectToken()];
      await s.post('revoke', { token: revoked }, web);
      refused(t, await exchange(backend, revoked), 'invalid_request', 'revoked');
      const { token, sid } = await s.http.logIn('alice', { audience: 'polls' });
      const made = (await exchange(backend, token)).json().access_token;
      t.match(await introspect(made, backend), { active: true });
      await db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: sid }, 'logout'));
      refused(t, await exchange(backend, token), 'invalid_request', 'logged out');
      t.same(await introspect(made, backend), { active: false }, 'and what was made of it has ended with it');
      clock.pass(601);
      refused(t, await exchange(backend, expired), 'invalid_request', 'expired');
      const grant = (await s.redeem(await s.code())).json().access_token;
      const byGrant = (await exchange(backend, grant, LEDGER)).json().access_token;
      const [live] = await db.fork().find(RefreshGrant, { client: web.principal }, { orderBy: { id: 'desc' } });
      await db.fork().transactional((tx) => endGrants(tx, clock.now(), { id: live?.id as string }, 'revoked'));
      t.same(await introspect(byGrant, books), { active: false }, 'at the other API too');
    });

    await t.test(
      'RFC 9449 §7 (B3): a bound token is exchanged by who has its key, and the new one is bound too',
      async (t) => {
        const [key, other] = [await clientKey('ES256'), await clientKey('ES256')];
        const proof = (by = key) => proofBy(by, { method: 'POST', url: `${ISSUER}/oauth2/token`, now: clock.now() });
        const form = { grant_type: 'authorization_code', redirect_uri: CALLBACK, code_verifier: VERIFIER };
        const given = await s.post('token', { ...form, code: await s.code() }, web, { dpop: await proof() });
        t.equal(given.json().token_type, 'DPoP', given.body);
        const bound = given.json().access_token;
        refused(t, await exchange(backend, bound), 'invalid_request', 'without a proof');
        refused(
          t,
          await exchange(backend, bound, {}, { dpop: await proof(other) }),
          'invalid_request',
          'by another key',
        );
        const made = await exchange(backend, bound, {}, { dpop: await proof() });
        t.match(made.json(), { token_type: 'DPoP' }, made.body);
        t.same(jwtClaims(made.json().access_token).cnf, { jkt: key.jkt });
        t.match(await introspect(made.json().access_token, backend), { token_type: 'DPoP', cnf: { jkt: key.jkt } });
      },
    );

    await t.test(
      'docs/oauth.md, attacks 71: what limits the subject token limits the tokens made of it, for ever',
      async (t) => {
        const consented = (await s.choicePermissions('view')).map((one) => one.id);
        const narrow = await subjectToken(third, { permissions: consented });
        t.same(jwtClaims(narrow).permissions, ['polls.view_choice']);
        const same = (await exchange(backend, narrow)).json().access_token;
        t.match(jwtClaims(same), { permissions: ['polls.view_choice'], is_staff: false });
        t.same((await introspect(same, backend)).permissions, ['polls.view_choice']);
        const other = (await exchange(backend, narrow, LEDGER)).json().access_token;
        t.same(jwtClaims(other).permissions, [], 'nobody has consented to anything there');
        const back = (await exchange(books, other, { audience: 'polls' })).json().access_token;
        t.same(jwtClaims(back).permissions, ['polls.view_choice'], 'and back again it is the same');
      },
    );

    await t.test(
      'a client that is not first-party adds its own boundary, which applies to every later exchange too',
      async (t) => {
        const token = await subjectToken();
        t.same(jwtClaims(token).permissions.length, 3);
        t.same(jwtClaims((await exchange(outside, token)).json().access_token).permissions, [], 'nothing is under it');
        await s.allow(outside, polls, 'polls.add_choice', 'polls.delete_choice');
        const limited = (await exchange(outside, token)).json().access_token;
        t.same(jwtClaims(limited).permissions, ['polls.add_choice']);
        const after = (await exchange(backend, limited)).json().access_token;
        t.same(jwtClaims(after).permissions, ['polls.add_choice'], 'a first-party client after it does not undo it');
        t.same((await introspect(after, backend)).permissions, ['polls.add_choice']);
        const actor = (await s.post('token', { grant_type: 'client_credentials', audience: 'polls' }, backend)).json();
        const shown = { actor_token: actor.access_token, actor_token_type: ACCESS_TOKEN };
        const named = (await exchange(outside, token, shown)).json().access_token;
        const later = (await exchange(backend, named)).json().access_token;
        t.same(jwtClaims(later).permissions, ['polls.add_choice'], 'nor when another was named as the actor');
        await disallowPermissions(db.fork(), audit(), { id: outside.principal }, await s.choicePermissions('add'));
        t.same((await introspect(after, backend)).permissions, [], 'as of now');
      },
    );

    await t.test('rights as of now: what was taken away since the first token is not given again', async (t) => {
      const token = await subjectToken();
      await unassign(db.fork(), audit(), s.asUser, await s.choicePermissions('add'));
      const made = (await exchange(backend, token)).json().access_token;
      t.same(jwtClaims(made).permissions, ['polls.change_choice', 'polls.view_choice']);
      await s.assign(alice, polls, 'polls.add_choice');
    });

    await t.test('a token over the budget is refused', async (t) => {
      const { session } = await s.signInOverBudget();
      const token = await subjectToken(web, { session: session.id });
      await updateApi(db.fork(), audit(), polls, { budgetBytes: 1024, overBudget: 'fail' });
      refused(t, await exchange(backend, token), 'invalid_target');
      await updateApi(db.fork(), audit(), polls, { budgetBytes: 4096, overBudget: 'bitmap' });
    });

    await t.test('M5: discovery lists the grant', async (t) => {
      const { grant_types_supported: listed } = (await s.app.inject('/.well-known/openid-configuration')).json();
      t.ok(listed.includes(EXCHANGE) && listed.includes('urn:ietf:params:oauth:grant-type:device_code'));
    });

    await t.test('RFC 8693 §1.1 (X1): impersonation', (t) => impersonation(t));

    async function impersonation(t: Test) {
      const { helpDesk, signet } = s;
      const [dora, ellen, boss] = [await s.user('dora'), await s.user('ellen'), await s.user('boss')];
      const [root, poweruser] = [await s.user('root', { isSuperuser: true }), await s.user('poweruser')];
      await s.user('staff', { isStaff: true });
      await s.assign(dora, signet, 'auth.impersonate_user', 'auth.view_user');
      await s.assign(ellen, polls, 'polls.view_choice');
      await s.assign(ellen, signet, 'auth.view_user');
      await s.assign(boss, signet, 'auth.delete_user');
      await setRole(db.fork(), audit(), { id: poweruser.id, label: 'poweruser' }, ledger, {
        isStaff: true,
        isSuperuser: false,
      });
      const impersonationForm = (who: string) => ({ audience: 'polls', requested_subject: who, reason: 'ticket 4711' });
      const events = (kind: string) => db.fork().find(AuditEvent, { kind }, { orderBy: { id: 'desc' } });

      const { token, cookie } = await s.http.logIn('dora', { audience: 'signet' });
      const answer = await exchange(helpDesk, token, impersonationForm('ellen'));
      t.equal(answer.statusCode, 200, answer.body);
      t.match(answer.json(), { issued_token_type: ACCESS_TOKEN, expires_in: 300 });
      const made = answer.json().access_token;
      const said = jwtClaims(made);
      t.match(said, { sub: ellen.id, username: 'ellen', permissions: ['polls.view_choice'] });
      t.same(said.act, { sub: dora.id, client_id: helpDesk.id });
      t.notOk('sid' in said, 'it is of no session');
      t.match(await introspect(made, helpDesk), { active: true, username: 'ellen', act: { sub: dora.id } });
      const detail = { client: helpDesk.id, audience: 'polls', jti: said.jti, reason: 'ticket 4711' };
      const [event] = await events('impersonated');
      t.match(event, { userId: ellen.id, detail: { ...detail, actor: dora.id } }, 'written down');
      const [entry] = await db.fork().find(AuditEntry, { action: 'issue', objectId: ellen.id });
      t.match(entry, { actorKind: 'user', actorId: dora.id, actorLabel: 'dora', objectLabel: 'ellen', after: detail });
      t.equal((await exchange(helpDesk, token, impersonationForm(ellen.id))).statusCode, 200, 'by id as well');

      for (const [why, who] of [
        ['nobody', 'nobody-of-that-name'],
        ['oneself', 'dora'],
        ['staff', 'staff'],
        ['a superuser', root.id],
        ['staff of another API', 'poweruser'],
        ['somebody who may do more at Signet', 'boss'],
      ] as const) {
        const before = (await events('impersonation_refused')).length;
        const response = await exchange(helpDesk, token, impersonationForm(who));
        refused(t, response, 'invalid_target', why);
        t.equal(response.json().error_description, 'The actor may not act for this user.', 'one answer for all');
        const [latest, ...rest] = await events('impersonation_refused');
        t.equal(rest.length, before, 'written down too');
        t.match(
          latest,
          { userId: dora.id, detail: { reason: 'ticket 4711', client: helpDesk.id, obstacle: /./ } },
          why,
        );
      }
      const { token: ellens } = await s.http.logIn('ellen', { audience: 'signet' });
      refused(
        t,
        await exchange(helpDesk, ellens, impersonationForm('alice')),
        'invalid_target',
        'without the permission',
      );
      refused(
        t,
        await exchange(helpDesk, token, { ...impersonationForm('ellen'), audience: 'signet' }),
        'invalid_target',
        'at Signet',
      );
      const { token: pollsToken } = await s.http.logIn('dora', { audience: 'polls' });
      refused(
        t,
        await exchange(helpDesk, pollsToken, impersonationForm('ellen')),
        'invalid_target',
        'by a token for another API',
      );
      refused(t, await exchange(helpDesk, made, impersonationForm('alice')), 'invalid_target', 'not by the way round');
      refused(
        t,
        await exchange(helpDesk, token, { ...impersonationForm('ellen'), reason: '' }),
        'invalid_request',
        'without a reason',
      );
      refused(
        t,
        await exchange(helpDesk, token, { ...impersonationForm('ellen'), reason: 'x'.repeat(501) }),
        'invalid_request',
      );
      refused(t, await exchange(backend, token, impersonationForm('ellen')), 'invalid_request', 'not its token to see');
      const stranger = await s.service('Stranger', { isFirstParty: false, requests: [polls], serves: [signet] });
      refused(t, await exchange(stranger, token, impersonationForm('ellen')), 'unauthorized_client');

      const { token: roots } = await s.http.logIn('root', { audience: 'signet' });
      t.equal(
        (await exchange(helpDesk, roots, impersonationForm('staff'))).statusCode,
        200,
        'a superuser is more than anybody',
      );

      const counted = await db.fork().count(AuditEvent, { kind: 'impersonated' });
      await s.http.as({ cookie }).post('/api/v1/logout');
      t.same(await introspect(made, helpDesk), { active: false }, 'it ends with the session of who acts');
      refused(t, await exchange(helpDesk, token, impersonationForm('ellen')), 'invalid_request');
      t.equal(await db.fork().count(AuditEvent, { kind: 'impersonated' }), counted);

      const { token: again } = await s.http.logIn('dora', { audience: 'signet' });
      const second = (await exchange(helpDesk, again, impersonationForm('ellen'))).json().access_token;
      t.equal(jwtClaims(second).iss, ISSUER);
      await updateUser(db.fork(), audit(), ellen, { isActive: false });
      t.same(await introspect(second, helpDesk), { active: false }, 'and with the access of whom one acts for');
      refused(t, await exchange(helpDesk, again, impersonationForm('ellen')), 'invalid_target');
    }
  }),
);
