import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteKeys } from '../../src/oauth/assertion/remote-keys.ts';
import { markUsed } from '../../src/oauth/client-jws.ts';
import { authenticateClient, createAssertions, createClientCache } from '../../src/oauth/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import {
  type Alg,
  assertionParameters,
  type ClientKey,
  clientKey,
  makeAssertion,
  registerKeys,
  seconds,
} from '../support/client-keys.ts';
import { onEachEngine, openTestEmbedded } from '../support/database.ts';
import { basic, type Fields, type Headers } from '../support/http.ts';
import { ISSUER, startApp } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const TOKEN_ENDPOINT = `${ISSUER}/oauth2/token`;

async function assertionWorld(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment });
  const { clock, http } = world;
  const polls = await world.api('polls');
  const make = (name: string) => world.client(name, { requests: [polls], serves: [polls] });
  const post = (endpoint: string, fields: Fields, headers: Headers = {}) =>
    http.form(`/oauth2/${endpoint}`, fields, headers);
  const ask = (fields: Fields, headers?: Headers) =>
    post('token', { grant_type: 'client_credentials', ...fields }, headers);
  const by = (key: ClientKey, clientId: string, more: { claims?: object; header?: object; audience?: string } = {}) =>
    makeAssertion(key, clientId, { audience: ISSUER, now: clock.now(), ...more });
  return { ...world, make, post, ask, by };
}

await onEachEngine(t, async (t, db) => {
  const { clock, make, post, ask, by, updateClient } = await assertionWorld(db);
  const ec = await clientKey('ES256');
  const holder = await make('PrincipalRef of a key');
  await registerKeys(db, holder, { jwks: { keys: [{ ...ec.jwk, kid: 'one', use: 'sig' }] } });
  const secretive = await make('PrincipalRef of a secret');
  const refusal = {
    error: 'invalid_client',
    error_description: 'Client authentication failed.',
  };
  const isRefused = async (t: Test, what: string, form: Record<string, string>) => {
    const answer = await ask(form);
    t.same([answer.statusCode, answer.json()], [401, refusal], what);
    t.equal(answer.headers['www-authenticate'], undefined, `${what}: Basic was not used`);
  };

  await t.test('RFC 7523 §2.2, OIDC Core §9 (T5): a client shows that it has its key, at every endpoint', async (t) => {
    const answer = await ask(assertionParameters(await by(ec, holder.id)));
    t.equal(answer.statusCode, 200);
    const { access_token: token } = answer.json();
    const response = await post('introspect', { token, ...assertionParameters(await by(ec, holder.id)) });
    t.match(response.json(), { active: true, client_id: holder.id });
    t.equal((await post('revoke', { token, ...assertionParameters(await by(ec, holder.id)) })).statusCode, 200);
    const gone = await post('introspect', { token, ...assertionParameters(await by(ec, holder.id)) });
    t.same(gone.json(), { active: false });
  });

  await t.test('RFC 7521 §4.2 (T5): a client_id beside the assertion is the same client', async (t) => {
    t.equal((await ask({ client_id: holder.id, ...assertionParameters(await by(ec, holder.id)) })).statusCode, 200);
    await isRefused(t, 'another', { client_id: secretive.id, ...assertionParameters(await by(ec, holder.id)) });
  });

  await t.test(
    "RFC 7523 §3, OIDC Core §10.1 (T5): each of the algorithms that are taken, and no key that is not the client's",
    async (t) => {
      const keys = await Promise.all((['ES256', 'PS256', 'RS256', 'EdDSA'] as Alg[]).map((alg) => clientKey(alg)));
      const many = await make('PrincipalRef of many keys');
      const jwks = { keys: keys.map((one) => ({ ...one.jwk, kid: one.alg, alg: one.alg })) };
      await registerKeys(db, many, { jwks });
      for (const key of keys) {
        t.equal(
          (await ask(assertionParameters(await by(key, many.id, { header: { kid: key.alg } })))).statusCode,
          200,
          key.alg,
        );
        await isRefused(
          t,
          `${key.alg}: another kid`,
          assertionParameters(await by(key, many.id, { header: { kid: 'ES384' } })),
        );
        const other = await clientKey(key.alg);
        await isRefused(
          t,
          `${key.alg}: a key of somebody else's`,
          assertionParameters(await by(other, many.id, { header: { kid: key.alg } })),
        );
      }
      const [, ps, rs] = keys as [ClientKey, ClientKey, ClientKey];
      await isRefused(
        t,
        'a key for PS256 signs RS256',
        assertionParameters(await by({ ...ps, alg: 'RS256' }, many.id, { header: { kid: 'PS256' } })),
      );
      t.equal(
        (await ask(assertionParameters(await by(rs, many.id)))).statusCode,
        200,
        'the one key for the algorithm needs no name',
      );
      const two = await make('PrincipalRef of two keys for one algorithm');
      const next = await clientKey('ES256');
      await registerKeys(db, two, {
        jwks: { keys: [ec, next].map(({ jwk }, at) => ({ ...jwk, kid: `${at}` })) },
      });
      await isRefused(t, 'one of two, and it is not said which', assertionParameters(await by(next, two.id)));
      t.equal((await ask(assertionParameters(await by(next, two.id, { header: { kid: '1' } })))).statusCode, 200);
    },
  );

  await t.test(
    'RFC 7523 §3, FAPI 2.0 (T5): claims that are missing, of another type, or for somewhere else',
    async (t) => {
      const now = seconds(clock.now());
      const wrong: Record<string, object> = {
        'another iss': { iss: secretive.id },
        'no iss': { iss: undefined },
        'no exp': { exp: undefined },
        'exp: a text': { exp: String(now + 60) },
        'exp: now': { exp: now },
        'exp: 2^53': { exp: 2 ** 53 },
        'exp: in more than 5 minutes': { exp: now + 301 },
        'nbf: in more than a minute': { nbf: now + 61 },
        'nbf: a text': { nbf: String(now) },
        'iat: in more than a minute': { iat: now + 61 },
        'no jti': { jti: undefined },
        'an empty jti': { jti: '' },
        'jti: a number': { jti: 7 },
        'a jti that is too long': { jti: 'j'.repeat(256) },
      };
      for (const [what, claims] of Object.entries(wrong))
        await isRefused(t, what, assertionParameters(await by(ec, holder.id, { claims })));
      const right = {
        'exp: in 5 minutes': { exp: now + 300 },
        'nbf: in a minute': { nbf: now + 60 },
        'no iat': { iat: undefined },
      };
      for (const [what, claims] of Object.entries(right))
        t.equal((await ask(assertionParameters(await by(ec, holder.id, { claims })))).statusCode, 200, what);
    },
  );

  await t.test(
    'RFC 7523 §3 (T5): an assertion for somewhere else is refused, and who has the key is told what aud has to be',
    async (t) => {
      const misdirected = {
        error: 'invalid_client',
        error_description: `The aud of client_assertion must be ${ISSUER}, as a single string.`,
      };
      const wrong: Record<string, unknown> = {
        'the token endpoint': TOKEN_ENDPOINT,
        'a list of the issuer': [ISSUER],
        'the issuer among others': [ISSUER, 'https://evil.example'],
        'the issuer with a slash': `${ISSUER}/`,
        'somebody else': 'https://evil.example',
        none: undefined,
      };
      for (const [what, aud] of Object.entries(wrong)) {
        const answer = await ask(assertionParameters(await by(ec, holder.id, { claims: { aud } })));
        t.same([answer.statusCode, answer.json()], [401, misdirected], what);
        // Without the key it is one refusal with all others: nobody learns whether there is such a client.
        const stranger = await clientKey('ES256');
        await isRefused(
          t,
          `${what}, by another key`,
          assertionParameters(await by(stranger, holder.id, { claims: { aud } })),
        );
        await isRefused(t, `${what}, of nobody`, assertionParameters(await by(ec, 'c_nobody', { claims: { aud } })));
      }
    },
  );

  await t.test(
    'T5: aud may be the token endpoint where the client is registered so, and is no list there either',
    async (t) => {
      const old = await make('Speaks to the token endpoint');
      await registerKeys(db, old, {
        jwks: { keys: [ec.jwk] as never },
        assertionAudience: 'issuer_or_token_endpoint',
      });
      for (const audience of [ISSUER, TOKEN_ENDPOINT])
        t.equal((await ask(assertionParameters(await by(ec, old.id, { audience })))).statusCode, 200, audience);
      const hour = Math.floor(clock.now().getTime() / 1000) + 3600;
      t.equal(
        (await ask(assertionParameters(await by(ec, old.id, { claims: { exp: hour } })))).statusCode,
        200,
        'for an hour',
      );
      await isRefused(t, 'longer', assertionParameters(await by(ec, old.id, { claims: { exp: hour + 1 } })));
      for (const aud of [[ISSUER, TOKEN_ENDPOINT], `${ISSUER}/oauth2/introspect`]) {
        const answer = await ask(assertionParameters(await by(ec, old.id, { claims: { aud } })));
        const error_description = `The aud of client_assertion must be ${ISSUER} or ${TOKEN_ENDPOINT}, as a single string.`;
        t.same([answer.statusCode, answer.json()], [401, { error: 'invalid_client', error_description }], String(aud));
      }
    },
  );

  await t.test(
    'OIDC Registration §2, RFC 7591 §2 (T5): by the one algorithm that the client is registered for, at every endpoint',
    async (t) => {
      const rsa = await clientKey('PS256');
      const weak: ClientKey = { ...rsa, alg: 'RS256' };
      const bank = await make('Signs by PS256');
      const jwks = { keys: [{ ...rsa.jwk, kid: 'one' }] };
      await registerKeys(db, bank, { jwks });
      for (const key of [rsa, weak])
        t.equal(
          (await ask(assertionParameters(await by(key, bank.id)))).statusCode,
          200,
          `${key.alg}: the key says of none`,
        );
      await registerKeys(db, bank, { jwks, assertionAlg: 'PS256' });
      await isRefused(t, 'RS256 by the same key', assertionParameters(await by(weak, bank.id)));
      const right = assertionParameters(await by(rsa, bank.id));
      const { access_token: token } = (await ask(right)).json();
      for (const path of ['introspect', 'revoke']) {
        const refusal = await post(path, { token, ...assertionParameters(await by(weak, bank.id)) });
        t.same([refusal.statusCode, refusal.json().error], [401, 'invalid_client'], path);
      }
      t.match((await post('introspect', { token, ...assertionParameters(await by(rsa, bank.id)) })).json(), {
        active: true,
      });
      await registerKeys(db, bank, { jwks, assertionAlg: null });
      t.equal((await ask(assertionParameters(await by(weak, bank.id)))).statusCode, 200, 'taken back');
    },
  );

  await t.test('RFC 6749 §2.3 (T4): one method at a time, and only the registered one', async (t) => {
    const assertion = assertionParameters(await by(ec, holder.id));
    for (const two of [
      await ask(assertion, basic({ id: holder.id, secret: 'secret' })),
      await ask({ ...assertion, client_secret: 'secret' }),
    ])
      t.same([two.statusCode, two.json().error], [400, 'invalid_request'], 'two methods');
    await isRefused(t, 'a client that has a secret', assertionParameters(await by(ec, secretive.id)));
    // Its secret is still stored; it is not what it is registered for.
    await isRefused(t, 'by a secret', { client_id: holder.id, client_secret: holder.secret });
    t.equal((await ask({}, basic(holder))).statusCode, 401, 'by Basic');
    t.equal((await ask({ client_id: holder.id })).statusCode, 401, 'by nothing');
    t.equal((await ask(assertion)).statusCode, 200, 'what was refused for its form was not used up');
  });

  await t.test('RFC 7515 §3.1 (T4): everything else that stands where an assertion should is one answer', async (t) => {
    const good = await by(ec, holder.id);
    const unknown = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' };
    await isRefused(t, 'another type', { client_assertion: good, ...unknown });
    await isRefused(t, 'no type', { client_assertion: good });
    await isRefused(t, 'an unknown client', assertionParameters(await by(ec, 'c_nobody')));
    await isRefused(t, 'the client of first-party logins', assertionParameters(await by(ec, 'signet')));
    const [head, claims, signature] = good.split('.') as [string, string, string];
    const other = Buffer.from(JSON.stringify({ alg: 'ES256', crit: ['b64'], b64: false })).toString('base64url');
    for (const text of [
      'x',
      'a.b',
      'a.b.c',
      `${good}.`,
      `${head}.${claims}.`,
      `${head}..${signature}`,
      `${other}.${claims}.${signature}`,
      'a'.repeat(9000),
    ])
      await isRefused(t, text.slice(0, 20), assertionParameters(text));
    t.equal((await ask(assertionParameters(good))).statusCode, 200, 'the scene is right');
  });

  await t.test('attacks 5, T5: an assertion counts once, also when it has changed its client_id', async (t) => {
    const assertion = assertionParameters(await by(ec, holder.id));
    t.equal((await ask(assertion)).statusCode, 200);
    await isRefused(t, 'again', assertion);
    t.equal((await post('introspect', { token: 'x', ...assertion })).statusCode, 401, 'elsewhere');
    const jti = randomUUID();
    t.equal((await ask(assertionParameters(await by(ec, holder.id, { claims: { jti } })))).statusCode, 200);
    await isRefused(
      t,
      'another assertion of the same jti',
      assertionParameters(await by(ec, holder.id, { claims: { jti } })),
    );
    const neighbour = await make('Neighbour');
    await registerKeys(db, neighbour, { jwks: { keys: [ec.jwk] as never } });
    t.equal(
      (await ask(assertionParameters(await by(ec, neighbour.id, { claims: { jti } })))).statusCode,
      200,
      "jti are the client's own",
    );
  });

  await t.test('attacks 5: 50 at once with one assertion: one is let in', async (t) => {
    const assertion = assertionParameters(await by(ec, holder.id));
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(assertion)));
    t.same(answers.map((one) => one.statusCode).sort(), [200, ...Array.from({ length: 49 }, () => 401)]);
  });

  await t.test('a client that is changed, or disabled, does not pass by what a process still has cached', async (t) => {
    const changed = await make('Changed');
    await registerKeys(db, changed, { jwks: { keys: [ec.jwk] as never } });
    t.equal((await ask(assertionParameters(await by(ec, changed.id)))).statusCode, 200);
    const next = await clientKey('EdDSA');
    await registerKeys(db, changed, { jwks: { keys: [next.jwk] as never } });
    await isRefused(t, 'by the key of before', assertionParameters(await by(ec, changed.id)));
    t.equal((await ask(assertionParameters(await by(next, changed.id)))).statusCode, 200);
    await updateClient(changed, { isActive: false });
    await isRefused(t, 'disabled', assertionParameters(await by(next, changed.id)));
  });

  await t.test('one-time values are stored by digest, bounded, and each kind for itself', async (t) => {
    const until = new Date(clock.now().getTime() + 60_000);
    t.equal(await markUsed(db, 'kind one', until), true);
    t.equal(await markUsed(db, 'kind one', until), false);
    t.equal(await markUsed(db, 'other one', until), true);
    t.equal(await markUsed(db, 'k'.repeat(1025), until), false, 'longer than anything that is asked about');
    const digests = await db.fork().execute('select length(digest) as bytes from oauth_replay group by 1');
    t.same(digests, [{ bytes: 32 }]);
    const rounds = db.engine === 'postgresql' ? 200 : 5;
    for (let round = 0; round < rounds; round++) {
      const all = await Promise.all(Array.from({ length: 50 }, () => markUsed(db, `at once ${round}`, until)));
      t.equal(all.filter(Boolean).length, 1, `attacks 5, round ${round}`);
    }
  });

  await t.test(
    'T5: one HTTP request may ask again by its assertion, when it has to begin anew; no other may',
    async (t) => {
      const assertions = createAssertions({
        db,
        issuer: ISSUER,
        fetchJson: async () => ({}),
        onFailure: () => undefined,
      });
      const clients = createClientCache(db, assertions);
      const form = assertionParameters(await by(ec, holder.id));
      const enter = (of: Record<string, string>) =>
        authenticateClient(clients, { authorization: undefined, form: of }, clock.now());
      const first = await enter(form);
      t.equal((await first.revalidate(null)).clientId, holder.id, 'read anew, and checked anew');
      t.equal((await enter(form)).id, first.id, 'the same request');
      await t.rejects(enter({ ...form }), { code: 'invalid_client' }, 'another one');
      const presented = { authorization: undefined, form: assertionParameters(await by(ec, holder.id)) };
      const without = authenticateClient(createClientCache(db), presented, clock.now());
      await t.rejects(without, { code: 'invalid_client' }, 'where no assertion is taken');
    },
  );

  await t.test('M4, M5: the metadata names what works, and no algorithm of a shared key', async (t) => {
    const metadata = (await (await startApp(db, { clock })).app.inject('/.well-known/openid-configuration')).json();
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      t.ok(metadata[`${endpoint}_endpoint_auth_methods_supported`].includes('private_key_jwt'), endpoint);
      t.same(metadata[`${endpoint}_endpoint_auth_signing_alg_values_supported`], ['ES256', 'PS256', 'RS256', 'EdDSA']);
    }
  });
});

await t.test(
  'RFC 7517 §5, §8.5.1 (T5, K3): jwks_uri: the keys are had from where the client publishes them, by the guarded fetch',
  async (t) => {
    const served: { keys: unknown[]; asked: number; status: number; accept?: string | undefined } = {
      keys: [],
      asked: 0,
      status: 200,
    };
    const server = createServer((request, response) => {
      served.asked++;
      served.accept = request.headers.accept;
      response
        .writeHead(served.status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ keys: served.keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const { clock, make, ask, by } = await assertionWorld(db, { SIGNET_FETCH_ALLOW: `127.0.0.1:${port}` });
    const [first, second] = [await clientKey('ES256'), await clientKey('EdDSA')];
    const remote = await make('Publishes its keys');
    await registerKeys(db, remote, { jwksUri: `http://127.0.0.1:${port}/jwks` });
    const status = async (key: ClientKey, kid: string) =>
      (await ask(assertionParameters(await by(key, remote.id, { header: { kid } })))).statusCode;

    const odd = [null, 'x', {}, { kty: 'FUTURE', kid: 'first' }, { ...second.jwk, kid: 'first', use: 'enc' }];
    served.keys = [...odd, { ...first.jwk, kid: 'first' }];
    t.same(await Promise.all([status(first, 'first'), status(first, 'first')]), [200, 200]);
    t.equal(served.asked, 1, 'who comes at once waits for one answer');
    t.match(served.accept, /^application\/jwk-set\+json/);

    served.keys.push({ ...second.jwk, kid: 'second' });
    t.equal(await status(second, 'second'), 401, 'K3: not asked again within 30 s, whatever is sent');
    t.equal(served.asked, 1);
    clock.pass(30);
    t.equal(await status(second, 'second'), 200, 'a new key is found then');
    t.equal(served.asked, 2);

    served.keys = served.keys.slice(-1);
    clock.pass(299);
    t.equal(await status(first, 'first'), 200, 'believed for five minutes');
    clock.pass(1);
    t.equal(await status(first, 'first'), 401, 'a key that was taken back is over then');
    t.equal(served.asked, 3);

    served.status = 500;
    clock.pass(300);
    t.equal(await status(second, 'second'), 200, "an outage of the client's: what was known goes on");
    clock.pass(3301);
    t.equal(await status(second, 'second'), 401, 'for an hour and no longer');
    served.status = 200;
    clock.pass(30);
    t.equal(await status(second, 'second'), 200, 'until it answers again');

    const inside = await make('Points inside');
    await registerKeys(db, inside, { jwksUri: `http://127.0.0.1:${port + 1}/jwks` });
    t.equal(
      (await ask(assertionParameters(await by(first, inside.id)))).statusCode,
      401,
      'row 57: no other port of this machine',
    );
  },
);

await t.test('jwks_uri: one failure is reported, and concurrent callers share one request', async (t) => {
  let answer: (value: unknown) => void = () => undefined;
  const failures: unknown[] = [];
  let asked = 0;
  const keys = createRemoteKeys<string>(
    () => {
      asked++;
      return new Promise((resolve, reject) => {
        answer = (value) => (value instanceof Error ? reject(value) : resolve(value));
      });
    },
    (document) => document as string[],
    (clientId, error) => failures.push([clientId, error]),
  );
  const now = new Date('2026-11-22T12:00:00Z');
  const later = (passed: number) => new Date(now.getTime() + passed * 1000);
  const some = (all: readonly string[]) => all.length > 0;
  const outage = new Error('no answer');
  const waiting = [keys.load('c', 'u', some, now), keys.load('c', 'u', some, now)];
  answer(outage);
  t.same(await Promise.all(waiting), [[], []]);
  t.same([asked, failures], [1, [['c', outage]]]);
  t.same(await keys.load('c', 'u', some, later(29)), []);
  t.equal(asked, 1);
  const again = keys.load('c', 'u', some, later(30));
  const other = keys.load('other', 'u', some, later(30));
  answer(['of the other']);
  t.same(await other, ['of the other'], 'each client has its own');
  t.equal(asked, 3);
  void again;
});
