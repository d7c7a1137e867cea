import { createHmac, createPublicKey } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assertionParameters, clientKey, makeAssertion, proofBy, registerKeys } from '../support/client-keys.ts';
import { onEachEngine } from '../support/database.ts';
import { openHttp } from '../support/http.ts';
import { ISSUER } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

// Assertions and proofs that nobody with the key has made, or made for this.

const TOKEN_URL = `${ISSUER}/oauth2/token`;

await onEachEngine(t, async (t, db) => {
  const world = await openWorld(db, { environment: { SIGNET_FETCH_ALLOW: '127.0.0.0/8' } });
  const { app, clock } = world;
  const second = await openWorld(db, { clock });
  t.teardown(() => second.app.close());
  const client = await world.client('A', { requests: [await world.api('polls')] });
  const { id } = client;
  const key = await clientKey('RS256');
  await registerKeys(db, client, { jwks: { keys: [{ ...key.jwk, kid: 'a' }] } });
  const ask = (fields: Record<string, string>, headers: Record<string, string> = {}, server = app) =>
    openHttp(server).form('/oauth2/token', { grant_type: 'client_credentials', ...fields }, headers);
  const made = (more: { claims?: object; header?: object } = {}, by = key) =>
    makeAssertion(by, id, { audience: ISSUER, now: clock.now(), ...more });
  const proof = (more: object = {}, by = key) =>
    proofBy(by, { method: 'POST', url: TOKEN_URL, now: clock.now(), ...more });
  const refused = async (t: Test, what: string, assertion: string) => {
    const answer = await ask(assertionParameters(assertion));
    t.same([answer.statusCode, answer.json().error], [401, 'invalid_client'], what);
  };
  const refusedProof = async (t: Test, what: string, dpop: string) => {
    const answer = await ask(assertionParameters(await made()), { dpop });
    t.same([answer.statusCode, answer.json().error], [400, 'invalid_dpop_proof'], what);
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  /** Listens where a header says that the key is; counts who comes. */
  const evil = { asked: 0, url: '' };
  const server = createServer((_request, response) => {
    evil.asked++;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  evil.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;

  await t.test('the scene: what is right is let in', async (t) => {
    t.equal((await ask(assertionParameters(await made()))).statusCode, 200);
    t.match((await ask(assertionParameters(await made()), { dpop: await proof() })).json(), { token_type: 'DPoP' });
  });

  await t.test(
    'attacks 5: an assertion counts once, at whichever process it comes again, and 50 at once are one',
    async (t) => {
      const assertion = await made();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, turn) =>
          ask(assertionParameters(assertion), {}, turn % 2 === 0 ? app : second.app),
        ),
      );
      t.same(answers.map((one) => one.statusCode).sort(), [200, ...Array(49).fill(401)]);
      t.ok(answers.every((one) => one.statusCode === 200 || one.json().error === 'invalid_client'));
      clock.pass(30);
      await refused(t, 'half a minute later', assertion);
    },
  );

  await t.test('attacks 5: a proof counts once likewise', async (t) => {
    const dpop = await proof();
    const assertions = await Promise.all(Array.from({ length: 50 }, () => made()));
    const answers = await Promise.all(
      assertions.map((one, turn) => ask(assertionParameters(one), { dpop }, turn % 2 === 0 ? app : second.app)),
    );
    t.equal(answers.filter((one) => one.statusCode === 200).length, 1);
    t.equal(answers.filter((one) => one.json().error === 'invalid_dpop_proof').length, 49);
  });

  await t.test('attacks 61: neither none nor a shared key made of the public one', async (t) => {
    const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }).toString();
    const secrets = [pem, pem.trim(), JSON.stringify(key.jwk), String(key.jwk.n), ''];
    const [, claims] = (await made()).split('.') as [string, string];
    const [, proofClaims] = (await proof()).split('.') as [string, string];
    for (const alg of ['none', 'None', 'HS256', 'HS384', 'HS512'])
      for (const secret of secrets) {
        const mac = (text: string) =>
          createHmac(`sha${/\d+/.exec(alg)?.[0] ?? 256}`, secret)
            .update(text)
            .digest('base64url');
        const input = `${part({ alg, kid: 'a' })}.${claims}`;
        await refused(t, alg, `${input}.${mac(input)}`);
        await refused(t, `${alg}, unsigned`, `${input}.`);
        const ofProof = `${part({ typ: 'dpop+jwt', alg, jwk: key.jwk })}.${proofClaims}`;
        await refusedProof(t, alg, `${ofProof}.${mac(ofProof)}`);
      }
  });

  await t.test('attacks 63: no key comes with what it signed, but the public one of a proof', async (t) => {
    const own = await clientKey('RS256');
    for (const header of [
      { jwk: own.jwk },
      { jku: evil.url },
      { x5u: evil.url },
      { x5c: ['AAAA'] },
      { jku: evil.url, kid: 'a' },
    ])
      await refused(t, Object.keys(header).join(), await made({ header }, own));
    t.equal(
      (await ask(assertionParameters(await made({ header: { jku: evil.url, kid: 'a' } })))).statusCode,
      200,
      'beside the right key it is nothing',
    );
    for (const header of [
      { jwk: undefined, jku: evil.url },
      { jwk: undefined, x5u: evil.url },
      { jwk: own.privateKey.export({ format: 'jwk' }) },
    ])
      await refusedProof(t, Object.keys(header).join(), await proof({ header }, own));
    t.equal(evil.asked, 0, 'and nothing was fetched');
  });

  await t.test('attacks 107: an assertion is not good for ever, and not yet', async (t) => {
    const now = Math.floor(clock.now().getTime() / 1000);
    for (const claims of [
      { exp: undefined },
      { exp: 0 },
      { exp: `${now + 60}` },
      { exp: 2 ** 53 },
      { iat: now + 3600 },
      { nbf: now + 3600 },
    ])
      await refused(t, JSON.stringify(claims), await made({ claims }));
    for (const iat of [undefined, 0, `${now}`, 2 ** 53, now + 3600])
      await refusedProof(t, `proof of ${iat}`, await proof({ claims: { iat } }));
  });
});
