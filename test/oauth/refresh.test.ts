import { AuditEvent } from '../../src/audit/index.ts';
import { changeCatalogue, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { endSessions, Session } from '../../src/sessions/index.ts';
import { setPassword } from '../../src/signin/index.ts';
import { deriveRefreshKey, openGrant, RefreshGrant, TokenStatus } from '../../src/tokens/index.ts';
import { User, updateUser } from '../../src/users/index.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, jwtClaims, LIFE } from '../support/flows.ts';
import { masterKey } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld, type TestClient } from '../support/world.ts';

/** A user, two clients that may refresh, and families of refresh tokens. */
async function refreshWorld(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment });
  const { clock, http } = world;
  const polls = await world.api('polls', { models: ['polls.choice'] });
  const given = { preset: 'web', isFirstParty: true, redirectUris: [CALLBACK] } as const;
  const web: TestClient = await world.client('Web', { ...given, requests: [polls], serves: [polls] });
  const other: TestClient = await world.client('Other', { ...given, requests: [polls], serves: [polls] });
  const alice = await world.user('alice');
  const open = async ({ scope = null, session = null }: { scope?: string | null; session?: Session | null } = {}) => {
    const user = await db.fork().findOneOrFail(User, alice.id);
    const family = { user, client: web.principal, api: polls.id, scope, session };
    return db.fork().transactional((tx) => openGrant(tx, deriveRefreshKey(masterKey), family, LIFE, clock.now()));
  };
  const refresh = (token: string, more: Record<string, string> = {}, by = web) =>
    http.oauth('token', { grant_type: 'refresh_token', refresh_token: token, ...more }, by);
  const introspect = async (token: string) => (await http.oauth('introspect', { token }, web)).json();
  return { ...world, polls, web, other, alice, open, refresh, introspect };
}

const refused = (t: Test, response: { statusCode: number; json(): { error: string } }, why: string) =>
  t.same([response.statusCode, response.json().error], [400, 'invalid_grant'], why);

t.test('refresh', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await refreshWorld(db);
    const { clock, open, refresh, introspect, web, other, alice, polls, at } = s;

    await t.test(
      'RFC 6749 §6, docs/oauth.md (T9): a refresh gives an access token and the next refresh token',
      async (t) => {
        const { token, grant } = await open({ scope: 'openid profile' });
        const first = await refresh(token);
        t.equal(first.statusCode, 200, first.body);
        t.match(first.json(), { token_type: 'Bearer', expires_in: 600, scope: 'openid profile' });
        const { access_token, refresh_token } = first.json();
        t.not(refresh_token, token);
        t.match(jwtClaims(access_token), { sub: alice.id, client_id: web.id, username: 'alice', permissions: [] });
        t.equal((await introspect(access_token)).active, true);
        const second = await refresh(refresh_token);
        t.equal(second.statusCode, 200);
        const stored = await db.fork().findOneOrFail(RefreshGrant, grant.id);
        t.equal(stored.generation, 2);
        t.equal(await db.fork().count(RefreshGrant), 1, 'storage does not grow');
        t.equal(await db.fork().count(TokenStatus), 1, 'and the tokens of one grant share a status index');
        t.equal(await db.fork().count(AuditEvent, { kind: 'grant_ended' }), 0, 'refreshes write no audit rows');
      },
    );

    await t.test(
      'RFC 9700 §4.14.2 (T9): within the grace window the one before answers the same successor; after it, it is reuse',
      async (t) => {
        const { token, grant } = await open();
        const next = (await refresh(token)).json().refresh_token;
        clock.pass(9);
        t.equal((await refresh(token)).json().refresh_token, next, 'a lost answer is given again');
        clock.pass(2);
        const access = (await refresh(next)).json().access_token;
        clock.pass(20);
        refused(t, await refresh(token), 'used long ago');
        t.match(await db.fork().findOneOrFail(RefreshGrant, grant.id), { endedReason: 'reuse' });
        refused(t, await refresh(next), 'RFC 9700 §4.14.2: the family is dead');
        t.same(await introspect(access), { active: false }, 'and what it gave');
        const [event] = await db.fork().find(AuditEvent, { kind: 'refresh_reused' });
        t.match(event, { userId: alice.id, detail: { grant: grant.id, presented: 0, stored: 2 } });
      },
    );

    await t.test(
      'a wrong MAC, another client and a generation of the future are refused, and nothing happens',
      async (t) => {
        const { token, grant } = await open();
        for (let at = 0; at < token.length; at += 7) {
          const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
          refused(t, await refresh(changed), 'attacks 73: a character is another');
        }
        refused(t, await refresh(token.slice(0, -1)), 'shortened');
        refused(t, await refresh(`${token}A`), 'longer');
        refused(t, await refresh(token, {}, other), 'attacks 69: another client');
        await db.fork().execute('update tokens_grant set generation = -1 where id = ?', [grant.id]);
        refused(t, await refresh(token), 'a restored database knows less: no revocation');
        await db.fork().execute('update tokens_grant set generation = 0 where id = ?', [grant.id]);
        t.equal((await refresh(token)).statusCode, 200, 'it is still good');
      },
    );

    await t.test(
      'RFC 6749 §6 (T9, T11): a refresh may narrow the scope, not widen it; RFC 8707 §2.2: nor change the API',
      async (t) => {
        const { token } = await open({ scope: 'openid profile email' });
        const wider = await refresh(token, { scope: 'openid groups' });
        t.same([wider.statusCode, wider.json().error], [400, 'invalid_scope']);
        const elsewhere = await refresh(token, { audience: 'signet' });
        t.same([elsewhere.statusCode, elsewhere.json().error], [400, 'invalid_target']);
        const narrow = await refresh(token, { scope: 'openid', audience: 'polls' });
        t.equal(narrow.json().scope, 'openid');
        t.equal(
          (await refresh(narrow.json().refresh_token)).json().scope,
          'openid profile email',
          'the grant keeps its own',
        );
      },
    );

    await t.test('docs/tokens.md: a token over the budget is refused before anything is rotated', async (t) => {
      const { token, grant } = await open();
      const names = Array.from({ length: 60 }, (_, i) => `do_the_thing_number_${i}`);
      const specs = names.map((codename) => ({ app: 'polls', codename, label: 'x' }));
      await changeCatalogue(db.fork(), at(), polls, specs);
      await updateApi(db.fork(), at(), polls, { budgetBytes: 1024, overBudget: 'fail' });
      const many = names.map((name) => `polls.${name}`);
      await s.assign(alice, polls, ...many);
      const over = await refresh(token);
      t.same([over.statusCode, over.json().error], [400, 'invalid_target']);
      t.equal((await db.fork().findOneOrFail(RefreshGrant, grant.id)).generation, 0);
      await s.unassign(alice, polls, ...many);
      await updateApi(db.fork(), at(), polls, { budgetBytes: 4096, overBudget: 'bitmap' });
      t.equal((await refresh(token)).statusCode, 200);
    });

    await t.test(
      'RFC 7009 §2.1 (R1, T9): it ends idle, it ends at the last, and when it is revoked, and its tokens with it',
      async (t) => {
        const idle = (await open()).token;
        const used = (await open()).token;
        clock.pass(20 * 86_400);
        let next: string = (await refresh(used)).json().refresh_token;
        clock.pass(11 * 86_400);
        refused(t, await refresh(idle), 'idle for 31 days');
        for (let days = 31; days < 89; days += 20) {
          next = (await refresh(next)).json().refresh_token;
          clock.pass(20 * 86_400);
        }
        refused(t, await refresh(next), 'after 91 days, however often it was used');

        const revoked = (await open()).token;
        const { access_token, refresh_token } = (await refresh(revoked)).json();
        t.equal((await s.http.oauth('revoke', { token: refresh_token }, other)).statusCode, 200);
        t.equal((await introspect(access_token)).active, true, "RFC 7009 §2.1: another client's is left alone");
        t.equal((await s.http.oauth('revoke', { token: refresh_token }, web)).statusCode, 200);
        refused(t, await refresh(refresh_token), 'revoked');
        t.same(await introspect(access_token), { active: false }, 'R1: the whole grant');
      },
    );

    await t.test(
      'docs/permissions.md, docs/oauth.md: what a client may ask for is asked at every refresh, and by whom',
      async (t) => {
        const { token, grant } = await open();
        await s.updateClient(web, { requests: [] });
        const taken = await refresh(token);
        t.same([taken.statusCode, taken.json().error], [400, 'invalid_target'], 'its API was taken from the client');
        await s.updateClient(web, { requests: [polls], isFirstParty: false });
        t.equal((await db.fork().findOneOrFail(RefreshGrant, grant.id)).generation, 0, 'nothing was rotated');
        const limited = await refresh(token);
        t.same(
          jwtClaims(limited.json().access_token).permissions,
          [],
          'not first-party any more: nobody has consented',
        );
        await s.updateClient(web, { isFirstParty: true });
        t.equal((await refresh(limited.json().refresh_token)).statusCode, 200);
      },
    );

    await t.test('T9: dead after logout, password change, deactivation, and when its client is disabled', async (t) => {
      const session = await db.fork().findOneOrFail(Session, (await s.http.logIn('alice')).sid);
      const endings: [string, () => Promise<unknown>][] = [
        ['logout', () => db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: session.id }, 'logout'))],
        ['password', () => db.fork().transactional((tx) => setPassword(tx, at(), alice, '!unusable', null))],
        ['client', () => s.updateClient(web, { isActive: false })],
        ['deactivation', () => updateUser(db.fork(), at(), alice, { isActive: false })],
      ];
      for (const [name, end] of endings) {
        const { token, grant } = await open(name === 'logout' ? { session } : {});
        const { access_token, refresh_token } = (await refresh(token)).json();
        t.equal((await introspect(access_token)).active, true);
        await end();
        if (name === 'client') {
          t.equal((await refresh(refresh_token)).statusCode, 401);
          await s.updateClient(web, { isActive: true });
        }
        refused(t, await refresh(refresh_token), name);
        t.same(await introspect(access_token), { active: false }, name);
        t.ok((await db.fork().findOneOrFail(RefreshGrant, grant.id)).endedAt, name);
      }
    });
  }),
);

t.test('attacks 1: many use one refresh token at once', (t) =>
  onEachEngine(t, async (t, db) => {
    const isEmbedded = db.engine === 'embedded';
    const rounds = isEmbedded ? 5 : 200;

    await t.test('within the grace window all get the same successor, and one family lives', async (t) => {
      const { open, refresh } = await refreshWorld(db);
      for (let round = 0; round < rounds; round++) {
        const { token, grant } = await open();
        const answers = await Promise.all(Array.from({ length: round % 2 ? 20 : 50 }, () => refresh(token)));
        t.ok(answers.every((one) => one.statusCode === 200));
        t.equal(new Set(answers.map((one) => one.json().refresh_token)).size, 1, `round ${round}`);
        const stored = await db.fork().findOneOrFail(RefreshGrant, grant.id);
        t.same([stored.generation, stored.endedAt], [1, null]);
      }
    });
  }),
);

t.test('attacks 1: without a grace window one use wins, and the losers end the family', (t) =>
  onEachEngine(t, async (t, db) => {
    const { open, refresh } = await refreshWorld(db, { SIGNET_REFRESH_GRACE: '0' });
    for (let round = 0; round < 5; round++) {
      const { token, grant } = await open();
      const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(token)));
      const won = answers.filter((one) => one.statusCode === 200);
      t.ok(won.length <= 1, `${won.length} won`);
      t.ok((await db.fork().findOneOrFail(RefreshGrant, grant.id)).endedAt);
    }
  }),
);
