import { AuditEvent } from '../../src/audit/index.ts';
import type { ClientSettings } from '../../src/oauth/client-settings/index.ts';
import { createClient, getClient, listAuthorizedClients, updateClient } from '../../src/oauth/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { endSessions } from '../../src/sessions/index.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, VERIFIER } from '../support/flows.ts';
import { audit, ISSUER } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls, type TestClient } from '../support/world.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const NO_ROTATION = { refreshRotation: false } as const;

const isRefused = (t: Test, response: { statusCode: number; json(): { error: string } }, why: string) =>
  t.same([response.statusCode, response.json().error], [400, 'invalid_grant'], why);

/** A service whose statements about grants are counted: how often each was sent, and how many rows it wrote. */
async function refreshWorld(db: Database) {
  const sent: Record<string, number> = {};
  const written: Record<string, number> = {};
  const query: Database['query'] = async (statement, values) => {
    const rows = await db.query(statement, values);
    sent[statement.name] = (sent[statement.name] ?? 0) + 1;
    written[statement.name] = (written[statement.name] ?? 0) + rows.length;
    return rows as never;
  };
  const countUpdates = () => {
    for (const name of ['tokens-grant-use', 'tokens-grant-rotate']) sent[name] = written[name] = 0;
  };
  const s = await openPolls({ ...db, query });
  const refresh = (token: string, by: TestClient = s.web, headers: Record<string, string> = {}) =>
    s.post('token', { grant_type: 'refresh_token', refresh_token: token }, by, headers);
  const set = async (of: TestClient, settings: Partial<ClientSettings>) => s.updateClient(of, { settings });
  /** What a fresh sign-in of the first-party client gives. */
  const open = async (by: TestClient = s.web): Promise<string> => {
    const { session } = await s.signIn();
    return (await s.redeem(await s.code(by, { session: session.id }), {}, by)).json().refresh_token;
  };
  const newest = async () => {
    const [grant] = await db.fork().find(RefreshGrant, {}, { orderBy: { id: 'desc' }, limit: 1 });
    return grant as RefreshGrant;
  };
  return { ...s, sent, written, countUpdates, refresh, set, open, newest };
}

await onEachEngine(t, async (t, db) => {
  const s = await refreshWorld(db);
  const { clock, web, spa, refresh, set, open, newest, countUpdates, sent, written } = s;
  await set(web, NO_ROTATION);

  await t.test(
    'RFC 6749 §6, RFC 9700 §2.2.2 (T9): a client that authenticates keeps its refresh token, where rotation is off',
    async (t) => {
      const token = await open();
      for (const hour of [1, 2, 3]) {
        clock.pass(HOUR + 1);
        const answer = await refresh(token);
        t.same([answer.statusCode, answer.json().refresh_token], [200, token], `after ${hour} hours`);
        t.equal((await s.introspect(answer.json().access_token)).active, true);
        t.equal((await s.introspect(token)).active, true, 'RFC 7662: and it is told to be good');
      }
      const grant = await newest();
      t.equal(grant.generation, 0);
      t.equal(await db.fork().count(AuditEvent, { kind: 'refresh_reused' }), 0);
      const [allowed] = await listAuthorizedClients(db.fork(), s.alice.id, clock.now());
      t.same(allowed?.lastUsedAt, clock.now(), 'its user sees when it was used');
    },
  );

  await t.test('RFC 9700 §4.14.2 (T9): 20 uses at once all succeed, and one of them writes one row', async (t) => {
    const token = await open();
    const all = async () => {
      countUpdates();
      const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(token)));
      t.ok(answers.every((one) => one.statusCode === 200 && one.json().refresh_token === token));
      t.equal(sent['tokens-grant-rotate'], 0);
    };
    await all();
    t.equal(sent['tokens-grant-use'], 0, 'its idle time has hardly moved');
    clock.pass(HOUR + 1);
    await all();
    t.equal(written['tokens-grant-use'], 1);
    await all();
    t.equal(sent['tokens-grant-use'], 0, 'and for the next hour nothing is sent');
  });

  await t.test(
    'docs/oauth.md (T9): its idle time is counted from its last use, to within a hundredth; its last day stays',
    async (t) => {
      await set(web, { refreshIdleSeconds: DAY, refreshAbsoluteSeconds: 3 * DAY });
      const [token, left] = [await open(), await open()];
      t.equal((await refresh(left)).statusCode, 200);
      clock.pass(DAY - 60);
      t.equal((await refresh(token)).statusCode, 200, 'almost a day');
      clock.pass(61);
      isRefused(t, await refresh(left), 'a day and a second');
      clock.pass(DAY - DAY / 100 - 2);
      t.equal((await refresh(token)).statusCode, 200, 'a day less a hundredth after its last use');
      clock.pass(60);
      t.equal((await refresh(token)).statusCode, 200, 'which is not written down: the one before was a minute ago');
      clock.pass(DAY - DAY / 100);
      t.equal((await refresh(token)).statusCode, 200, 'and yet it counts, but for a hundredth');
      clock.pass(3 * HOUR);
      isRefused(t, await refresh(token), 'three days are over, however often it was used');
      await set(web, { refreshIdleSeconds: null, refreshAbsoluteSeconds: null });
      const idle = await open();
      clock.pass(30 * DAY - 1);
      t.equal((await refresh(idle)).statusCode, 200);
      clock.pass(30 * DAY);
      isRefused(t, await refresh(idle), 'idle since');
    },
  );

  await t.test('RFC 9700 §4.14.2 (T9): a logout, a revocation and another client end it as any other', async (t) => {
    const { session } = await s.signIn();
    const token = (await s.redeem(await s.code(web, { session: session.id }))).json().refresh_token;
    const { access_token } = (await refresh(token)).json();
    isRefused(t, await refresh(token, s.third), "another client's");
    await db.fork().transactional((tx) => endSessions(tx, clock.now(), { id: session.id }, 'logout'));
    isRefused(t, await refresh(token), 'logged out');
    t.same(await s.introspect(access_token), { active: false });
    const other = await open();
    t.equal((await s.post('revoke', { token: other })).statusCode, 200);
    isRefused(t, await refresh(other), 'revoked');
  });

  await t.test(
    'RFC 9700 §4.14.2 (T9): a token that was rotated before rotation was turned off is good for the grace, then reuse',
    async (t) => {
      await set(web, { refreshRotation: true });
      const first = await open();
      const second = (await refresh(first)).json().refresh_token;
      t.not(second, first);
      await set(web, NO_ROTATION);
      t.equal((await refresh(first)).json().refresh_token, second, 'a lost answer is given again');
      clock.pass(2 * HOUR);
      t.equal((await refresh(second)).json().refresh_token, second);
      isRefused(t, await refresh(first), 'that use has not made the one before good again');
      t.match(await newest(), { endedReason: 'reuse', generation: 1 });
      isRefused(t, await refresh(second), 'the family is dead');
    },
  );

  await t.test(
    'docs/oauth.md (T9): rotation that is turned on again goes on from the generation there is',
    async (t) => {
      const kept = await open();
      clock.pass(HOUR);
      t.equal((await refresh(kept)).json().refresh_token, kept);
      await set(web, { refreshRotation: true });
      clock.pass(HOUR);
      const next = (await refresh(kept)).json().refresh_token;
      t.not(next, kept);
      t.equal((await newest()).generation, 1);
      clock.pass(11);
      isRefused(t, await refresh(kept), 'and the one that was kept is used up');
      await set(web, NO_ROTATION);
    },
  );

  await t.test(
    'RFC 9700 §2.2.2, §4.14.2, RFC 9449 §5 (T9, B3): a public client keeps it only where it is bound to a key, grant by grant',
    async (t) => {
      const remedy = { code: 'client_refresh_rotation_required' };
      await t.rejects(set(spa, NO_ROTATION), remedy);
      const given = { name: 'Open', preset: 'spa', redirectUris: [CALLBACK], settings: NO_ROTATION } as const;
      await t.rejects(createClient(db.fork(), audit(), given), remedy);
      const webClient = await getClient(db.fork(), web.id);
      await t.rejects(updateClient(db.fork(), audit(), webClient, { authMethod: 'none' }), remedy);

      const before = await open(spa);
      await set(spa, { ...NO_ROTATION, dpopBound: true });
      await t.rejects(set(spa, { dpopBound: false }), remedy, 'nor is the key taken from it later');
      const key = await clientKey();
      const proof = async (by = key) => ({
        dpop: await proofBy(by, { method: 'POST', url: `${ISSUER}/oauth2/token`, now: clock.now() }),
      });
      const fields = { grant_type: 'authorization_code', redirect_uri: CALLBACK };
      const { session } = await s.signIn();
      const code = await s.code(spa, { session: session.id });
      const opened = await s.post('token', { ...fields, code, code_verifier: VERIFIER }, spa, await proof());
      t.equal(opened.statusCode, 200, opened.body);
      const token: string = opened.json().refresh_token;
      for (const hour of [1, 2, 3]) {
        clock.pass(HOUR);
        const answer = await refresh(token, spa, await proof());
        t.same([answer.statusCode, answer.json().refresh_token], [200, token], `after ${hour} hours`);
      }
      isRefused(t, await refresh(token, spa, await proof(await clientKey())), "by a thief's key");
      const next = await refresh(before, spa, await proof());
      t.equal(next.statusCode, 200);
      t.not(next.json().refresh_token, before, 'one that was given before is bound to nothing: it is rotated');
      clock.pass(11);
      isRefused(t, await refresh(before, spa, await proof()), 'and its reuse is found');
    },
  );
});
