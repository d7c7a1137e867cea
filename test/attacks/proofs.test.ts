import { AuditEvent } from '../../src/audit/index.ts';
import { Replay } from '../../src/oauth/authorization-entities.ts';
import { allowPermissions } from '../../src/oauth/index.ts';
import { bumpPrincipals, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { RefreshGrant } from '../../src/tokens/index.ts';
import { clientKey, proofBy } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { CALLBACK, DEVICE, VERIFIER } from '../support/flows.ts';
import { audit, ISSUER } from '../support/server.ts';
import t from '../support/tap.ts';
import { openDevices, openServices } from '../support/world.ts';

const TOKEN_URL = `${ISSUER}/oauth2/token`;
const AT_ONCE = 20;

interface Answer {
  statusCode: number;
  json(): { error?: string; access_token: string; refresh_token: string };
}
const said = (answer: Answer) => [answer.statusCode, answer.json().error ?? null];
const SPENT = [400, 'invalid_dpop_proof'];
const GIVEN = [200, null];
const only = (all: readonly Answer[]) => all.filter((one) => one.statusCode === 200);

/** A server whose statements are counted, and a key that proofs are made by. */
async function openCounted(real: Database) {
  const sent: string[] = [];
  const hook: { onSpent?: (() => Promise<unknown>) | undefined } = {};
  const query: Database['query'] = async (statement, values) => {
    sent.push(statement.name);
    const rows = await real.query(statement, values);
    const { onSpent } = hook;
    if (statement.name === 'oauth-replay' && onSpent) {
      hook.onSpent = undefined;
      await onSpent();
    }
    return rows as never;
  };
  const s = await openServices({ ...real, query });
  const key = await clientKey();
  const proof = (by = key) => proofBy(by, { method: 'POST', url: TOKEN_URL, now: s.clock.now() });
  const redeem = async (code: string, dpop: string, more: Record<string, string> = {}, by = s.spa) =>
    s.post(
      'token',
      { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...more },
      by,
      { dpop },
    );
  const refresh = (token: string, dpop: string, by = s.spa) =>
    s.post('token', { grant_type: 'refresh_token', refresh_token: token }, by, { dpop });
  const own = (dpop: string, by = s.backend) =>
    s.post('token', { grant_type: 'client_credentials', audience: 'polls' }, by, { dpop });
  const marks = () => real.fork().count(Replay);
  /** The proof of a request that was answered. */
  const used = async () => {
    const dpop = await proof();
    if ((await own(dpop)).statusCode !== 200) throw new Error('The scene is wrong.');
    return dpop;
  };
  return { ...s, plainly: s.redeem, hook, sent, key, proof, redeem, refresh, own, marks, used };
}

await onEachEngine(t, async (t, db) => {
  const s = await openCounted(db);
  const { spa, web, clock, proof, redeem, refresh, own, marks, used } = s;
  await t.test(
    'RFC 9449 §11.1: what a request that is refused has proven stores nothing, whoever sends it and however often',
    async (t) => {
      const before = await marks();
      const [code, open] = [await s.code(spa), (await redeem(await s.code(spa), await proof())).json().refresh_token];
      const after = await marks();
      t.equal(after, before + 1, 'one for the token that was given');
      const other = await clientKey('EdDSA');
      const asked: [string, () => Promise<Answer>][] = [
        ['a refresh token of nobody', async () => refresh('garbage', await proof())],
        ['one by another key', async () => refresh(open, await proof(other))],
        ['a code of nobody', async () => redeem('garbage', await proof())],
        ['a wrong verifier', async () => redeem(code, await proof(), { code_verifier: 'x'.repeat(43) })],
        ['an API that it may not ask for', async () => redeem(code, await proof(), { audience: 'signet' })],
        ['no code', async () => s.post('token', { grant_type: 'authorization_code' }, spa, { dpop: await proof() })],
        ['no such grant', async () => s.post('token', { grant_type: 'x' }, spa, { dpop: await proof() })],
        ['one that it has not', async () => s.exchange(spa, 'x', {}, { dpop: await proof() })],
        [
          'a device code of nobody',
          async () => s.post('token', { grant_type: DEVICE, device_code: 'x' }, spa, { dpop: await proof() }),
        ],
        ['a token of nobody', async () => s.exchange(s.backend, 'x', {}, { dpop: await proof() })],
      ];
      for (const [what, ask] of asked)
        for (const answer of await Promise.all([ask(), ask(), ask()])) t.equal(answer.statusCode, 400, what);
      const { session } = await s.signInOverBudget();
      const [had, long] = [await s.code(spa, { session: session.id }), await s.code(spa, { session: session.id })];
      const set = await redeem(had, await proof());
      t.same([said(set), await marks()], [GIVEN, after + 1], 'its token has a place from now on');
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 1024, overBudget: 'fail' });
      t.same(said(await refresh(set.json().refresh_token, await proof())), [400, 'invalid_target'], 'over the budget');
      t.same(said(await redeem(long, await proof())), [400, 'invalid_target'], 'over the budget');
      await updateApi(db.fork(), audit(), s.polls, { budgetBytes: 4096 });
      t.equal(await marks(), after + 1);
      const dpop = await proof();
      t.same(said(await refresh('garbage', dpop)), [400, 'invalid_grant']);
      t.same(said(await redeem(code, dpop)), GIVEN, 'what has given nothing is not used up');
    },
  );

  await t.test('RFC 9449 §11.1, attacks 5: a proof that was used burns no code', async (t) => {
    const dpop = await used();
    const code = await s.code(spa);
    const grants = await db.fork().count(RefreshGrant);
    t.same(said(await redeem(code, dpop)), SPENT);
    t.equal(await db.fork().count(RefreshGrant), grants);
    t.same(said(await redeem(code, dpop, {}, web)), SPENT, 'nor by the hand of another client');
    t.same(said(await redeem(code, await proof())), GIVEN);
  });

  await t.test('RFC 9449 §11.1, attacks 5: nor does it rotate a refresh token or end its family', async (t) => {
    const first = (await redeem(await s.code(spa), await proof())).json().refresh_token;
    const dpop = await proof();
    const second = (await refresh(first, dpop)).json().refresh_token;
    t.same(said(await refresh(second, dpop)), SPENT);
    const third = await refresh(second, await proof());
    t.same(said(third), GIVEN, 'it is the last one still');
    clock.pass(30);
    t.same(said(await refresh(first, dpop)), SPENT, 'the same request again, after the grace');
    const fourth = await refresh(third.json().refresh_token, await proof());
    t.same(said(fourth), GIVEN);
    const before = await marks();
    for (let i = 0; i < 3; i++) t.same(said(await refresh(first, await proof())), [400, 'invalid_grant'], 'reuse');
    t.equal(await marks(), before + 1, 'one mark for the family that it has ended');
    t.same(said(await refresh(fourth.json().refresh_token, await proof())), [400, 'invalid_grant'], 'RFC 9700 §4.14.2');
    t.equal(await db.fork().count(AuditEvent, { kind: 'refresh_reused' }), 1);
  });

  await t.test(
    'RFC 9449 §11.1, RFC 6749 §4.1.2: the same request again ends nothing; the code with a new proof ends what it gave, and leaves one mark',
    async (t) => {
      const [code, dpop] = [await s.code(spa), await proof()];
      const { access_token: token } = (await redeem(code, dpop)).json();
      t.same(said(await redeem(code, dpop)), SPENT);
      t.equal((await s.introspect(token)).active, true);
      const before = await marks();
      for (let i = 0; i < 3; i++) t.same(said(await redeem(code, await proof())), [400, 'invalid_grant']);
      t.equal((await s.introspect(token)).active, false);
      t.equal(await marks(), before + 1);
      const stolen = await s.code(spa);
      for (let i = 0; i < 3; i++) t.same(said(await redeem(stolen, await proof(), {}, web)), [400, 'invalid_grant']);
      t.equal(await marks(), before + 2, 'one for the code that another client has burnt');
      t.same(said(await redeem(stolen, await proof())), [400, 'invalid_grant']);
    },
  );

  await t.test('RFC 9449 §11.1, attacks 5: nor does anybody act for a user by it', async (t) => {
    await s.assign(s.alice, s.signet, 'auth.impersonate_user');
    await allowPermissions(
      db.fork(),
      audit(),
      { id: s.helpDesk.principal },
      await s.permissions(s.signet, 'auth.impersonate_user'),
    );
    await s.user('dora');
    const { token } = await s.http.logIn('alice', { audience: 'signet' });
    const act = (dpop: string) =>
      s.exchange(s.helpDesk, token, { requested_subject: 'dora', reason: 'ticket 7', audience: 'polls' }, { dpop });
    const grants = await db.fork().count(RefreshGrant);
    t.same(said(await act(await used())), SPENT);
    t.equal(await db.fork().count(RefreshGrant), grants, 'no grant was opened');
    t.equal(await db.fork().count(AuditEvent, { kind: 'impersonated' }), 0);
    t.same(said(await act(await proof())), GIVEN, 'the scene is right');
  });

  await t.test(`RFC 9449 §11.1, attacks 5: of ${AT_ONCE} equal proofs at once exactly one gets a token`, async (t) => {
    const token = (await redeem(await s.code(spa), await proof())).json().refresh_token;
    const called = await s.subjectToken();
    const codes = await Promise.all(Array.from({ length: AT_ONCE }, () => s.code(spa)));
    const one = await s.code(spa);
    const ways: [string, (dpop: string, i: number) => Promise<Answer>][] = [
      ['for itself', (dpop) => own(dpop)],
      ['by a refresh token', (dpop) => refresh(token, dpop)],
      ['by one code', (dpop) => redeem(one, dpop)],
      ['by a code each', (dpop, i) => redeem(codes[i] as string, dpop)],
      ['by an exchange', (dpop) => s.exchange(s.backend, called, {}, { dpop })],
    ];
    for (const [what, ask] of ways) {
      const dpop = await proof();
      const before = await marks();
      const all = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => ask(dpop, i)));
      t.equal(only(all).length, 1, what);
      for (const answer of all.filter((one) => one.statusCode !== 200)) t.same(said(answer), SPENT, what);
      t.equal(await marks(), before + 1, `${what}: one mark`);
      const [given] = only(all) as [Answer];
      t.equal((await s.introspect(given.json().access_token)).active, true, `${what}: and that one is good`);
    }
    const later = await Promise.all(codes.map(async (code) => redeem(code, await proof())));
    t.equal(only(later).length, AT_ONCE - 1, 'the codes of those that were refused are good');
  });

  await t.test(
    'RFC 9449 §11.1: a request that has to be tried again has spent its proof, and does so once',
    async (t) => {
      const code = await s.code(spa);
      const ways: [string, string, (dpop: string) => Promise<Answer>][] = [
        ['for itself, for the first time', s.books.principal, (dpop) => own(dpop, s.books)],
        ['by a code', s.alice.id, (dpop) => redeem(code, dpop)],
      ];
      for (const [what, changed, ask] of ways) {
        const dpop = await proof();
        const before = await marks();
        s.sent.length = 0;
        s.hook.onSpent = () => db.fork().transactional((tx) => bumpPrincipals(tx, [changed]));
        t.same(said(await ask(dpop)), GIVEN, what);
        t.equal(s.sent.filter((name) => name === 'oauth-replay').length, 1, what);
        t.equal(s.sent.filter((name) => name === s.sent[0]).length, 2, `${what}: it was tried again`);
        t.equal(await marks(), before + 1, what);
        t.same(said(await ask(dpop)), SPENT, what);
      }
    },
  );

  await t.test('RFC 9449 §11.1: a token with a proof costs one statement more than one without', async (t) => {
    const during = async (work: () => Promise<unknown>) => {
      s.sent.length = 0;
      await work();
      return [...s.sent];
    };
    const without = (name: string) => name !== 'oauth-replay';
    const open = async () => (await s.plainly(await s.code(web))).json().refresh_token as string;
    const [plain, bound] = [await open(), await open()];
    const dpop = await proof();
    const [unproven, proven] = [
      await during(() => s.post('token', { grant_type: 'refresh_token', refresh_token: plain }, web)),
      await during(() => refresh(bound, dpop, web)),
    ];
    t.same([unproven.length + 1, unproven], [proven.length, proven.filter(without)]);
    const codes = [await s.code(web), await s.code(web)] as const;
    const next = await proof();
    const [free, held] = [await during(() => s.plainly(codes[0])), await during(() => redeem(codes[1], next, {}, web))];
    t.same([free.length + 1, free], [held.length, held.filter(without)]);
  });
});

await onEachEngine(t, async (t, db) => {
  const s = await openDevices(db);
  const { form, begin, decide, tv, clock } = s;
  const atAlice = await s.logIn('alice');
  const key = await clientKey();
  const proof = () => proofBy(key, { method: 'POST', url: TOKEN_URL, now: clock.now() });
  const poll = (code: string, dpop: string): Promise<Answer> =>
    form('token', { grant_type: DEVICE, device_code: code, client_id: tv.id }, { dpop });
  const marks = () => db.fork().count(Replay);
  const approved = async () => {
    const begun = await begin();
    await decide(atAlice, begun.user_code, 'allow');
    return begun.device_code;
  };

  await t.test(
    'RFC 9449 §11.1, RFC 8628 §3.5, attacks 5: a device that waits stores nothing, and a proof that was used redeems no code of one',
    async (t) => {
      const waiting = (await begin()).device_code;
      for (let i = 0; i < 5; i++) t.equal((await poll(waiting, await proof())).statusCode, 400);
      t.equal(await marks(), 0);
      const [first, second, dpop] = [await approved(), await approved(), await proof()];
      const given = await poll(first, dpop);
      t.same(said(given), GIVEN);
      clock.pass(10);
      t.same(said(await poll(first, dpop)), SPENT, 'the same request again');
      t.match(await s.introspect(given.json().access_token), { active: true }, 'which has ended nothing');
      t.same(said(await poll(second, dpop)), SPENT);
      clock.pass(10);
      t.same(said(await poll(second, await proof())), GIVEN, 'and has burnt nothing');
      const before = await marks();
      for (let i = 0; i < 3; i++) t.equal((await poll(first, await proof())).statusCode, 400);
      t.equal(await marks(), before + 1, 'one for the grant that it has ended');
      t.match(await s.introspect(given.json().access_token), { active: false }, 'RFC 8628 §3.5');
    },
  );

  await t.test(`RFC 9449 §11.1: of ${AT_ONCE} devices with one proof, one gets its token`, async (t) => {
    const codes: string[] = [];
    for (let i = 0; i < AT_ONCE; i++) codes.push(await approved());
    const dpop = await proof();
    const all = await Promise.all(codes.map((code) => poll(code, dpop)));
    t.equal(only(all).length, 1);
    for (const answer of all.filter((one) => one.statusCode !== 200)) t.same(said(answer), SPENT);
    clock.pass(10);
    const later = await Promise.all(codes.map(async (code) => poll(code, await proof())));
    t.equal(only(later).length, AT_ONCE - 1);
  });
});
