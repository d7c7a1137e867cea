import { createClientCache } from '../../src/oauth/clients/cache.ts';
import { Client, deleteClient, detachClients } from '../../src/oauth/index.ts';
import { deleteApi, setRole, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { setPassword } from '../../src/signin/index.ts';
import { ensureCurrentKey } from '../../src/tokens/index.ts';
import { deleteUser, renameUser, type User, updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, jwtClaims, jwtHeader } from '../support/flows.ts';
import { ISSUER, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';
import { assignee, openPolls, type TestClient } from '../support/world.ts';

/** The scene, its statements counted. */
async function countedWorld(real: Database) {
  let seen: string[] = [];
  const names = () => seen;
  const reset = () => {
    seen = [];
  };
  const query: Database['query'] = (statement, values) => {
    seen.push(statement.name);
    return real.query(statement, values);
  };
  const s = await openPolls({ ...real, query });
  const signedIn = new Map<string, ReturnType<typeof s.signIn>>();
  /** A token of a client, for a user who signs in once. */
  const createToken = async (
    { username }: Pick<User, 'username'>,
    by: TestClient,
    more: Parameters<typeof s.code>[1] = {},
  ) => {
    const signingIn = signedIn.get(username) ?? s.signIn(username);
    signedIn.set(username, signingIn);
    const { session, cookie } = await signingIn;
    const answer = await s.redeem(await s.code(by, { session: session.id, ...more }), {}, by);
    if (answer.statusCode !== 200) throw new Error(answer.body);
    const { access_token, refresh_token } = answer.json();
    return { token: access_token as string, refresh: refresh_token as string, cookie };
  };
  /** What one request for userinfo asks of the database. */
  const statements = async (token: string) => {
    reset();
    await s.about(token);
    return names();
  };
  return { ...s, createToken, statements, names, reset };
}

const PERMISSIONS = ['polls.add_choice', 'polls.change_choice', 'polls.view_choice'];
const CLAIM_REQUESTS = [
  [],
  ['email'],
  ['name', 'family_name', 'groups'],
  ['permissions'],
  ['is_superuser', 'email_verified'],
];

interface Person {
  readonly user: User;
  readonly verified?: boolean;
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
  readonly isStaff?: boolean;
}

/** OIDC Core §5.4, §5.5, in the order in which they are written. */
function expected(
  of: Person,
  scopes: readonly string[],
  named: readonly string[],
  ofApi: boolean,
  isCut: boolean,
): string {
  const { user, verified = false, groups, permissions, isStaff = false } = of;
  const has = (scope: string, claim: string) => scopes.includes(scope) || named.includes(claim);
  const claims: [string, unknown, boolean][] = [
    ['name', [user.firstName, user.lastName].filter(Boolean).join(' '), has('profile', 'name')],
    ['given_name', user.firstName, has('profile', 'given_name')],
    ['family_name', user.lastName, has('profile', 'family_name')],
    ['preferred_username', user.username, has('profile', 'preferred_username')],
    ['email', user.email, has('email', 'email')],
    ['email_verified', verified, has('email', 'email_verified') && user.email !== ''],
    ['groups', groups, scopes.includes('groups')],
    ['permissions', permissions, ofApi && has('permissions', 'permissions')],
    ['is_staff', isStaff && !isCut, ofApi && has('permissions', 'is_staff')],
    ['is_superuser', false, ofApi && has('permissions', 'is_superuser')],
    ['sub', user.id, true],
  ];
  return JSON.stringify(Object.fromEntries(claims.filter(([, value, isSaid]) => isSaid && value !== '')));
}

t.test('userinfo', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await countedWorld(db);
    const { web, third, spa, at, createToken, statements, names, reset, about, app } = s;
    const bob = await s.user('bob', { firstName: 'Bób', lastName: 'O"Hara' });
    const carol = await s.user('carol', { firstName: 'Carol', email: 'carol@example.com', isStaff: true });
    await updateUser(db.fork(), at(), carol, { isEmailVerified: true });
    await s.assign(carol, s.polls, 'polls.view_choice', 'polls.change_choice');
    for (const name of ['alpha', 'Zulu', 'Beta']) await s.group(name, carol);
    const people: Person[] = [
      { user: s.alice, groups: ['Editors'], permissions: PERMISSIONS },
      { user: bob, groups: [], permissions: [] },
      {
        user: carol,
        verified: true,
        groups: ['alpha', 'Beta', 'Zulu'],
        permissions: ['polls.change_choice', 'polls.view_choice'],
        isStaff: true,
      },
    ];
    const consented = (await s.choicePermissions('view', 'add')).map((one) => one.id);

    await t.test('OIDC Core §5.3.2, §5.4: every set of scopes and names, to the byte', async (t) => {
      const optional = ['profile', 'email', 'groups', 'permissions'];
      let nth = 0;
      for (const of of people)
        for (let set = 0; set < 2 ** optional.length; set++) {
          const scopes = ['openid', ...optional.filter((_, bit) => set & (2 ** bit))];
          const by = [web, third, spa][nth % 3] as TestClient;
          const named = CLAIM_REQUESTS[nth % CLAIM_REQUESTS.length] as string[];
          const ofApi = nth % 4 !== 3;
          nth++;
          const isCut = by === third;
          const { token } = await createToken(of.user, by, {
            scope: scopes.join(' '),
            claims: named.length === 0 ? null : { idToken: [], userinfo: named },
            api: ofApi ? s.polls.id : null,
            permissions: isCut ? consented : null,
          });
          const permissions = isCut
            ? of.permissions.filter((one) => ['polls.view_choice', 'polls.add_choice'].includes(one))
            : of.permissions;
          const answer = await about(token);
          const name = `${of.user.username} ${scopes.join(' ')} + ${named.join(' ')}, ${ofApi ? 'polls' : 'no API'}`;
          t.equal(answer.body, expected({ ...of, permissions }, scopes, named, ofApi, isCut), name);
          t.equal(answer.statusCode, 200);
        }
    });

    await t.test('docs/architecture.md: one statement, whatever the claims; a boundary is one more', async (t) => {
      const scope = 'openid profile email groups';
      const all = `${scope} permissions`;
      const claims = { idToken: [], userinfo: ['is_staff'] };
      const [one, boundary] = ['oauth-token-state-userinfo', 'oauth-allowed'];
      for (const [by, more, names] of [
        [web, { scope: all }, [one]],
        [web, { scope: 'openid' }, [one]],
        [web, { scope: 'openid', claims }, [one]],
        [web, { scope: all, api: null }, [one]],
        [spa, { scope: all }, [one]],
        [third, { scope, permissions: consented }, [one]],
        [third, { scope: all, permissions: consented }, [one, boundary]],
        [third, { scope: 'openid', claims, permissions: consented }, [one, boundary]],
      ] as [TestClient, Parameters<typeof s.code>[1], string[]][]) {
        const { token } = await createToken(carol, by, more);
        await about(token);
        t.same(await statements(token), names, JSON.stringify(more));
      }
      const { token } = await s.http.logIn('carol', { audience: 'polls', scope: all });
      t.match((await about(token)).json(), { sub: carol.id, groups: ['alpha', 'Beta', 'Zulu'], is_staff: true });
      t.same(await statements(token), [one], "a session's own token names no client that is registered");
    });

    await t.test(
      'decision 5: a client that is kept counts at the version that was read, of that very client',
      async (t) => {
        const clients = createClientCache(s.db);
        const { id, version } = (await clients.load(web.id)) as { id: string; version: number };
        const asked = async (seen: { id: string; version: number }) => {
          reset();
          t.equal((await clients.load(web.id, seen))?.clientId, web.id);
          return names();
        };
        t.same(await asked({ id, version }), []);
        t.same(await asked({ id, version: version + 1 }), ['oauth-client']);
        t.same(
          await asked({ id: third.principal, version }),
          ['oauth-client'],
          'the id of another, before it was deleted',
        );
      },
    );

    await t.test('OIDC Core §5.3.2: signed as the client is registered, which is seen at once', async (t) => {
      const { token } = await createToken(bob, web);
      const plain = (await about(token)).body;
      for (const alg of ['ES256', 'RS256', 'EdDSA'] as const) {
        await ensureCurrentKey(db.fork(), at(), masterKey, alg);
        await s.keys.reload();
        await s.updateClient(web, { settings: { userinfoAlg: alg } });
        const { headers, body } = await about(token);
        t.equal(headers['content-type'], 'application/jwt', body);
        t.match(jwtHeader(body), { alg, typ: 'userinfo+jwt' });
        t.equal(JSON.stringify(jwtClaims(body)), JSON.stringify({ ...JSON.parse(plain), iss: ISSUER, aud: web.id }));
        t.same(await statements(token), ['oauth-token-state-userinfo']);
      }
      await s.updateClient(web, { settings: { userinfoAlg: null } });
      t.equal((await about(token)).body, plain);
    });

    await t.test('what is changed elsewhere is in the very next answer', async (t) => {
      const dora = await s.user('dora', { firstName: 'Dora', email: 'dora@example.com' });
      const scope = 'openid profile email groups permissions';
      const { token } = await createToken(dora, web, { scope });
      const readClaims = async () => (await about(token)).json();
      const { principal } = assignee(dora);
      t.match(await readClaims(), {
        name: 'Dora',
        email_verified: false,
        groups: [],
        permissions: [],
        is_staff: false,
      });
      await updateUser(db.fork(), at(), dora, { firstName: '', lastName: 'Doe', email: '' });
      await renameUser(db.fork(), at(), dora, 'dorothy');
      const renamed = await readClaims();
      t.match(renamed, { name: 'Doe', family_name: 'Doe', preferred_username: 'dorothy', sub: dora.id });
      t.notOk('given_name' in renamed || 'email' in renamed || 'email_verified' in renamed);
      await s.assign(dora, s.polls, 'polls.view_choice');
      t.same((await readClaims()).permissions, ['polls.view_choice']);
      await s.unassign(dora, s.polls, 'polls.view_choice');
      t.same((await readClaims()).permissions, [], 'a right that was taken away does not end the token');
      await setRole(db.fork(), at(), principal, s.polls, { isStaff: true, isSuperuser: true });
      t.match(await readClaims(), { permissions: { length: 4 }, is_staff: true, is_superuser: true });
      await setRole(db.fork(), at(), principal, s.polls, { isStaff: false, isSuperuser: false });
      await s.group('Guests', dora);
      t.same((await readClaims()).groups, ['Guests']);
      await updateApi(db.fork(), at(), s.polls, { format: 'bitmap', withUsername: false });
      t.match(await readClaims(), { preferred_username: 'dorothy', permissions: [] });
      await updateApi(db.fork(), at(), s.polls, { format: 'list', withUsername: true });
    });

    const inactive = [
      401,
      'Bearer error="invalid_token", error_description="This token is not active."',
      '{"error":"invalid_token","error_description":"This token is not active."}',
    ];
    const said = async (token: string) => {
      const { statusCode, headers, body } = await about(token);
      return [statusCode, headers['www-authenticate'], body];
    };
    interface Fresh {
      readonly user: User;
      readonly by: TestClient;
      readonly token: string;
      readonly refresh: string;
      readonly cookie: string;
    }
    const changes: Record<string, (of: Fresh) => Promise<unknown>> = {
      'RFC 7009 §2: the token was revoked': (of) => s.post('revoke', { token: of.token }, of.by),
      'RFC 7009 §2.1: its refresh token was revoked': (of) => s.post('revoke', { token: of.refresh }, of.by),
      'its session was logged out': (of) => s.http.as(of).post('/api/v1/logout'),
      'its user has a new password': (of) =>
        db.fork().transactional((tx) => setPassword(tx, at(), of.user, of.user.password, null)),
      'its user was deactivated': (of) => updateUser(db.fork(), at(), of.user, { isActive: false }),
      'its user was deactivated by SQL': (of) =>
        db.fork().execute('update users_user set is_active = false where id = ?', [of.user.id]),
      'its user was deleted': (of) => deleteUser(db.fork(), at(), of.user),
      'its client was disabled': (of) => s.updateClient(of.by, { isActive: false }),
      'its client was deleted': async (of) => {
        const em = db.fork();
        await deleteClient(em, at(), await em.findOneOrFail(Client, of.by.principal));
      },
      'its time is up': async () => s.clock.pass(601),
      'its API was deleted': () => deleteApi(db.fork(), at(), s.polls, (tx, gone) => detachClients(tx, gone.id)),
    };

    await t.test('RFC 6750 §3.1: every other request is refused, with its challenge', async (t) => {
      const scheme = [401, 'Bearer', '{"error":"invalid_token","error_description":"Send an access token."}'];
      const none = await app.inject('/oauth2/userinfo');
      t.same([none.statusCode, none.headers['www-authenticate'], none.body], scheme);
      t.same(await said('x.y.z'), inactive);
      const { token: lacking } = await createToken(bob, web, { scope: 'profile' });
      const own = await s.post('token', { grant_type: 'client_credentials', scope: 'openid', audience: 'polls' }, web);
      const tokens = own.statusCode === 200 ? [lacking, own.json().access_token as string] : [lacking];
      for (const token of tokens)
        t.same(await said(token), [
          403,
          'Bearer error="insufficient_scope", scope="openid"',
          '{"error":"insufficient_scope","error_description":"The token needs the scope openid."}',
        ]);
    });

    await t.test('docs/oauth.md: what ends a token shows here at once, and at introspection alike', async (t) => {
      const like = { preset: 'web', redirectUris: [CALLBACK], requests: [s.polls], serves: [s.polls] } as const;
      let nth = 0;
      for (const [name, change] of Object.entries(changes)) {
        const user = await s.user(`user${++nth}`);
        const by = await s.client(`Client ${nth}`, { ...like, isFirstParty: nth % 2 === 0 });
        const more = { scope: 'openid profile permissions offline_access', isOffline: nth % 2 === 1 };
        const of = {
          user,
          by,
          ...(await createToken(user, by, { ...more, permissions: by === web ? null : consented })),
        };
        for (let round = 0; round < 2; round++) t.equal((await about(of.token)).statusCode, 200, name);
        t.equal((await s.introspect(of.token)).active, true);
        await change(of);
        // What was given for use without its session does not end with it.
        const survives = more.isOffline && /session/.test(name);
        for (let round = 0; round < 2; round++) {
          t.equal((await s.introspect(of.token)).active, survives, name);
          const answer = await said(of.token);
          if (survives) t.equal(answer[0], 200, name);
          else t.same(answer, inactive, name);
        }
      }
    });
  }),
);
