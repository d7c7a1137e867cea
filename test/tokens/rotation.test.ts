import { AuditEntry } from '../../src/audit/index.ts';
import { createApi, getApi, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { plusSeconds } from '../../src/platform/time.ts';
import {
  advanceKeys,
  createKeyRing,
  ensureCurrentKey,
  listKeys,
  openKeys,
  RETIREMENT_SECONDS,
  revokeKey,
  rewrapKeys,
  rotateKeys,
  type SigningKey,
} from '../../src/tokens/index.ts';
import { type KeyState, stepsDue } from '../../src/tokens/keys/rotation.ts';
import { signBytes, verifyBytes } from '../../src/tokens/keys/signing-key.ts';
import { createTestPostgresql, model, onEachEngine, postgresqlUrl } from '../support/database.ts';
import { audit, masterKey, testClock } from '../support/server.ts';
import t from '../support/tap.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const policy = { leadSeconds: DAY, rotationSeconds: 90 * DAY };
const t0 = new Date('2026-11-22T12:00:00Z');
const at = (seconds: number) => plusSeconds(t0, seconds);
const required = new Set<SigningKey['alg']>(['RS256']);

t.test('K2: the state machine, without a database', async (t) => {
  const current: KeyState = { kid: 'a', alg: 'RS256', state: 'current', activatedAt: t0 };
  const next: KeyState = { kid: 'b', alg: 'RS256', state: 'next', activateAt: at(90 * DAY) };
  const due = (keys: KeyState[], seconds: number, more: Partial<typeof policy> = {}, algs = required) =>
    stepsDue(keys, algs, { ...policy, ...more }, at(seconds));

  t.same(due([], 0), [{ kind: 'make', alg: 'RS256' }], 'nobody has cached anything: it signs at once');
  t.same(due([current], 0), []);
  t.same(due([current], 89 * DAY - 1), [], 'not a second before the lead');
  t.same(due([current], 89 * DAY), [{ kind: 'publish', alg: 'RS256', activateAt: at(90 * DAY) }]);
  t.same(due([current, next], 90 * DAY - 1), [], 'published, and not a second early');
  const handover = [
    { kind: 'retire', kid: 'a', retireAt: at(90 * DAY + 900 + HOUR) },
    { kind: 'activate', kid: 'b' },
  ];
  t.same(due([current, next], 90 * DAY), handover, 'the longest life of a token and an hour');
  t.same(
    due([current, next], 90 * DAY, { leadSeconds: 30 }),
    handover,
    'the time of the row counts, not the setting of now',
  );
  t.same(due([current], 90 * DAY, { rotationSeconds: 0 }), [], '0: by command only');
  t.same(
    due([current, next], 90 * DAY, { rotationSeconds: 0 }),
    handover,
    'and what was published by command does sign',
  );
  t.same(due([next], 0), [{ kind: 'activate', kid: 'b' }], 'somebody must sign');
  const old: KeyState = { kid: 'z', alg: 'RS256', state: 'retiring', retireAt: at(10) };
  t.same(due([current, old], 9), []);
  t.same(due([current, old], 10), [{ kind: 'drop', kid: 'z' }]);

  const elliptic: KeyState = { kid: 'e', alg: 'ES256', state: 'current', activatedAt: t0 };
  const following: KeyState = { kid: 'f', alg: 'ES256', state: 'next', activateAt: at(5) };
  t.same(
    due([current, elliptic, following], 5),
    [
      { kind: 'retire', kid: 'e', retireAt: at(5 + RETIREMENT_SECONDS) },
      { kind: 'drop', kid: 'f' },
    ],
    'an algorithm that is no longer used',
  );
  t.same(due([current], 0, {}, new Set(['RS256', 'EdDSA'])), [{ kind: 'make', alg: 'EdDSA' }]);
});

const advance = (db: Database, when: Date, master = masterKey) => advanceKeys(db.fork(), audit(when), master, policy);
const createRing = (db: Database, master = masterKey, onFailure?: (error: Error) => void) =>
  createKeyRing((open) => openKeys(db.fork(), master, open), onFailure);
const publishedKids = (ring: { jwks(): { body: Buffer } }) =>
  (JSON.parse(ring.jwks().body.toString()) as { keys: Record<string, string>[] }).keys;
const states = async (db: Database) => (await listKeys(db.fork())).map((one) => `${one.alg} ${one.state}`).sort();

await onEachEngine(t, async (t, db) => {
  const clock = testClock(t0);
  const ring = await createRing(db);
  const kids: string[] = [];
  const token = Buffer.from('signed before the handover');

  await t.test('K2: a passed clock leads a key from next to gone, and every state says what it is for', async (t) => {
    t.throws(() => ring.signer('RS256'), { name: 'NotReady' }, 'no key yet: try again');
    t.same(
      (await advance(db, clock.now())).map((step) => step.kind),
      ['make'],
    );
    await ring.reload();
    const first = ring.signer('RS256');
    const signature = signBytes(first, token);

    clock.pass(89 * DAY);
    t.same(
      (await advance(db, clock.now())).map((step) => step.kind),
      ['publish'],
    );
    await ring.reload();
    t.equal(ring.signer('RS256').kid, first.kid, 'the next key never signs');
    t.same(
      publishedKids(ring).map((one) => one['kid'] === first.kid),
      [true, false],
      'the current one first, then the next',
    );
    for (const key of publishedKids(ring)) t.same(Object.keys(key).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);

    // The process that published is gone: any other takes the next step, from the row alone.
    clock.pass(DAY - 1);
    t.same(await advance(db, clock.now()), []);
    clock.pass(1);
    t.same(
      (await advance(db, clock.now())).map((step) => step.kind),
      ['retire', 'activate'],
    );
    t.equal(
      ring.signer('RS256').kid,
      first.kid,
      'a node that has not heard yet signs with a key that is published everywhere',
    );
    await ring.reload();
    const second = ring.signer('RS256');
    t.not(second.kid, first.kid);
    t.same(
      publishedKids(ring).map((one) => one['kid']),
      [second.kid, first.kid],
    );
    const before = ring.find(first.kid);
    t.ok(before && verifyBytes(before, token, signature), 'what the old key has signed verifies');

    clock.pass(900 + HOUR - 1);
    t.same(await advance(db, clock.now()), []);
    clock.pass(1);
    t.same(
      (await advance(db, clock.now())).map((step) => step.kind),
      ['drop'],
    );
    await ring.reload();
    t.equal(ring.find(first.kid), undefined);
    t.same(
      publishedKids(ring).map((one) => one['kid']),
      [second.kid],
    );
    const gone = (await listKeys(db.fork())).find((one) => one.kid === first.kid);
    t.equal(gone?.privateSealed.length, 0, 'the private half is erased');
    t.match(gone, { state: 'gone', activatedAt: t0, publicJwk: { kid: first.kid } }, 'the record stays');
    const log = await db
      .fork()
      .find(AuditEntry, { objectKind: 'signingkey', objectId: first.kid }, { orderBy: { id: 'asc' } });
    t.same(
      log.map((one) => [one.before?.['state'] ?? null, one.after?.['state']]),
      [
        [null, 'current'],
        ['current', 'retiring'],
        ['retiring', 'gone'],
      ],
    );
    kids.push(second.kid);
  });

  await t.test('many nodes at once: every step is taken once, by one, and the others see it as normal', async (t) => {
    clock.pass(90 * DAY);
    for (const kinds of [['publish'], [], ['retire', 'activate']]) {
      const all = await Promise.all(Array.from({ length: 6 }, () => advance(db, clock.now())));
      t.same(
        all.flat().map((step) => step.kind),
        kinds,
      );
      if (kinds.length === 0) clock.pass(DAY);
    }
    t.same(await states(db), ['RS256 current', 'RS256 gone', 'RS256 retiring']);
    await ring.reload();
  });

  await t.test(
    'docs/keys.md: an algorithm has a key while an API asks for it, and gives it up afterwards',
    async (t) => {
      await db.fork().transactional(async (tx) => {
        const api = await createApi(tx, audit(clock.now()), 'modern', { alg: 'EdDSA' });
        await ensureCurrentKey(tx, audit(clock.now()), masterKey, api.alg);
      });
      await ring.reload();
      const { kid } = ring.signer('EdDSA');
      t.match(
        publishedKids(ring).find((one) => one['kid'] === kid),
        { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', d: undefined },
      );
      t.equal(publishedKids(ring)[0]?.['alg'], 'RS256', 'the default algorithm first');
      t.same(await advance(db, clock.now()), []);
      const undone = db.fork().transactional(async (tx) => {
        await createApi(tx, audit(clock.now()), 'none', { alg: 'ES256' });
        await ensureCurrentKey(tx, audit(clock.now()), masterKey, 'ES256');
        throw new Error('undone');
      });
      await t.rejects(undone, { message: 'undone' });
      t.notOk(
        (await states(db)).some((one) => one.startsWith('ES256')),
        'an API that did not come to be leaves no key',
      );
      await db.fork().transactional(async (tx) => {
        await updateApi(tx, audit(clock.now()), await getApi(tx, 'modern'), { alg: 'RS256' });
      });
      t.same(
        (await advance(db, clock.now())).map((step) => step.kind),
        ['retire'],
      );
      await ring.reload();
      t.equal(ring.signer('EdDSA').kid, kid, 'a request under way still signs, with a key that stays published');
      clock.pass(RETIREMENT_SECONDS);
      await advance(db, clock.now());
      await ring.reload();
      t.throws(() => ring.signer('EdDSA'), { name: 'NotReady' });
      t.notOk(publishedKids(ring).some((one) => one['alg'] === 'EdDSA'));
    },
  );

  await t.test('rotate: publishes one next key however often it is asked; --now takes it, or makes one', async (t) => {
    const rotate = (isNow: boolean) =>
      rotateKeys(db.fork(), audit(clock.now()), masterKey, { leadSeconds: DAY, isNow });
    t.same(
      (await rotate(false)).map((step) => step.kind),
      ['publish'],
    );
    t.same(await rotate(false), []);
    const waiting = (await listKeys(db.fork())).find((one) => one.state === 'next');
    t.same(waiting?.activateAt, plusSeconds(clock.now(), DAY));
    t.same(
      (await rotate(true)).map((step) => step.kind),
      ['retire', 'activate'],
    );
    await ring.reload();
    t.equal(ring.signer('RS256').kid, waiting?.kid);
    t.same(
      (await rotate(true)).map((step) => step.kind),
      ['retire', 'make'],
    );
    await ring.reload();
    t.not(ring.signer('RS256').kid, waiting?.kid);
    await t.rejects(
      rotateKeys(db.fork(), audit(clock.now()), masterKey, { leadSeconds: DAY, isNow: true, alg: 'ES256' }),
      { code: 'key_algorithm_unused', params: { alg: 'ES256' } },
    );
  });

  await t.test('K2: a revoked key is gone at once, and another one signs', async (t) => {
    const revoke = (kid: string) => revokeKey(db.fork(), audit(clock.now()), masterKey, kid);
    const { kid } = ring.signer('RS256');
    t.same(
      (await revoke(kid)).map((step) => step.kind),
      ['drop', 'make'],
    );
    await ring.reload();
    t.equal(ring.find(kid), undefined);
    t.notOk(publishedKids(ring).some((one) => one['kid'] === kid));
    const fresh = ring.signer('RS256').kid;
    t.not(fresh, kid);
    await rotateKeys(db.fork(), audit(clock.now()), masterKey, { leadSeconds: DAY, isNow: false });
    const next = (await listKeys(db.fork())).find((one) => one.state === 'next')?.kid as string;
    t.same(
      (await revoke(fresh)).map((step) => step.kind),
      ['drop', 'activate'],
    );
    await ring.reload();
    t.equal(ring.signer('RS256').kid, next, 'the next key, which verifiers may have fetched already');
    const retiring = (await listKeys(db.fork())).find((one) => one.state === 'retiring')?.kid as string;
    t.same(
      (await revoke(retiring)).map((step) => step.kind),
      ['drop'],
    );
    await t.rejects(revoke(retiring), { code: 'key_gone', params: { kid: retiring } });
    await t.rejects(revoke('nothing'), { code: 'key_not_found', params: { kid: 'nothing' } });
    const both = await Promise.allSettled([revoke(next), revoke(next)]);
    t.same(both.map((one) => one.status).sort(), ['fulfilled', 'rejected'], 'two at once: one has done it');
    t.equal((await states(db)).filter((one) => one === 'RS256 current').length, 1);
    await ring.reload();
  });

  await t.test('rewrap: another master key opens the same keys, and a running server goes on', async (t) => {
    const other = Buffer.alloc(32, 9);
    const refusals: string[] = [];
    const running = await createRing(db, masterKey, (error) => void refusals.push(error.message));
    const { kid } = running.signer('RS256');
    const live = (await listKeys(db.fork())).filter((one) => one.state !== 'gone');
    await t.rejects(rewrapKeys(db.fork(), audit(), other, Buffer.alloc(32, 1)), { code: 'master_key_wrong' });
    await t.rejects(rewrapKeys(db.fork(), audit(), masterKey, masterKey), { code: 'master_key_unchanged' });
    t.equal((await createRing(db)).signer('RS256').kid, kid, 'what failed has changed nothing');
    t.equal(await rewrapKeys(db.fork(), audit(), masterKey, other), live.length);
    t.equal((await createRing(db, other)).signer('RS256').kid, kid);
    await t.rejects(createRing(db), { code: 'master_key_wrong' }, 'a start with the old one is refused');

    const open = running.find(kid);
    await running.reload();
    t.equal(running.signer('RS256').kid, kid);
    t.equal(running.find(kid), open, 'the very key, so that what was verified with it stays verified');
    t.same(refusals, []);
    // A key of a server that was restarted already.
    clock.pass(89 * DAY);
    await t.rejects(
      advance(db, clock.now()),
      { code: 'master_key_wrong' },
      'the old one adds nothing that the others cannot open',
    );
    t.same((await advance(db, clock.now(), other)).filter((step) => step.kind === 'publish').length, 1);
    await running.reload();
    t.match(refusals, [/^master_key_wrong/], 'said, and not taken for a crash');
    t.equal(running.signer('RS256').kid, kid);
    await revokeKey(db.fork(), audit(clock.now()), other, kid);
    await running.reload();
    t.equal(running.find(kid), undefined, 'a revocation reaches the one that runs as well');
    const entry = await db.fork().findOneOrFail(AuditEntry, { objectKind: 'masterkey' });
    t.match(entry.after, { rewrapped: { length: live.length } });
    t.notMatch(JSON.stringify(entry), other.toString('hex'));
  });
});

const skip = postgresqlUrl === undefined ? 'DATABASE_URL is not set' : false;
t.test('many processes with pools of their own, PostgreSQL: one wins', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql();
  const nodes = await Promise.all(Array.from({ length: 4 }, () => openPostgresql(url, 3, model, { use: 'requests' })));
  t.teardown(async () => {
    for (const node of nodes) await node.close();
    await drop();
  });
  const short = { leadSeconds: 35, rotationSeconds: 40 };
  const counts: Record<string, number> = {};
  for (let seconds = 0; seconds <= 400; seconds += 5) {
    const taken = await Promise.all(
      nodes.map((node) => advanceKeys(node.fork(), audit(at(seconds)), masterKey, short)),
    );
    for (const step of taken.flat()) counts[step.kind] = (counts[step.kind] ?? 0) + 1;
  }
  t.same(counts, { make: 1, publish: 10, retire: 10, activate: 10 }, 'ten rotations in 400 s, each step once');
});
