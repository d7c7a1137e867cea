import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createVerifier, type VerifierOptions } from '../../kits/node/src/index.ts';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { type Answer, codeOf, startIssuer, testBitmap, testCatalogue, until } from './issuer.ts';

const down: Answer = (_, response) => response.writeHead(500).end();
const JWKS = '/.well-known/jwks.json';
const CATALOGUE = '/.well-known/permissions';

function aging() {
  const clock = { ageMs: 0, now: () => Date.now(), elapsed: () => performance.now() + clock.ageMs };
  return clock;
}

await t.test('K3: keys are asked for once, and for unknown ones at most once per cooldown', async (t) => {
  const stand = await startIssuer(t);
  const clock = aging();
  const verifier = stand.verifier({ clock, cooldownSeconds: 10 });
  await Promise.all(Array.from({ length: 20 }, () => verifier.verify(stand.token())));
  t.equal(stand.asks(JWKS), 1);
  clock.ageMs += 11_000;
  stand.addKey('k2');
  await Promise.all(Array.from({ length: 20 }, () => verifier.verify(stand.token({}, 'k2'))));
  t.equal(stand.asks(JWKS), 2, 'twenty tokens of a new key are one request');
  stand.addKey('k3');
  for (let i = 0; i < 20; i++) t.equal(await codeOf(verifier.verify(stand.token({}, 'k3'))), 'key_unknown');
  t.equal(stand.asks(JWKS), 2, 'not within the cooldown');
  clock.ageMs += 11_000;
  t.equal((await verifier.verify(stand.token({}, 'k3'))).id, 'user-1');
});

await t.test('K3: an outage of the JWKS does not stop what is known, and refuses what is not', async (t) => {
  const stand = await startIssuer(t);
  const clock = aging();
  const verifier = stand.verifier({ clock });
  await verifier.verify(stand.token());
  const answer = stand.answers.get(JWKS) as Answer;
  for (const broken of [
    down,
    stand.json({ keys: [] }),
    stand.json({}),
    stand.json({ keys: [{ kty: 'oct', k: 'AA' }] }),
  ]) {
    stand.answers.set(JWKS, broken);
    clock.ageMs += 700_000;
    t.equal((await verifier.verify(stand.token())).id, 'user-1');
    t.equal(await codeOf(stand.verifier().verify(stand.token())), 'keys_unavailable');
  }
  stand.answers.set(JWKS, answer);
  stand.addKey('k2');
  clock.ageMs += 700_000;
  t.equal((await verifier.verify(stand.token({}, 'k2'))).id, 'user-1', 'the issuer is back');
});

await t.test('K2: a key that the issuer no longer has is forgotten', async (t) => {
  const stand = await startIssuer(t);
  const clock = aging();
  const verifier = stand.verifier({ clock });
  const token = stand.token();
  await verifier.verify(token);
  const other = await startIssuer(t);
  stand.answers.set(JWKS, other.answers.get(JWKS) as Answer);
  clock.ageMs += 301_000;
  await until(async () => (await codeOf(verifier.verify(token))) === 'signature_invalid');
  t.equal(stand.asks(JWKS), 2);
});

await t.test('J4: a newer catalogue is asked for once; nothing is guessed', async (t) => {
  const stand = await startIssuer(t);
  const clock = aging();
  const one = testCatalogue(['polls.a', 'polls.b'], 1);
  const two = testCatalogue(['polls.a', 'polls.b', 'polls.c'], 2);
  const both = { ...two, versions: [...one.versions, ...two.versions] };
  stand.answers.set(CATALOGUE, stand.json(one));
  const verifier = stand.verifier({ clock });
  const old = stand.token(testBitmap(one, [1]));
  const young = stand.token(testBitmap(two, [1, 2]));
  const users = await Promise.all([old, old, old].map((token) => verifier.verify(token)));
  t.ok(users.every((user) => user.hasPerm('polls.b') && !user.hasPerm('polls.a')));
  t.equal(stand.asks(CATALOGUE), 1);
  t.equal(await codeOf(verifier.verify(young)), 'catalogue_unavailable', 'asked a moment ago: not yet known');
  clock.ageMs += 1_100;
  t.equal(await codeOf(verifier.verify(young)), 'catalogue_unknown', 'asked now: there is no such version');
  t.equal(stand.asks(CATALOGUE), 2);
  stand.answers.set(CATALOGUE, stand.json(both));
  clock.ageMs += 1_100;
  const [user] = await Promise.all([young, young, young].map((token) => verifier.verify(token)));
  t.same(user?.getAllPermissions(), ['polls.b', 'polls.c']);
  t.equal(stand.asks(CATALOGUE), 3);
  t.same((await verifier.verify(old)).getAllPermissions(), ['polls.b'], 'the older version is in the same document');
  t.equal(stand.asks(CATALOGUE), 3);

  stand.answers.set(CATALOGUE, down);
  clock.ageMs += 700_000;
  t.same((await verifier.verify(young)).getAllPermissions(), ['polls.b', 'polls.c'], 'an outage keeps what is known');
  const third = testCatalogue(['polls.z'], 3);
  t.equal(await codeOf(verifier.verify(stand.token(testBitmap(third, [0])))), 'catalogue_unavailable');
  t.equal(await codeOf(stand.verifier().verify(old)), 'catalogue_unavailable');
});

await t.test(
  'a catalogue that is not public is read as the client; introspection decides where it cannot be had',
  async (t) => {
    const stand = await startIssuer(t);
    const one = testCatalogue(['polls.a'], 1);
    const closed: Answer = (request, response) =>
      request.headers.authorization === `Basic ${btoa('c_1:secret')}`
        ? stand.json(one)(request, response, '')
        : void response.writeHead(401).end();
    stand.answers.set(CATALOGUE, closed);
    const introspection = { clientId: 'c_1', clientSecret: 'secret' };
    const token = stand.token({ ...testBitmap(one, [0]), jti: 'j' });
    t.equal((await stand.verifier({ introspection }).verify(token)).hasPerm('polls.a'), true);
    t.equal(await codeOf(stand.verifier().verify(token)), 'catalogue_unavailable');
    stand.answers.set(CATALOGUE, down);
    const active = { active: true, iss: stand.issuer, aud: 'polls', sub: 'user-1', jti: 'j', permissions: ['polls.b'] };
    stand.answers.set('/oauth2/introspect', stand.json(active));
    t.same((await stand.verifier({ introspection }).verify(token)).getAllPermissions(), ['polls.b']);
  },
);

await t.test('row 63: nothing is fetched that a token names', async (t) => {
  const stand = await startIssuer(t);
  const evil = await startIssuer(t);
  const verifier = stand.verifier();
  await verifier.verify(stand.token());
  const before = stand.requests.length;
  const uris = [
    evil.listUri,
    `${stand.issuer}/admin`,
    `${stand.listUri}/../../admin`,
    `${stand.listUri}%2f..`,
    '//x',
    '',
  ];
  for (const uri of uris)
    t.equal(
      await codeOf(verifier.verify(stand.token({ status: { status_list: { idx: 0, uri } } }))),
      'status_uri_foreign',
      uri,
    );
  t.equal(evil.requests.length, 0);
  t.equal(stand.requests.length, before);
});

await t.test('options that make no sense are refused when the verifier is made', async (t) => {
  const good: VerifierOptions = { issuer: 'https://id.example', audience: 'polls' };
  for (const change of [
    { issuer: 'http://id.example' },
    { issuer: 'id.example' },
    { issuer: 'https://id.example?x=1' },
    { issuer: 'https://u:p@id.example' },
    { reachAt: 'ftp://signet' },
    { audience: '' },
    { maxStalenessSeconds: 0 },
    { maxStalenessSeconds: Number.NaN },
    { maxStalenessSeconds: Number.POSITIVE_INFINITY },
    { timeoutMs: -1 },
  ])
    t.throws(() => createVerifier({ ...good, ...change }), TypeError, JSON.stringify(change));
  for (const change of [{}, { issuer: 'http://localhost:4000' }, { reachAt: 'http://signet:4000' }])
    createVerifier({ ...good, ...change }).close();
});

await t.test('a verifier that polls and follows does not keep a process alive', async (t) => {
  const stand = await startIssuer(t);
  stand.answers.set('/status-lists/events', stand.serveEvents);
  const program = `import { createVerifier } from '${join(root, 'kits/node/src/index.ts')}';
    const verifier = createVerifier({ issuer: '${stand.issuer}', audience: 'polls' });
    console.log((await verifier.verify('${stand.withStatus(1)}')).id);
    await new Promise((resolve) => setTimeout(resolve, 300));`;
  const child = execFile(process.execPath, ['--input-type=module-typescript', '-e', program], { timeout: 10_000 });
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  const [status] = await once(child, 'exit');
  t.equal(status, 0, 'it ended by itself');
  t.equal(out.trim(), 'user-1');
});
