import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { doctor } from '../../src/cli/commands/doctor.ts';
import { createContext } from '../../src/cli/context.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { checkCapacity, checkClock } from '../../src/cli/doctor/database.ts';
import { checkHashing, type Hashing } from '../../src/cli/doctor/hashing.ts';
import { checkIssuer, checkServed } from '../../src/cli/doctor/issuer.ts';
import { checkSizes } from '../../src/cli/doctor/tokens.ts';
import { execute } from '../../src/cli/execute.ts';
import { runCommand } from '../../src/cli/run.ts';
import { type Mode, readConfig } from '../../src/platform/config/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createSample } from '../../src/server/sample.ts';
import { createTestPostgresql, onEachEngine, openTestEmbedded, postgresqlUrl } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import { audit, masterKey, testClock } from '../support/server.ts';
import t from '../support/tap.ts';
import { openCliHarness } from './harness.ts';

const port = String(await freePort());
const cheap = {
  SIGNET_ARGON2_MEMORY: '7168',
  SIGNET_ARGON2_ITERATIONS: '1',
  SIGNET_MASTER_KEY: masterKey.toString('hex'),
  SIGNET_PORT: port,
};

/** As typed, with these settings. */
async function consult(db: Database, mode: Mode = 'development', more: Record<string, string> = {}) {
  const config = readConfig(mode, { ...cheap, ...more });
  const context = createContext(config, db, '0', () => {});
  const told = await execute(doctor, context, { positionals: [], options: {}, stdin: null, file: null }, true);
  const { ok, checks } = JSON.parse(told.stdout) as { ok: boolean; checks: Check[] };
  const of = (name: string) => checks.filter((one) => one.name === name);
  const text = await execute(doctor, context, { positionals: [], options: {}, stdin: null, file: null }, false);
  return { exit: told.exit, ok, checks, of, text: text.stdout };
}

t.test('doctor', (t) =>
  onEachEngine(t, async (t, db) => {
    const cliHarness = await openCliHarness(db);

    await t.test('docs/commands.md: one line for each check, and exit 0 while nothing fails', async (t) => {
      const before = await cliHarness.counts();
      const { exit, ok, checks, of, text } = await consult(db);
      t.match({ exit, ok }, { exit: 0, ok: true });
      for (const name of ['clock', 'migrations', 'database', 'issuer', 'signing', 'token size', 'sample'])
        t.match(of(name), [{ status: 'ok' }], name);
      for (const name of ['argon2', 'hash pool', 'hash queue', 'refusals']) t.equal(of(name).length, 1, name);
      t.match(of('served'), [{ status: 'note', message: /could not be reached/ }]);
      t.equal(text.trim().split('\n').length, checks.length);
      t.ok(text.split('\n').every((one) => one === '' || /^(ok {2}|note|warn|fail) {2}\w/.test(one)));
      t.same(await cliHarness.counts(), before, 'it changes nothing');
      t.notMatch(text, masterKey.toString('hex'));
    });

    await t.test(
      'docs/commands.md: the wrong master key is a fail with its remedy, and the exit code is 1',
      async (t) => {
        const { exit, ok, of } = await consult(db, 'development', { SIGNET_MASTER_KEY: 'f'.repeat(64) });
        t.match({ exit, ok }, { exit: 1, ok: false });
        t.match(of('signing'), [{ status: 'fail', message: /another master key/, remedy: /SIGNET_MASTER_KEY_FILE/ }]);
      },
    );

    await t.test(
      'docs/commands.md: in production the sample, a missing issuer and an untrusted proxy are told',
      async (t) => {
        await createSample(
          db.fork(),
          audit(),
          await createContext(cliHarness.config, db, '0', () => {}).passwords(),
          masterKey,
        );
        const lacking = await consult(db, 'production');
        t.equal(lacking.exit, 1);
        t.match(lacking.of('issuer'), [{ status: 'fail', message: /SIGNET_ISSUER is not set/ }]);
        t.match(lacking.of('sample'), [{ status: 'fail', remedy: /sample --remove/ }]);
        t.match(lacking.of('proxy'), [{ status: 'note', remedy: /SIGNET_TRUST_PROXY/ }]);
        const engine = db.engine === 'embedded' ? { status: 'warn', remedy: /DATABASE_URL/ } : { status: 'ok' };
        t.match(lacking.of('database'), [engine]);
        await cliHarness.json('sample --remove');
        const environment = { SIGNET_ISSUER: `http://localhost:${port}`, SIGNET_TRUST_PROXY: '10.0.0.1' };
        const there = await consult(db, 'production', {
          ...environment,
          SIGNET_METRICS_PORT: '9',
          SIGNET_METRICS_HOST: '::',
        });
        t.equal(there.exit, 0);
        t.match(there.of('issuer'), [{ status: 'warn', message: /never for users/ }]);
        t.match(there.of('proxy'), [{ status: 'ok', message: /10\.0\.0\.1/ }]);
        t.match(there.of('metrics'), [{ status: 'note' }]);
      },
    );

    await t.test('docs/tokens.md: the largest token of an API is held against its budget', async (t) => {
      const names = Array.from({ length: 60 }, (_, i) => `do_the_thing_number_${i}`);
      const list = names.map((name) => `${name}: X`).join(', ');
      await cliHarness.json('api sync f', { file: `audience: big\napps: {big: {permissions: {${list}}}}` });
      await cliHarness.json('api update big --budget 4096 --over-budget fail');
      const perms = names.map((name) => `big.${name}`);
      for (const user of ['ada', 'bob']) await cliHarness.json(`user create ${user}`);
      for (const group of ['one', 'two']) {
        await cliHarness.json(`group create ${group}`);
        await cliHarness.json(`perm grant --group ${group} --api big ${perms.slice(0, 40).join(' ')}`);
        await cliHarness.json(`group add ${group} bob`);
      }
      await cliHarness.json(`perm grant --user ada --api big ${perms.slice(0, 50).join(' ')}`);
      const sizes = async () => {
        const given = { db, keys: cliHarness.keys, issuer: 'http://localhost:4000', now: new Date() };
        return checkSizes(given);
      };
      const issued = (await cliHarness.run('token issue --user ada --api big')).stdout.trim().length;
      const share = Math.round((issued / 4096) * 100);
      t.ok(share < 80);
      const [fits] = await sizes();
      t.match(fits, { status: 'ok', message: /^The largest token uses \d+ % of its budget \(big\)/ });
      const told = Number(/(\d+) %/.exec(fits?.message ?? '')?.[1]);
      t.ok(told >= share && told <= share + 5, `${told}: ada's with a session, not bob's two halves (${share})`);
      await cliHarness.json('api update big --budget 3000');
      t.match(await sizes(), [{ status: 'warn', message: /for big has \d+ bytes, and the budget is 3000/ }]);
      await cliHarness.json('api update big --budget 2048');
      t.match(await sizes(), [{ status: 'fail', remedy: /api update big --budget 8192/ }]);
      t.equal((await consult(db)).exit, 1);
      await cliHarness.json('user deactivate ada');
      await cliHarness.json('user deactivate bob');
      t.match(await sizes(), [{ status: 'ok' }], 'who is inactive gets no token');
      await cliHarness.json('user create root --superuser');
      t.match(await sizes(), [{ status: 'fail' }], 'a superuser is told every permission');
      await cliHarness.json('user delete root --yes');
      const { client_id: id } = await cliHarness.json('client create robot --preset service --api big');
      await cliHarness.json(`perm grant --client ${id} --api big ${perms.join(' ')}`);
      t.match(await sizes(), [{ status: 'fail' }], "a client's own token too");
      await cliHarness.json(`client disable ${id}`);
      t.match(await sizes(), [{ status: 'ok' }]);
    });

    await t.test('docs/tokens.md: what well-known libraries do not expect is a note', async (t) => {
      t.match((await consult(db)).of('libraries'), [
        { status: 'note', message: /big have typ at\+jwt/, remedy: /--typ JWT/ },
      ]);
      t.match((await consult(db)).of('token typ'), [{ status: 'ok' }]);
      await cliHarness.json('api update big --typ JWT');
      t.match((await consult(db)).of('token typ'), [
        { status: 'warn', message: /JWT at big\./, remedy: /only the audience/ },
      ]);
      t.same((await consult(db)).of('libraries'), []);
      await cliHarness.json(
        'client create Odd --preset web --redirect-uri https://odd.example/cb --id-token-alg EdDSA',
      );
      t.match((await consult(db)).of('libraries'), [
        {
          status: 'note',
          message: /ID tokens or userinfo for Odd are signed with EdDSA/,
          remedy: /--id-token-alg RS256/,
        },
        { status: 'note', message: /keys for RS256, EdDSA \(used by Odd\)/ },
      ]);
      await cliHarness.json('client delete Odd');
    });

    await t.test("the clock is compared with the database's", async (t) => {
      t.match(await checkClock(db, testClock(new Date())), { status: 'ok' });
      t.match(await checkClock(db, testClock(new Date(Date.now() - 10_000))), {
        status: 'warn',
        message: /(9\.|10\.)\d sec/,
      });
      t.match(await checkClock(db, testClock(new Date(Date.now() + 60_000))), { status: 'fail', remedy: /NTP/ });
    });
  }),
);

t.test('docs/commands.md: pending migrations are a fail, and what needs them is not looked at', async (t) => {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const pending = { ...db.migrations, pending: async () => ['0009-next'] };
  const { exit, of } = await consult({ ...db, migrations: pending });
  t.equal(exit, 1);
  t.match(of('migrations'), [{ status: 'fail', message: /0009-next/, remedy: 'Run: npx signet migrate' }]);
  t.same([...of('signing'), ...of('token size'), ...of('sample')], []);
});

t.test('docs/commands.md: doctor does not make a database where there is none (exit 3)', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'));
  const place = { SIGNET_DATA_DIR: join(folder, 'data'), SIGNET_KEYS_DIR: join(folder, 'keys') };
  const nothing = () => {};
  t.match(await runCommand(['doctor'], place, nothing, nothing), { exit: 3, stderr: /no database in/ });
});

t.test('docs/commands.md: doctor works from the command line on PostgreSQL', { skip: !postgresqlUrl }, async (t) => {
  const { url, drop } = await createTestPostgresql({ empty: true });
  const issuer = `http://localhost:${port}`;
  t.teardown(drop);
  const nothing = () => {};
  const run = (words: string[]) =>
    runCommand(words, { ...cheap, DATABASE_URL: url, SIGNET_ISSUER: issuer }, nothing, nothing);
  t.match(await run(['doctor']), { exit: 1, stdout: /fail {2}migrations {2}Pending: .*npx signet migrate\n/ });
  t.match(await run(['migrate']), { exit: 0 });
  t.match(await run(['doctor']), {
    exit: 0,
    stdout: /ok {4}migrations[\s\S]*warn {2}signing[\s\S]*no signing key yet/,
  });
});

t.test('the issuer', async (t) => {
  const cases: [string, boolean, Check['status'], RegExp?][] = [
    ['https://id.example', true, 'ok'],
    ['https://id.example:8443', true, 'ok'],
    ['http://localhost:4000', false, 'ok', /development/],
    ['http://localhost:4000', true, 'warn'],
    ['https://id.example/auth', true, 'note', /oauth-authorization-server\/auth/],
    ['https://ID.example', true, 'fail', /reads https:\/\/ID\.example as https:\/\/id\.example,/],
    ['https://id.example:443', true, 'fail'],
    ['https://id.example/a/../b', true, 'fail'],
    ['https://id.example/a//b', true, 'fail', /empty or encoded/],
    ['https://id.example/a%20b', true, 'fail', /empty or encoded/],
    ['https://bücher.example', true, 'fail', /xn--/],
  ];
  for (const [issuer, isProduction, status, message] of cases)
    t.match(checkIssuer(issuer, isProduction), { status, ...(message ? { message } : {}) }, issuer);
});

t.test('what the server behind the issuer says', async (t) => {
  const issuer = 'https://id.example';
  const server = (name: string, ...kids: string[]) =>
    (async (url: string) =>
      Response.json(
        url.endsWith('jwks.json') ? { keys: kids.map((kid) => ({ kid })) } : { issuer: name },
      )) as typeof fetch;
  t.match(await checkServed(issuer, 'k1', server(issuer, 'k2', 'k1')), { status: 'ok' });
  t.match(await checkServed(issuer, 'k1', server('https://other', 'k1')), {
    status: 'fail',
    message: /"https:\/\/other"/,
  });
  t.match(await checkServed(issuer, 'k1', server(issuer, 'k2')), { status: 'fail', message: /does not publish.*k1/ });
  const down = (async () => new Response('', { status: 502 })) as typeof fetch;
  t.match(await checkServed(issuer, 'k1', down), { status: 'note', message: /502/ });

  const below = `${issuer}/auth`;
  const whole = server(below, 'k1');
  t.match(await checkServed(below, 'k1', whole), { status: 'ok' });
  const part = (async (url: string) =>
    url.endsWith('server/auth') ? new Response('', { status: 404 }) : whole(url)) as typeof fetch;
  t.match(
    await checkServed(below, 'k1', part),
    { status: 'warn', message: /but not \S+\/\.well-known\/oauth-authorization-server\/auth,/, remedy: /Below a path/ },
    'RFC 8414 §3.1: a proxy passes on what is below the path alone',
  );
});

t.test('hashing', async (t) => {
  const reference = { name: 'argon2', isFast: false };
  const good: Hashing = {
    engine: { name: '@node-rs/argon2', isFast: true },
    hashMs: { fastest: 60, slowest: 70 },
    width: 3,
    cores: 4,
    threads: 12,
    queue: 64,
    waitMs: 5000,
    refusalMs: 600,
  };
  const statuses = (more: Partial<Hashing>) =>
    Object.fromEntries(checkHashing({ ...good, ...more }).map((one) => [one.name, one.status]));
  t.same(statuses({}), { argon2: 'ok', 'hash pool': 'ok', 'hash queue': 'ok', refusals: 'ok' });
  t.match(statuses({ engine: reference, hashMs: { fastest: 29, slowest: 30 } }), { argon2: 'warn' });
  t.match(statuses({ hashMs: { fastest: 14, slowest: 15 } }), { argon2: 'warn' }, 'the same work, by the fast package');
  t.match(statuses({ hashMs: { fastest: 16, slowest: 17 } }), { argon2: 'ok' });
  t.match(checkHashing(good)[0], { message: /by @node-rs\/argon2\.$/ });
  t.match(checkHashing({ ...good, engine: reference })[0], {
    status: 'note',
    message: /by argon2\. .*@node-rs\/argon2.* does not load/,
    remedy: /npm ci/,
  });
  t.match(statuses({ hashMs: { fastest: 501, slowest: 510 } }), {
    argon2: 'warn',
    refusals: 'warn',
    'hash queue': 'warn',
  });
  t.same(statuses({ hashMs: null }), { argon2: 'note', 'hash pool': 'ok' });
  const [busy] = checkHashing({ ...good, hashMs: { fastest: 60, slowest: 900 } });
  t.match(
    busy,
    { status: 'ok', message: /60 ms here, and up to 900 while the machine is busy/ },
    'a busy machine is not advice',
  );
  t.match(statuses({ width: 4 }), { 'hash pool': 'note' });
  t.match(statuses({ width: 1, cores: 1 }), { 'hash pool': 'ok' });
  t.match(statuses({ width: 5 }), { 'hash pool': 'warn' });
  t.match(statuses({ threads: 3 }), { 'hash pool': 'warn' });
  t.match(statuses({ refusalMs: 0 }), { refusals: 'warn' });
  const [, , queue] = checkHashing({ ...good, queue: 500 });
  t.match(queue, { status: 'warn', remedy: /SIGNET_HASH_QUEUE=250/ }, 'the remedy fits');
  t.match(statuses({ queue: 250 }), { 'hash queue': 'ok' });
});

t.test('room at PostgreSQL for pool × processes', async (t) => {
  const of = (limit: number, others: number, pool: number) => checkCapacity({ limit, others, ours: 1 }, pool - 2, 2);
  t.match(of(97, 5, 10), {
    status: 'ok',
    message: /room for 9 processes with SIGNET_DATABASE_POOL=8 and SIGNET_DATABASE_PIPELINES=2/,
  });
  t.match(of(97, 80, 10), { status: 'warn', message: /room for 1 process with.*side by side/ });
  t.match(of(97, 95, 10), { status: 'fail', remedy: /max_connections/ });
  t.match(of(5, 10, 10), { status: 'fail', message: /room for 0 processes/ });
});
