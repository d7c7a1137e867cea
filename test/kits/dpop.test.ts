import { randomUUID } from 'node:crypto';
import { request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
// @ts-expect-error Express brings no types.
import express from 'express';
import fastify from 'fastify';
import { guard as guardExpress, userOf } from '../../kits/node/src/express.ts';
import { guard as guardFastify } from '../../kits/node/src/fastify.ts';
import { VerifierError, type VerifierOptions } from '../../kits/node/src/index.ts';
import { type ClientKey, clientKey, proofBy, seconds } from '../support/client-keys.ts';
import t, { type Test } from '../support/tap.ts';
import { codeOf, startIssuer } from './issuer.ts';

// RFC 9449 at a resource server: what a stolen token is worth there.

const URL_OF = 'https://api.example/choices';
const method = 'POST';

async function openResource(t: Test, options: Partial<VerifierOptions> = {}) {
  const stand = await startIssuer(t);
  const time = { now: Date.now() };
  const clock = { now: () => time.now, elapsed: () => performance.now() };
  const verifier = stand.verifier({ clock, ...options });
  const key = await clientKey('ES256');
  const bound = (to: ClientKey = key) => stand.token({ cnf: { jkt: to.jkt } });
  const proof = (token: string, more: object = {}, by = key) =>
    proofBy(by, { method, url: URL_OF, now: new Date(time.now), accessToken: token, ...more });
  const verify = (token: string, proof: string | string[] | undefined, url = URL_OF) =>
    codeOf(verifier.verify(token, { dpop: { proof, method, url } }));
  return { stand, time, verifier, key, bound, proof, verify };
}

const GOOD = 'nothing was refused';

await t.test('RFC 9449 §7.2 (B3): a bound token is refused without its key, by whatever call', async (t) => {
  const { stand, verifier, bound, proof, verify, key } = await openResource(t);
  const token = bound();
  t.equal(await codeOf(verifier.verify(token)), 'token_bound');
  t.equal(await codeOf(verifier.verify(token, {})), 'token_bound');
  t.equal(await codeOf(verifier.admit(`Bearer ${token}`)), 'token_bound');
  const dpop = { proof: await proof(token), method, url: URL_OF };
  t.equal(
    await codeOf(verifier.admit(`Bearer ${token}`, {}, { dpop })),
    'token_bound',
    'a proof does not help a bearer',
  );
  t.equal(await codeOf(verifier.admit(`DPoP ${token}`)), 'proof_missing');
  t.equal(await codeOf(verifier.admit(`DPoP ${token}`, {}, { dpop })), GOOD, 'and was not used up by it');
  t.equal((await verifier.verify(token, { dpop: { ...dpop, proof: await proof(token) } })).id, 'user-1');
  const unbound = stand.token();
  t.equal(await verify(unbound, await proof(unbound)), 'token_unbound');
  t.equal(await codeOf(verifier.verify(unbound)), GOOD);
  for (const cnf of [
    null,
    {},
    'x',
    { jkt: 7 },
    { jkt: '' },
    { 'x5t#S256': 'x' },
    { jkt: key.jkt, 'x5t#S256': 'x' },
    [],
  ])
    t.equal(await codeOf(verifier.verify(stand.token({ cnf }))), 'claims_malformed', JSON.stringify(cnf));
});

await t.test('RFC 9449 §4.3 (B3): a proof is for this token, this request, this moment, by this key', async (t) => {
  const { bound, proof, verify, time } = await openResource(t);
  const token = bound();
  for (const alg of ['ES256', 'PS256', 'RS256', 'EdDSA'] as const) {
    const other = await clientKey(alg);
    const theirs = bound(other);
    t.equal(await verify(theirs, await proof(theirs, {}, other)), GOOD, alg);
    t.equal(await verify(token, await proof(token, {}, other)), 'proof_wrong_key', alg);
  }
  const at = seconds(new Date(time.now));
  const wrong: Record<string, object> = {
    'no ath': { claims: { ath: undefined } },
    'of another token': { accessToken: bound() },
    'another method': { method: 'GET' },
    'another address': { url: 'https://api.example/other' },
    'another host': { url: 'https://evil.example/choices' },
    'no address': { url: 'choices' },
    'a minute old': { claims: { iat: at - 62 } },
    'of the future': { claims: { iat: at + 62 } },
    'iat is a text': { claims: { iat: String(at) } },
    'no jti': { claims: { jti: undefined } },
    'a jti without end': { claims: { jti: 'j'.repeat(256) } },
    'typ JWT': { header: { typ: 'JWT' } },
    'no typ': { header: { typ: undefined } },
    'no jwk': { header: { jwk: undefined } },
    "somebody else's jwk": { header: { jwk: (await clientKey('ES256')).jwk } },
    'jku for a key': { header: { jwk: undefined, jku: 'https://evil.example/jwks' } },
  };
  for (const [what, more] of Object.entries(wrong))
    t.equal(await verify(token, await proof(token, more)), 'proof_invalid', what);
  const right: Record<string, object> = {
    'a query and a fragment': { url: `${URL_OF}?a=b#c` },
    'another spelling': { url: 'HTTPS://api.EXAMPLE:443/%63hoices' },
    'ten seconds ahead': { claims: { iat: at + 10 } },
    'a nonce, which nobody here demands': { nonce: 'x' },
  };
  for (const [what, more] of Object.entries(right)) t.equal(await verify(token, await proof(token, more)), GOOD, what);
});

await t.test('RFC 9449 §4.3, attacks 61 and 63 (B3): private keys, shared keys, none', async (t) => {
  const { bound, proof, verify, key } = await openResource(t);
  const token = bound();
  const jwk = key.privateKey.export({ format: 'jwk' });
  t.equal(await verify(token, await proof(token, { header: { jwk } })), 'proof_invalid', 'a private key');
  const [, claims, signature] = (await proof(token)).split('.') as [string, string, string];
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const alg of ['none', 'HS256', '__proto__', 'constructor', '', 7])
    t.equal(
      await verify(token, `${part({ typ: 'dpop+jwt', alg, jwk: key.jwk })}.${claims}.${signature}`),
      'proof_invalid',
      `${alg}`,
    );
  const small = { kty: 'RSA', n: Buffer.alloc(128, 0xc5).toString('base64url'), e: 'AQAB' };
  t.equal(
    await verify(token, `${part({ typ: 'dpop+jwt', alg: 'RS256', jwk: small })}.${claims}.${signature}`),
    'proof_invalid',
  );
  for (const text of ['', 'x', 'a.b.c', `${await proof(token)}, ${await proof(token)}`, 'a'.repeat(1_000_000)])
    t.equal(await verify(token, text), 'proof_invalid', text.slice(0, 10));
  t.equal(await verify(token, [await proof(token), await proof(token)]), 'proof_invalid', 'two headers');
  t.equal(await verify(token, undefined), 'proof_missing');
  t.equal(await verify(token, []), 'proof_missing');
});

await t.test(
  'RFC 9449 §11.1 (B3): a proof counts once for as long as it would be taken, in bounded memory',
  async (t) => {
    const { bound, proof, verify, time } = await openResource(t, { maxProofs: 3 });
    const token = bound();
    const one = await proof(token, { claims: { iat: seconds(new Date(time.now)) + 59 } });
    const all = await Promise.all(Array.from({ length: 50 }, () => verify(token, one)));
    t.same(
      all.filter((code) => code !== 'proof_used'),
      [GOOD],
      '50 at once',
    );
    time.now += 118_000;
    t.equal(await verify(token, one), 'proof_used', 'two minutes later');
    const jti = randomUUID();
    t.equal(await verify(token, await proof(token, { claims: { jti } })), GOOD);
    t.equal(await verify(token, await proof(token, { claims: { jti } })), 'proof_used');
    t.equal(await verify(token, await proof(token)), GOOD);
    t.equal(await verify(token, await proof(token)), 'proofs_full', 'what could not be told apart is not let in');
    time.now += 122_000;
    t.equal(await verify(token, await proof(token)), GOOD, 'what is too old for anybody is forgotten');
    const stand = await startIssuer(t);
    t.throws(() => stand.verifier({ maxProofs: 0 }), TypeError);
    t.throws(() => stand.verifier({ url: 'ftp://api.example' }), TypeError);
  },
);

async function serveFastify(t: Test, stand: Awaited<ReturnType<typeof startIssuer>>, url?: string): Promise<string> {
  const app = fastify();
  const demand = {
    preHandler: guardFastify(stand.verifier(url === undefined ? {} : { url }), { perms: 'polls.add_choice' }),
  };
  app.get('/v1/choices', demand, async (request) => ({ id: userOf(request).id }));
  t.teardown(() => app.close());
  return app.listen({ port: 0, host: '127.0.0.1' });
}

async function serveExpress(t: Test, stand: Awaited<ReturnType<typeof startIssuer>>, url?: string): Promise<string> {
  const app = express();
  const router = express.Router();
  const demand = guardExpress(stand.verifier(url === undefined ? {} : { url }), { perms: 'polls.add_choice' });
  router.get('/choices', demand, (request: object, response: { json(body: unknown): void }) =>
    response.json({ id: userOf(request).id }),
  );
  app.use('/v1', router);
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** With a header as often as it is given. */
function get(url: string, headers: Record<string, string | string[]>) {
  return new Promise<{ status: number; challenge: string; code: string }>((resolve, reject) => {
    const request = ask(url, { agent: false, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const challenge = response.headers['www-authenticate'] ?? '';
        resolve({ status: response.statusCode ?? 0, challenge, code: JSON.parse(text).code });
      });
    });
    request.on('error', reject);
    request.end();
  });
}

for (const [framework, serve] of Object.entries({ Fastify: serveFastify, Express: serveExpress }))
  await t.test(`RFC 9449 §7.1 (B3): ${framework}, at the address that the service knows of itself`, async (t) => {
    const { stand, key } = await openResource(t);
    const base = await serve(t, stand, 'https://api.example/');
    const address = `${base}/v1/choices?page=2`;
    const token = stand.token({ cnf: { jkt: key.jkt } });
    const proof = (more: object = {}) =>
      proofBy(key, {
        method: 'GET',
        url: 'https://api.example/v1/choices',
        now: new Date(),
        accessToken: token,
        ...more,
      });
    const authorization = `DPoP ${token}`;
    t.match(await get(address, { authorization, dpop: await proof() }), { status: 200 });
    t.match(
      await get(address, { authorization: `Bearer ${stand.token()}`, dpop: 'x' }),
      { status: 200 },
      'a bearer needs none',
    );
    t.match(await get(address, { authorization: `Bearer ${token}` }), {
      status: 401,
      code: 'token_bound',
      challenge: /^DPoP error="invalid_token", error_description="[^"]+", algs="ES256 EdDSA RS256 PS256"$/,
    });
    t.match(await get(address, { authorization }), {
      status: 401,
      code: 'proof_missing',
      challenge: /^DPoP error="invalid_dpop_proof"/,
    });
    const twice = [await proof(), await proof()];
    t.match(await get(address, { authorization, dpop: twice }), { status: 401, code: 'proof_invalid' }, 'two headers');
    const here = await proof({ url: address });
    t.match(
      await get(address, { authorization, dpop: here, host: 'api.example' }),
      { status: 401, code: 'proof_invalid' },
      'not where a header says',
    );
    const expired = stand.token({ cnf: { jkt: key.jkt }, iat: 1, exp: 2 });
    t.match(await get(address, { authorization: `DPoP ${expired}`, dpop: await proof({ accessToken: expired }) }), {
      status: 401,
      code: 'token_expired',
      challenge: /^DPoP error="invalid_token", .*action="refresh", algs="/,
    });
    const poor = stand.token({ cnf: { jkt: key.jkt }, permissions: [] });
    t.match(await get(address, { authorization: `DPoP ${poor}`, dpop: await proof({ accessToken: poor }) }), {
      status: 403,
      code: 'permission_denied',
      challenge: /^DPoP error="insufficient_scope"/,
    });
    const unaware = await serve(t, stand);
    t.match(
      await get(`${unaware}/v1/choices`, { authorization, dpop: await proof() }),
      { status: 401, code: 'proof_unsupported' },
      'a service that does not know its address takes no bound token',
    );
  });

t.test('a refusal of a token that came with a proof is the same refusal', async (t) => {
  const error = new VerifierError('token_expired', { detail: 'why', cause: 'it' });
  t.match(error.withProofChallenge(), {
    code: 'token_expired',
    message: error.message,
    cause: 'it',
    action: 'refresh',
  });
});
