import { createClient, deleteClient, detachClients, rotateSecret, updateClient } from '../../src/oauth/index.ts';
import {
  addMembers,
  assign,
  changeCatalogue,
  createApi,
  createGroup,
  defaultPermissions,
  deleteApi,
  getPermissions,
  setRole,
  unassign,
  updateApi,
} from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { onEachEngine } from '../support/database.ts';
import { audit, makeUser, startApp, testClock } from '../support/server.ts';
import { recordStatements } from '../support/statements.ts';
import t from '../support/tap.ts';

const PASSWORD = 'a long enough phrase';

/** One server that answers, and verbs that another process carries out: this server is told of nothing. */
async function cacheWorld(real: Database) {
  const { db, statements, stop } = recordStatements(real);
  const clock = testClock();
  const { app, passwords } = await startApp(db, { clock });
  const api = await createApi(real.fork(), audit(), 'polls');
  await changeCatalogue(real.fork(), audit(), api, defaultPermissions('polls', 'choice'));
  const { client, secret } = await createClient(real.fork(), audit(clock.now()), {
    name: 'Worker',
    preset: 'service',
    requests: [api],
    serves: [api],
  });
  const alice = await makeUser(real, passwords, 'alice', PASSWORD);
  const login = await app.inject({
    method: 'POST',
    url: '/api/v1/login',
    payload: { username: 'alice', password: PASSWORD, audience: 'polls', scope: 'openid profile groups permissions' },
  });
  const cookie = (login.headers['set-cookie'] as string).split(';')[0] as string;
  const form = (path: string, fields: Record<string, string>, given = secret as string) =>
    app.inject({
      method: 'POST',
      url: `/oauth2/${path}`,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${client.clientId}:${given}`).toString('base64')}`,
      },
      payload: new URLSearchParams(fields).toString(),
    });
  const issue = (id: string, its: string) =>
    app.inject({
      method: 'POST',
      url: '/oauth2/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: its }).toString(),
    });
  const token = (given?: string) => form('token', { grant_type: 'client_credentials', audience: 'polls' }, given);
  const claims = async () =>
    JSON.parse(Buffer.from((await token()).json().access_token.split('.')[1], 'base64url').toString());
  const session = async () =>
    (await app.inject({ url: '/api/v1/session?audience=polls', headers: { cookie } })).json().user;
  const bearer: string = login.json().access_token;
  const introspect = async (of = bearer) => (await form('introspect', { token: of })).json();
  const hasPerm = async (perm: string) =>
    (
      await app.inject({
        method: 'POST',
        url: '/api/v1/has_perm',
        headers: { authorization: `Bearer ${bearer}` },
        payload: { perms: [perm] },
      })
    ).json().results?.[perm];
  const about = async () => {
    const headers = { authorization: `Bearer ${bearer}` };
    return (await app.inject({ url: '/oauth2/userinfo', headers })).json();
  };
  const permission = async (name: string) => (await getPermissions(real.fork(), api, [name]))[0] as never;
  const asUser = { kind: 'user' as const, principal: { id: alice.id, label: 'alice' } };
  const asClient = { kind: 'client' as const, principal: { id: client.id, label: 'Worker' } };
  const warm = async () => {
    for (let round = 0; round < 2; round++) {
      await token();
      await session();
      await introspect();
      await hasPerm('polls.add_choice');
      await about();
    }
    statements();
  };
  await warm();
  const parts = { clock, api, client, secret: secret as string, alice, asUser, asClient, permission };
  return { ...parts, issue, warm, statements, stop, token, claims, session, introspect, hasPerm, about };
}

t.test('the caches of a process', (t) =>
  onEachEngine(t, async (t, db) => {
    const all = await cacheWorld(db);
    const { api, client, alice, asUser, asClient, permission, statements, stop } = all;
    t.teardown(stop);
    const { token, claims, session, introspect, hasPerm, about, warm } = all;

    await t.test('architecture: each hot path is one statement once it is warm', async (t) => {
      await token();
      t.same(statements(), ['tokens-issue']);
      await session();
      t.same(statements(), ['sessions-by-token']);
      await introspect();
      t.same(statements(), ['oauth-token-state']);
      await hasPerm('polls.add_choice');
      t.same(statements(), ['oauth-token-state']);
      t.match(await about(), { sub: alice.id, preferred_username: 'alice', groups: [], permissions: [] });
      t.same(statements(), ['oauth-token-state-userinfo']);
    });

    await t.test('§6: a right given or taken by another process is seen by the very next request', async (t) => {
      const add = await permission('polls.add_choice');
      await assign(db.fork(), audit(), asUser, [add]);
      t.same((await session()).permissions, ['polls.add_choice']);
      t.same((await introspect()).permissions, ['polls.add_choice']);
      t.same((await about()).permissions, ['polls.add_choice']);
      t.equal(await hasPerm('polls.add_choice'), true);
      await unassign(db.fork(), audit(), asUser, [add]);
      t.equal(await hasPerm('polls.add_choice'), false);
      t.same((await about()).permissions, []);
      t.same((await introspect()).permissions, []);
      t.same((await session()).permissions, []);

      await assign(db.fork(), audit(), asClient, [add]);
      t.same((await claims()).permissions, ['polls.add_choice']);
      await unassign(db.fork(), audit(), asClient, [add]);
      t.same((await claims()).permissions, []);
    });

    await t.test('a group, a flag at one API and the catalogue itself are seen the same way', async (t) => {
      const group = await createGroup(db.fork(), audit(), 'Editors');
      await addMembers(db.fork(), audit(), group, [asUser.principal]);
      t.same((await session()).groups, ['Editors']);
      t.same((await about()).groups, ['Editors']);
      await assign(db.fork(), audit(), { kind: 'group', group }, [await permission('polls.view_choice')]);
      t.same((await introspect()).permissions, ['polls.view_choice']);
      await setRole(db.fork(), audit(), asUser.principal, api, { isStaff: false, isSuperuser: true });
      t.equal((await session()).permissions.length, 4);
      await changeCatalogue(db.fork(), audit(), api, [{ app: 'polls', codename: 'publish', label: 'Publish' }]);
      t.ok((await session()).permissions.includes('polls.publish'), "a superuser's list follows the catalogue");
      await setRole(db.fork(), audit(), asUser.principal, api, { isStaff: false, isSuperuser: false });
      t.same((await session()).permissions, ['polls.view_choice']);
    });

    await t.test('a membership that ends at an hour ends at that hour, with no change to announce it', async (t) => {
      const ends = new Date(all.clock.now().getTime() + 60_000);
      await db.fork().execute('update permissions_group_member set ends_at = ?', [ends]);
      await db.fork().execute('update permissions_principal set perms_version = perms_version + 1');
      await warm();
      t.same((await session()).groups, ['Editors']);
      all.clock.pass(59);
      t.same((await session()).permissions, ['polls.view_choice']);
      t.match(await about(), { groups: ['Editors'], permissions: ['polls.view_choice'] });
      all.clock.pass(1);
      t.match(await about(), { groups: [], permissions: [] });
      const later = await session();
      t.same([later.groups, later.permissions], [[], []]);
    });

    await t.test('settings of an API', async (t) => {
      await updateApi(db.fork(), audit(), api, { ttlSeconds: 120, withUsername: false });
      const { iat, exp } = await claims();
      t.equal(exp - iat, 120);
      t.notOk('username' in (await introspect()));
      await updateApi(db.fork(), audit(), api, { format: 'bitmap' });
      const { permissions_bitmap, permissions } = await claims();
      t.same([permissions, permissions_bitmap.v, permissions_bitmap.b], [undefined, 2, 'AA']);
    });

    await t.test('a secret, and the client itself', async (t) => {
      const next = await rotateSecret(db.fork(), audit(all.clock.now()), client, { now: true });
      t.equal((await token()).statusCode, 401, 'the old secret was ended at once');
      t.equal((await token(next)).statusCode, 200);
      await updateClient(db.fork(), audit(), client, { isActive: false });
      t.equal((await token(next)).statusCode, 401);
      await updateClient(db.fork(), audit(), client, { isActive: true });
      t.equal((await token(next)).statusCode, 200);
      await updateClient(db.fork(), audit(), client, { requests: [] });
      t.equal((await token(next)).json().error, 'invalid_target');
      await deleteClient(db.fork(), audit(), client);
      t.equal((await token(next)).statusCode, 401);
      t.equal((await token(next)).statusCode, 401);
    });

    await t.test('a user who is deactivated', async (t) => {
      t.equal(typeof (await hasPerm('polls.add_choice')), 'boolean');
      t.equal((await about()).sub, alice.id);
      await db.fork().execute('update users_user set is_active = false where id = ?', [alice.id]);
      t.equal(await hasPerm('polls.add_choice'), undefined);
      t.equal((await about()).error, 'invalid_token');
    });
    await t.test('an API that is gone', async (t) => {
      const given = { name: 'Second', preset: 'service', requests: [api] } as const;
      const second = await createClient(db.fork(), audit(all.clock.now()), given);
      const ask = () => all.issue(second.client.clientId, second.secret as string);
      for (let round = 0; round < 2; round++) t.equal((await ask()).statusCode, 200);
      await deleteApi(db.fork(), audit(), api, (tx, gone) => detachClients(tx, gone.id));
      for (let round = 0; round < 2; round++) t.equal((await ask()).json().error, 'invalid_target');
      t.equal(await hasPerm('polls.add_choice'), undefined);
    });
  }),
);
