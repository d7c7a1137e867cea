import { deleteClient, detachClients, getClient, rotateSecret, updateClient } from '../../src/oauth/index.ts';
import { changeCatalogue, deleteApi, setRole, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import { bearer } from '../support/http.ts';
import { audit } from '../support/server.ts';
import { recordStatements } from '../support/statements.ts';
import t from '../support/tap.ts';
import { assignee, openWorld } from '../support/world.ts';

/** One server that answers, and verbs that another process carries out: this server is told of nothing. */
async function cacheWorld(real: Database) {
  const { db, statements, stop } = recordStatements(real);
  const world = await openWorld(db);
  const { http } = world;
  const polls = await world.api('polls', { models: ['polls.choice'] });
  const worker = await world.client('Worker', { requests: [polls], serves: [polls] });
  const client = await getClient(real.fork(), worker.id);
  const alice = await world.user('alice');
  const scope = 'openid profile groups permissions';
  const { token: bearerToken, ...signedIn } = await http.logIn('alice', { audience: 'polls', scope });
  const token = (secret = worker.secret) =>
    http.oauth('token', { grant_type: 'client_credentials', audience: 'polls' }, { ...worker, secret });
  const claims = async () => jwtClaims((await token()).json().access_token);
  const session = async () => (await http.as(signedIn).get('/api/v1/session?audience=polls')).json().user;
  const introspect = async () => (await http.oauth('introspect', { token: bearerToken }, worker)).json();
  const hasPerm = async (perm: string) => (await http.hasPerm(bearerToken, [perm])).json().results?.[perm];
  const about = async () => (await http.get('/oauth2/userinfo', bearer(bearerToken))).json();
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
  const asked = { token, claims, session, introspect, hasPerm, about };
  return { ...world, ...asked, polls, worker, row: client, alice, warm, statements, stop };
}

t.test('the caches of a process', (t) =>
  onEachEngine(t, async (t, db) => {
    const all = await cacheWorld(db);
    const { polls, worker, row: client, alice, statements, stop } = all;
    const { principal } = assignee(alice);
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
      await all.assign(alice, polls, 'polls.add_choice');
      t.same((await session()).permissions, ['polls.add_choice']);
      t.same((await introspect()).permissions, ['polls.add_choice']);
      t.same((await about()).permissions, ['polls.add_choice']);
      t.equal(await hasPerm('polls.add_choice'), true);
      await all.unassign(alice, polls, 'polls.add_choice');
      t.equal(await hasPerm('polls.add_choice'), false);
      t.same((await about()).permissions, []);
      t.same((await introspect()).permissions, []);
      t.same((await session()).permissions, []);

      await all.assign(worker, polls, 'polls.add_choice');
      t.same((await claims()).permissions, ['polls.add_choice']);
      await all.unassign(worker, polls, 'polls.add_choice');
      t.same((await claims()).permissions, []);
    });

    await t.test('a group, a flag at one API and the catalogue itself are seen the same way', async (t) => {
      const group = await all.group('Editors', alice);
      t.same((await session()).groups, ['Editors']);
      t.same((await about()).groups, ['Editors']);
      await all.assign(group, polls, 'polls.view_choice');
      t.same((await introspect()).permissions, ['polls.view_choice']);
      await setRole(db.fork(), audit(), principal, polls, { isStaff: false, isSuperuser: true });
      t.equal((await session()).permissions.length, 4);
      await changeCatalogue(db.fork(), audit(), polls, [{ app: 'polls', codename: 'publish', label: 'Publish' }]);
      t.ok((await session()).permissions.includes('polls.publish'), "a superuser's list follows the catalogue");
      await setRole(db.fork(), audit(), principal, polls, { isStaff: false, isSuperuser: false });
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
      await updateApi(db.fork(), audit(), polls, { ttlSeconds: 120, withUsername: false });
      const { iat, exp } = await claims();
      t.equal(exp - iat, 120);
      t.notOk('username' in (await introspect()));
      await updateApi(db.fork(), audit(), polls, { format: 'bitmap' });
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
      const { id: client_id, secret } = await all.client('Second', { requests: [polls] });
      const fields = { grant_type: 'client_credentials', client_id, client_secret: secret as string };
      const ask = () => all.http.form('/oauth2/token', fields);
      for (let round = 0; round < 2; round++) t.equal((await ask()).statusCode, 200);
      await deleteApi(db.fork(), audit(), polls, (tx, gone) => detachClients(tx, gone.id));
      for (let round = 0; round < 2; round++) t.equal((await ask()).json().error, 'invalid_target');
      t.equal(await hasPerm('polls.add_choice'), undefined);
    });
  }),
);
