import { AuditEvent } from '../../src/audit/index.ts';
import { openPostgresql } from '../../src/platform/database/postgresql.ts';
import { model } from '../../src/server/model.ts';
import { Throttle } from '../../src/signin/index.ts';
import { preparePlace, startInstance } from '../faults/instance.ts';
import { createTestPostgresql, onEachEngine, postgresqlUrl } from '../support/database.ts';
import { countHashing } from '../support/hashing.ts';
import { PASSWORD } from '../support/http.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// How many guesses are worth a hash is counted, never timed. Milliseconds are for the bench.

const PROXY = '127.0.0.1';

await onEachEngine(t, async (t, db) => {
  const hashing = countHashing();
  const passwords = hashing.counts;
  const plain = await openWorld(db, { passwords: hashing.wrap });
  const { clock } = plain;
  const environment = { SIGNET_TRUST_PROXY: PROXY, SIGNET_THROTTLE_NETWORK: '60' };
  const { http } = await openWorld(db, { clock, passwords: plain.passwords, environment });
  await plain.user('alice');

  /** A login from an address, as the trusted proxy tells it. */
  const from = async (ip: string, password = 'wrong', username = 'alice', more: Record<string, string> = {}) =>
    (await http.json('/api/v1/login', { username, password }, { 'x-forwarded-for': ip, ...more })).statusCode;
  const anew = async () => {
    await db.fork().nativeDelete(Throttle, {});
    hashing.reset();
  };
  const count = (statuses: number[], status: number) => statuses.filter((one) => one === status).length;

  await t.test('attacks 11: of 200 simultaneous wrong passwords, in every spelling, 10 are evaluated', async (t) => {
    await anew();
    const spellings = ['alice', 'ALICE', 'Alice', 'ａlice', 'aLICE'];
    const statuses = await Promise.all(
      Array.from({ length: 200 }, (_, i) => from('192.0.2.1', `wrong ${i}`, spellings[i % 5])),
    );
    t.equal(passwords.verifications.length, 10);
    t.same([count(statuses, 401), count(statuses, 429)], [10, 190]);
    t.equal(await from('192.0.2.1', PASSWORD), 429, 'the right one is not evaluated either');
    t.equal(await from('192.0.2.2', PASSWORD), 200, 'and nobody is locked out elsewhere');
  });

  await t.test(
    'attacks 11: 90 simultaneous guesses at as many names from one network that has 60: 60 are evaluated',
    async (t) => {
      await anew();
      const statuses = await Promise.all(Array.from({ length: 90 }, (_, i) => from('192.0.2.9', 'wrong', `name${i}`)));
      t.equal(passwords.verifications.length, 60);
      t.same([count(statuses, 401), count(statuses, 429)], [60, 30]);
    },
  );

  await t.test('attacks 11: the counters outlive the process: a restart gives no new attempts', async (t) => {
    await anew();
    for (let i = 0; i < 10; i++) await from('192.0.2.1');
    const next = await openWorld(db, { clock, passwords: plain.passwords, environment });
    const who = { username: 'alice', password: PASSWORD };
    const response = await next.http.json('/api/v1/login', who, { 'x-forwarded-for': '192.0.2.1' });
    t.same([response.statusCode, response.headers['retry-after']], [429, '900']);
    t.equal(passwords.verifications.length, 10);
    await next.app.close();
  });

  await t.test(
    'attacks 29: the owner gets in from a known IPv6 network while the world guesses at the name',
    async (t) => {
      await anew();
      t.equal(await from('2001:db8:aaaa:1::5', PASSWORD), 200, 'the owner has been here');
      // Default limits: 100 an hour for a name from anywhere.
      const attack = await Promise.all(Array.from({ length: 150 }, (_, i) => from(`2001:db8:${i.toString(16)}::1`)));
      t.equal(count(attack, 401), 100, 'no more are evaluated');
      t.equal(await from('203.0.113.7', PASSWORD), 429, 'a new network waits');
      t.equal(
        await from('2001:db8:aaaa:1:ffff::77', PASSWORD),
        200,
        'the known one does not, whatever its last 64 bits',
      );
      for (let i = 0; i < 10; i++) await from('2001:db8:aaaa:1::6');
      t.equal(await from('2001:db8:aaaa:1::5', PASSWORD), 429, 'but it has no more guesses of its own than any other');
      clock.pass(3600);
      t.equal(await from('203.0.113.7', PASSWORD), 200, 'never for good');
    },
  );

  await t.test('an IPv6 network is a /64, an IPv4 address in IPv6 clothes is that address', async (t) => {
    await anew();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push(await from(`2001:db8:1:2:${(i * 4099).toString(16)}::${i}`));
    t.same([count(statuses, 401), count(statuses, 429)], [10, 2], 'one counter for the /64');
    t.equal(await from('2001:DB8:1:2:0:0:0:1'), 429, 'in every spelling of it');
    t.equal(await from('2001:db8:1:3::1'), 401, 'its neighbour is another network');
    await anew();
    for (let i = 0; i < 10; i++) await from(i % 2 ? '192.0.2.1' : '::ffff:192.0.2.1');
    t.equal(await from('::ffff:c000:201'), 429);
    t.equal(await from('192.0.2.1'), 429);
    t.equal(await from('192.0.2.3'), 401);
  });

  await t.test(
    'attacks 55: what stands before the proxy’s own word in X-Forwarded-For is the caller’s, and ignored',
    async (t) => {
      await anew();
      const forged = [
        (i: number) => from(`198.51.100.${i}, 192.0.2.1`),
        (i: number) => from(`127.0.0.1, 198.51.100.${i}, 192.0.2.1`),
        (i: number) => from('192.0.2.1', 'wrong', 'alice', { forwarded: `for=198.51.100.${i}` }),
        (i: number) =>
          from('192.0.2.1', 'wrong', 'alice', { 'x-real-ip': `198.51.100.${i}`, 'client-ip': `10.0.0.${i}` }),
        (i: number) => from(`nonsense${i}, 192.0.2.1`),
      ];
      for (let i = 0; i < 10; i++) await forged[i % forged.length]?.(i);
      t.equal(await from('192.0.2.1'), 429, 'all of it was one network');
      await anew();
      for (let i = 0; i < 10; i++) await from(`not an address ${i}`);
      t.equal(await from('neither'), 429, 'what is no address is one network too');

      await anew();
      const guess = { username: 'alice', password: 'wrong' };
      const direct = (i: number) => plain.http.json('/api/v1/login', guess, { 'x-forwarded-for': `198.51.100.${i}` });
      for (let i = 0; i < 10; i++) await direct(i);
      t.equal((await direct(11)).statusCode, 429, 'without a trusted proxy nothing of it counts');
    },
  );
});

const skip = postgresqlUrl === undefined && 'DATABASE_URL is not set';
t.test('attacks 11: 200 simultaneous wrong passwords at two processes: 10 are evaluated', { skip }, async (t) => {
  const { url, drop } = await createTestPostgresql({ empty: true });
  const place = await preparePlace(url, { SIGNET_THROTTLE_NAME: '10' });
  const other = String(await freePort());
  const nodes = await Promise.all([startInstance(place), startInstance({ ...place, SIGNET_PORT: other })]);
  t.teardown(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await drop();
  });
  const login = async (i: number) =>
    (
      await fetch(`${nodes[i % 2]?.url}/api/v1/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username: 'alice', password: `wrong ${i}` }),
      })
    ).status;
  const statuses = await Promise.all(Array.from({ length: 200 }, (_, i) => login(i)));
  t.same(
    [401, 429].map((status) => statuses.filter((one) => one === status).length),
    [10, 190],
  );
  const db = await openPostgresql(url, 2, model);
  t.equal(
    await db.fork().count(AuditEvent, { kind: 'login_refused' }),
    10,
    'a refusal is written where one was evaluated',
  );
  await db.close();
});
