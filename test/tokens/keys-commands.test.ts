import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import getJwks from 'get-jwks';
import jsonwebtoken from 'jsonwebtoken';
import { doctor } from '../../src/cli/commands/doctor.ts';
import { createContext } from '../../src/cli/context.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { execute } from '../../src/cli/execute.ts';
import { readConfig } from '../../src/platform/config/index.ts';
import { createKeyRing, openKeys, SigningKey } from '../../src/tokens/index.ts';
import { answeringTerminal, lastEntry, openCliHarness } from '../cli/harness.ts';
import { onEachEngine } from '../support/database.ts';
import { masterKey } from '../support/server.ts';
import t from '../support/tap.ts';

await onEachEngine(t, async (t, db) => {
  const cliHarness = await openCliHarness(db);
  type Key = Record<'kid' | 'alg' | 'state' | 'activate_at' | 'retire_at', string>;
  const keys = async (state?: string): Promise<Key[]> =>
    (await cliHarness.json('keys list')).keys.filter((one: Key) => state === undefined || one.state === state);
  const check = async (name: string, environment: Record<string, string> = {}): Promise<Check[]> => {
    const config = readConfig('development', {
      SIGNET_MASTER_KEY: masterKey.toString('hex'),
      SIGNET_ARGON2_MEMORY: '7168',
      SIGNET_PORT: '1',
      ...environment,
    });
    const input = { positionals: [], options: {}, stdin: null, file: null };
    const result = await execute(
      doctor,
      createContext(config, db, '0', () => {}),
      input,
      true,
    );
    return (JSON.parse(result.stdout) as { checks: Check[] }).checks.filter((one) => one.name === name);
  };

  await t.test('docs/commands.md: keys rotate publishes the next key and says when it signs', async (t) => {
    const before = Date.now();
    const { stdout } = await cliHarness.run('keys rotate');
    t.match(stdout, /^RS256: [\w-]{43} is published, and signs from \d{4}-.* UTC on\.$/m);
    const [next] = await keys('next');
    const lead = Date.parse(next?.activate_at as string) - before;
    t.ok(Math.abs(lead - 86_400_000) < 60_000, 'the next key of a day');
    t.match(
      (await cliHarness.run('keys list')).stdout,
      /^[\w-]{43} +RS256 +next +signs from .* on\n[\w-]{43} +RS256 +current +signs since /m,
    );
    const again = await cliHarness.json('keys rotate');
    t.equal(again.keys[0].kid, next?.kid, 'it waits as it does');
    t.match(await lastEntry(db), { objectKind: 'signingkey', objectId: next?.kid, actorLabel: 'cli:1000' });

    const { stdout: urgent } = await cliHarness.run('keys rotate --now');
    t.match(urgent, new RegExp(`^RS256: ${next?.kid} signs now`));
    t.match(urgent, /may refuse new tokens/);
    t.same((await keys()).map((one) => one.state).sort(), ['current', 'retiring']);
    t.match(await cliHarness.run('keys rotate --alg ES256'), {
      exit: 4,
      stderr: /No API and no client uses ES256\. .*npx signet api update AUDIENCE --alg ES256/,
    });
    t.match(await cliHarness.run('keys rotate --alg HS256'), { exit: 2 });
  });

  await t.test('docs/commands.md: keys revoke says first what goes, asks for the key, and takes it away', async (t) => {
    const [current] = await keys('current');
    const kid = current?.kid as string;
    const unasked = await cliHarness.run(`keys revoke ${kid}`);
    t.match(unasked, { exit: 2, stderr: /Add --yes/ });
    const hesitant = await cliHarness.run(`keys revoke ${kid}`, { terminal: answeringTerminal('no') });
    t.equal(hesitant.exit, 1);
    t.match(
      cliHarness.progress.at(-1),
      /refused here at once[\s\S]*a new key, which no verifier has fetched yet[\s\S]*erased/,
    );
    t.equal((await keys('current'))[0]?.kid, kid, 'nothing was done');
    const result = await cliHarness.run(`keys revoke ${kid}`, { terminal: answeringTerminal(kid) });
    t.match(result, { exit: 0, stdout: new RegExp(`^Revoked the RS256 key ${kid}`) });
    t.equal((await keys('gone'))[0]?.kid, kid);
    t.equal((await keys('current')).length, 1);
    t.match(await cliHarness.run(`keys revoke ${kid} --yes`), { exit: 4, stderr: /was removed before/ });
    t.match(await cliHarness.run('keys revoke nothing --yes'), { exit: 3, stderr: /keys list/ });
  });

  await t.test(
    'docs/keys.md: the first API that asks for an algorithm makes its key; the master key is needed then',
    async (t) => {
      await cliHarness.json('api create modern --alg EdDSA');
      t.same((await keys('current')).map((one) => one.alg).sort(), ['EdDSA', 'RS256']);
      await cliHarness.json('api create older');
      await cliHarness.json('api update older --alg ES256');
      await cliHarness.json('api sync f', { file: 'audience: filed\ntoken: {alg: ES256}' });
      t.same((await keys('current')).map((one) => one.alg).sort(), ['ES256', 'EdDSA', 'RS256'], 'one each');
      const { keys: rotated } = await cliHarness.json('keys rotate');
      t.same(rotated.map((one: Key) => one.alg).sort(), ['ES256', 'EdDSA', 'RS256']);
    },
  );

  await t.test('doctor: an algorithm without a key is a fail, a step that nobody takes a warning', async (t) => {
    t.match(await check('keys'), [{ status: 'ok', message: /current key for RS256, .*\. Each key signs for 90 days/ }]);
    t.match(await check('keys', { SIGNET_KEY_ROTATION: '0' }), [{ status: 'ok', message: /only by command/ }]);
    t.match(await check('keys', { SIGNET_KEY_LEAD: '60' }), [{ status: 'note', remedy: /SIGNET_KEY_LEAD/ }]);
    t.match(await check('signing', { SIGNET_KEY_LEAD: '600', SIGNET_KEY_ROTATION: '600' }), [
      { status: 'fail', message: /SIGNET_KEY_ROTATION \(600\) must be greater than SIGNET_KEY_LEAD \(600\)/ },
    ]);
    const [next] = await keys('next');
    await db
      .fork()
      .nativeUpdate(SigningKey, { kid: next?.kid as string }, { activateAt: new Date(Date.now() - 120_000) });
    t.match(await check('keys'), [{ status: 'warn', message: new RegExp(`${next?.kid} should sign since`) }]);
    await db
      .fork()
      .nativeUpdate(SigningKey, { alg: 'ES256', state: 'current' }, { state: 'retiring', retireAt: new Date(0) });
    t.match(
      await check('keys'),
      [
        { status: 'fail', message: /need ES256, but it has no current key/ },
        { status: 'warn' },
        { status: 'warn', message: /should have been removed at 1970/ },
      ].toSorted((a, b) => a.status.localeCompare(b.status)),
    );
  });

  await t.test('doctor names the libraries that refuse a combination, and the APIs', async (t) => {
    const checks = await check('libraries');
    t.match(checks, [
      { status: 'note', message: /for modern, older, filed have typ at\+jwt .*Spring Security and libjwt/ },
      { status: 'note', message: /for modern are signed with EdDSA, which jsonwebtoken/ },
      { status: 'note', message: /EdDSA.*used by modern, older, filed.*python-jose/ },
    ]);
    // The claim itself: a jsonwebtoken that learns EdDSA ends the note.
    const ring = await createKeyRing((open) => openKeys(db.fork(), masterKey, open));
    await cliHarness.json('user create ada');
    const token = (await cliHarness.run('token issue --user ada --api modern')).stdout.trim();
    const publicKey = createPublicKey({ key: ring.signer('EdDSA').publicJwk, format: 'jwk' });
    t.equal(JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).alg, 'EdDSA');
    const server = createServer((_, response) => void response.end(ring.jwks().body)).listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    const domain = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const { kid } = ring.signer('EdDSA');
    await t.rejects(getJwks({ issuersWhitelist: [domain] }).getPublicKey({ kid, alg: 'EdDSA', domain }), /OKP/);
    t.throws(() => jsonwebtoken.verify(token, publicKey, { algorithms: ['EdDSA' as never] }));
  });

  await t.test('keys rewrap: the file holds the new master key, and what is no key is refused', async (t) => {
    const fresh = Buffer.alloc(32, 5).toString('hex');
    t.match(await cliHarness.run('keys rewrap f', { file: 'too short' }), {
      exit: 2,
      stderr: /the file must have 32 bytes/,
    });
    t.match(await cliHarness.run('keys rewrap f', { file: masterKey.toString('hex') }), { exit: 2 });
    await cliHarness.json('keys rotate --now');
    const before = await keys();
    const result = await cliHarness.run('keys rewrap f', { file: `${fresh}\n` });
    t.match(result, { exit: 0, stdout: /sealed under the new master key[\s\S]*restart each/ });
    t.notMatch(result.stdout, fresh);
    t.same(await keys(), before, 'the keys are the same');
    t.match(await cliHarness.run('keys rotate --now'), { exit: 1, stderr: /another master key/ });
    t.match(await check('signing', { SIGNET_MASTER_KEY: fresh }), [{ status: 'ok' }]);
    t.match(await check('signing'), [{ status: 'fail' }]);
    t.match(await lastEntry(db), { objectKind: 'masterkey', actorLabel: 'cli:1000' });
  });
});
