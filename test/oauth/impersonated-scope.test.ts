import { updateApi } from '../../src/permissions/index.ts';
import { USER_SCOPES } from '../../src/tokens/index.ts';
import { onEachEngine } from '../support/database.ts';
import { ACCESS_TOKEN, jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t from '../support/tap.ts';
import { openServices } from '../support/world.ts';

t.test('impersonation and scopes', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openServices(db);
    const { exchange, helpDesk, backend, polls } = s;
    const [dora, ellen] = [await s.user('dora'), await s.user('ellen')];
    await s.assign(dora, s.signet, 'auth.impersonate_user');
    await s.assign(ellen, polls, 'polls.view_choice', 'polls.add_choice');
    const { token } = await s.http.logIn('dora', { audience: 'signet' });
    const asEllen = (scope: string) =>
      exchange(helpDesk, token, { audience: 'polls', requested_subject: 'ellen', reason: 'ticket 4711', scope });
    /** Returns the scopes of a token, after a check that userinfo refuses it. */
    const tokenScopes = async (answer: Awaited<ReturnType<typeof exchange>>, what: string): Promise<string[]> => {
      t.equal(answer.statusCode, 200, `${what}: ${answer.body}`);
      t.notOk('id_token' in answer.json() || 'refresh_token' in answer.json(), what);
      const made = answer.json().access_token;
      const about = await s.about(made);
      t.equal(about.statusCode, 403, what);
      t.match(about.headers['www-authenticate'], /insufficient_scope/, what);
      t.notMatch(about.body, /ellen|alice/, what);
      return jwtClaims(made).scope?.split(' ') ?? [];
    };

    await t.test(
      'RFC 8693 §1.1: an impersonated token has no scope of OpenID, however they are asked for',
      async (t) => {
        const allowed = USER_SCOPES.filter((one) => one !== 'offline_access');
        for (const scope of [...allowed, USER_SCOPES.join(' '), 'openid profile email', 'email  openid openid'])
          t.same(await tokenScopes(await asEllen(scope), scope), [], scope);
        const alone = await asEllen('offline_access');
        t.match(
          [alone.statusCode, alone.json()],
          [400, { error: 'invalid_scope' }],
          'this client has no refresh tokens',
        );
        const made = (await asEllen('openid profile')).json();
        t.same(
          jwtClaims(made.access_token).permissions,
          ['polls.add_choice', 'polls.view_choice'],
          'and its permissions',
        );
        t.notMatch(made.scope ?? '', /openid|profile/, 'RFC 6749 §5.1: the answer does not say so either');
      },
    );

    await t.test('an API that is told permissions as scopes is told those alone', async (t) => {
      await updateApi(db.fork(), audit(), polls, { format: 'scope' });
      const asked = 'openid polls.view_choice profile polls.delete_choice';
      t.same(await tokenScopes(await asEllen(asked), asked), ['polls.view_choice']);
      await updateApi(db.fork(), audit(), polls, { format: 'list' });
    });

    await t.test('RFC 8693 §4.1: nor has what is made of it, nor where a user is the actor', async (t) => {
      const made = (await asEllen('openid')).json().access_token;
      t.same(await tokenScopes(await exchange(backend, made, { audience: 'polls' }), 'exchanged again'), []);
      const { token: dorasToken } = await s.http.logIn('dora', { audience: 'polls' });
      const acting = { audience: 'polls', actor_token: dorasToken, actor_token_type: ACCESS_TOKEN };
      t.same(await tokenScopes(await exchange(backend, await s.subjectToken(), acting), 'by an actor'), []);
      const onward = (await exchange(backend, await s.subjectToken(), acting)).json().access_token;
      t.same(await tokenScopes(await exchange(backend, onward, { audience: 'polls' }), 'and of that'), []);
    });

    await t.test('RFC 8693 §1.1: a service that acts for its caller keeps what the caller has let', async (t) => {
      const made = (await exchange(backend, await s.subjectToken(), { audience: 'polls' })).json().access_token;
      t.equal(jwtClaims(made).scope, 'openid profile');
      t.match((await s.about(made)).json(), { sub: s.alice.id, preferred_username: 'alice' });
    });
  }),
);
