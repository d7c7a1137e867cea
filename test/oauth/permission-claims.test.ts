import { AuthorizationCode } from '../../src/oauth/authorization-entities.ts';
import { disallowPermissions } from '../../src/oauth/index.ts';
import { setRole, updateApi } from '../../src/permissions/index.ts';
import { digest } from '../../src/platform/digest.ts';
import { openCliHarness } from '../cli/harness.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, jwtClaims } from '../support/flows.ts';
import { audit } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls, type TestClient } from '../support/world.ts';

const SCOPE = 'openid permissions';
const NAMES = ['permissions', 'is_staff', 'is_superuser'];
/** The claims of a document that are about rights. */
const rightsIn = (claims: object) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => NAMES.includes(name)));
const held = ['polls.add_choice', 'polls.change_choice', 'polls.view_choice'];

t.test('the scope permissions', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openPolls(db);
    const { web, third, code, redeem, about, polls, post } = s;
    const { at } = s;
    const set = (by: TestClient, permissionsIn: 'userinfo' | 'id_token') =>
      s.updateClient(by, { settings: { permissionsIn } });
    const change = (settings: Parameters<typeof updateApi>[3]) => updateApi(db.fork(), at(), polls, settings);
    const tokens = async (by = web, more: Parameters<typeof code>[1] = {}) => {
      const answer = await redeem(await code(by, { scope: SCOPE, ...more }), {}, by);
      t.equal(answer.statusCode, 200, answer.body);
      return answer.json() as { access_token: string; id_token: string; refresh_token: string; scope: string };
    };
    const readUserinfo = async (by = web, more: Parameters<typeof code>[1] = {}) =>
      rightsIn((await about((await tokens(by, more)).access_token)).json());
    const inIdToken = async (by = web, more: Parameters<typeof code>[1] = {}) =>
      rightsIn(jwtClaims((await tokens(by, more)).id_token));
    const consented = (await s.choicePermissions('add', 'view', 'delete', 'change')).map((one) => one.id);

    await t.test(
      'docs/oauth.md, OIDC Core §5.4: userinfo says permissions, is_staff and is_superuser of the API of the token, and the ID token none',
      async (t) => {
        t.same(await readUserinfo(), { permissions: held, is_staff: false, is_superuser: false });
        t.same(await inIdToken(), {});
        t.same(await readUserinfo(web, { scope: 'openid profile' }), {}, 'nobody asked');
        for (const format of ['bitmap', 'scope', 'none'] as const) {
          await change({ format });
          t.same((await readUserinfo()).permissions, held, `a list, whatever access tokens carry: ${format}`);
        }
        await change({ format: 'list' });
      },
    );

    await t.test('docs/oauth.md: for no API there is nothing to say, and claims are left out', async (t) => {
      const more = { api: null };
      t.same(await readUserinfo(web, more), {});
      await set(web, 'id_token');
      t.same(await inIdToken(web, more), {});
      await set(web, 'userinfo');
    });

    await t.test(
      'OIDC Core §5.5: claims= brings them into the ID token, by name, and a client by --permissions-in id_token',
      async (t) => {
        t.same(await inIdToken(web, { claims: { idToken: ['permissions'], userinfo: [] } }), { permissions: held });
        t.same(await inIdToken(web, { scope: 'openid', claims: { idToken: NAMES, userinfo: [] } }), {
          permissions: held,
          is_staff: false,
          is_superuser: false,
        });
        t.same(await readUserinfo(web, { scope: 'openid', claims: { idToken: [], userinfo: ['is_staff'] } }), {
          is_staff: false,
        });
        await set(web, 'id_token');
        const first = await tokens();
        t.same(rightsIn(jwtClaims(first.id_token)), { permissions: held, is_staff: false, is_superuser: false });
        t.same(await inIdToken(web, { scope: 'openid profile' }), {}, 'by the scope');
        const refreshed = await post('token', { grant_type: 'refresh_token', refresh_token: first.refresh_token });
        t.same(rightsIn(jwtClaims(refreshed.json().id_token)).permissions, held, 'OIDC Core §12.2: at a refresh too');
        await set(web, 'userinfo');
      },
    );

    await t.test(
      'docs/permissions.md: flags are of the API, or global; a superuser has all of its names',
      async (t) => {
        const who = { id: s.alice.id, label: 'alice' };
        await setRole(db.fork(), at(), who, polls, { isStaff: true, isSuperuser: true });
        const all = [...held, 'polls.delete_choice'].sort();
        t.same(await readUserinfo(), { permissions: all, is_staff: true, is_superuser: true });
        t.same(
          await readUserinfo(third, { permissions: consented }),
          {
            permissions: ['polls.add_choice', 'polls.delete_choice', 'polls.view_choice'],
            is_staff: false,
            is_superuser: false,
          },
          'a third party carries no flag',
        );
        await setRole(db.fork(), at(), who, polls, { isStaff: false, isSuperuser: false });
      },
    );

    await t.test(
      'docs/oauth.md: boundary and consent hold at userinfo and in the ID token as they do in the access token',
      async (t) => {
        await set(third, 'id_token');
        const agreed = { permissions: consented.slice(0, 2) };
        const { access_token, id_token } = await tokens(third, agreed);
        const { permissions } = jwtClaims(access_token);
        t.same(permissions, ['polls.add_choice', 'polls.view_choice']);
        t.same(rightsIn(jwtClaims(id_token)), { permissions, is_staff: false, is_superuser: false });
        t.same(rightsIn((await about(access_token)).json()).permissions, permissions);
        t.same((await inIdToken(third, { permissions: [] })).permissions, [], 'nothing was agreed to');
        await disallowPermissions(db.fork(), at(), { id: third.principal }, await s.choicePermissions('add'));
        t.same((await inIdToken(third, agreed)).permissions, ['polls.view_choice']);
        t.same((await readUserinfo(third, agreed)).permissions, ['polls.view_choice']);
        await set(third, 'userinfo');
      },
    );

    await t.test(
      'docs/tokens.md: an ID token over the budget of its API is refused before anything is written, never shortened',
      async (t) => {
        await set(web, 'id_token');
        const { session } = await s.signInOverBudget();
        const long = { session: session.id };
        const given = await code(web, { scope: SCOPE, ...long });
        const once = await tokens(web, { ...long, scope: 'openid' });
        await change({ budgetBytes: 2048, overBudget: 'bitmap' });
        const refused = await redeem(given);
        t.match([refused.statusCode, refused.json().error], [400, 'invalid_target']);
        t.match(refused.json().error_description, /ID token .* 2048\. .*userinfo/);
        const row = await db.fork().findOneOrFail(AuthorizationCode, digest(given));
        t.equal(row.consumedAt, null, 'the code is not used up');
        t.equal(
          (await post('token', { grant_type: 'refresh_token', refresh_token: once.refresh_token })).statusCode,
          200,
        );
        await change({ budgetBytes: 8192 });
        const whole = (await redeem(given)).json();
        t.equal(rightsIn(jwtClaims(whole.id_token)).permissions.length, 60);
        await change({ budgetBytes: 2048 });
        const refresh = { grant_type: 'refresh_token', refresh_token: whole.refresh_token };
        const late = await post('token', refresh);
        t.match([late.statusCode, late.json().error], [400, 'invalid_target'], 'at a refresh too');
        t.equal(
          rightsIn((await about(whole.access_token)).json()).permissions.length,
          60,
          'userinfo has no budget: it is read once, and carried nowhere',
        );
        await change({ budgetBytes: 4096 });
        t.equal((await post('token', refresh)).statusCode, 200, 'the generation was not used up');
        await set(web, 'userinfo');
      },
    );

    await t.test(
      'OIDC Discovery §3: scopes_supported and claims_supported list what can be had, each once',
      async (t) => {
        const document = (await s.app.inject('/.well-known/openid-configuration')).json();
        for (const [list, names] of [
          [document.scopes_supported, ['permissions']],
          [document.claims_supported, NAMES],
        ] as const) {
          t.equal(new Set(list).size, list.length);
          for (const name of names) t.ok(list.includes(name), name);
        }
      },
    );

    await typJwt(t, s);
  }),
);

/** RFC 8725 §3.11: an ID token must not contain what an API of `typ` JWT reads. */
async function typJwt(t: Test, s: Awaited<ReturnType<typeof openPolls>>) {
  const { db, web, code, redeem, polls } = s;
  const cli = await openCliHarness(db);
  const permissions = { claims: { idToken: ['permissions', 'email'], userinfo: [] }, scope: SCOPE };
  const readIdToken = async () => jwtClaims((await redeem(await code(web, permissions))).json().id_token);

  await t.test(
    'docs/clients.md, RFC 8725 §3.11: no client has permissions in ID tokens and an API of typ JWT',
    async (t) => {
      const refused = async (words: string, file?: string) => {
        const { exit, stderr } = await cli.run(words, ...(file ? [{ file }] : []));
        t.match(
          [exit, stderr],
          [4, /typ JWT.*--permissions-in userinfo for the client, or --typ at\+jwt for the API/s],
          words,
        );
      };
      const done = async (words: string) => t.match(await cli.run(words), { exit: 0 }, words);
      await done('api create legacy --typ JWT');
      await done('client update Web --permissions-in id_token');
      await refused('api update polls --typ JWT');
      await refused('api sync f', 'audience: polls\ntoken: {typ: JWT}');
      await refused('client update Web --api polls --api legacy');
      await refused('client update Web --serves legacy');
      for (const role of ['api', 'serves'])
        await refused(
          `client create New --preset web --redirect-uri ${CALLBACK} --${role} legacy --permissions-in id_token`,
        );
      t.equal((await cli.json('api show polls')).api.typ, 'at+jwt', 'nothing was changed');
      await done('api update legacy --typ at+jwt');
      await done('client update Web --api polls --api legacy');
      await refused('api update legacy --typ JWT');
      await done('client update Web --permissions-in userinfo');
      await done('api update legacy --typ JWT');
      await refused('client update Web --permissions-in id_token');
    },
  );

  await t.test(
    'docs/clients.md: permissions that claims= has named stay out of ID tokens from the moment in which an API is of typ JWT',
    async (t) => {
      const left = await readIdToken();
      t.notOk('permissions' in left);
      t.equal(left.email, 'alice@example.com', 'the rest comes');
      await cli.json('api update legacy --typ at+jwt');
      t.ok('permissions' in (await readIdToken()));
      await updateApi(db.fork(), audit(), polls, { typ: 'JWT' });
      t.notOk('permissions' in (await readIdToken()));
      await updateApi(db.fork(), audit(), polls, { typ: 'at+jwt' });
    },
  );
}
