import { randomUUID, sign } from 'node:crypto';
import { clientSettings } from '../../src/oauth/client-settings/index.ts';
import { Client, createProofs } from '../../src/oauth/index.ts';
import { updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { OAuthError } from '../../src/platform/http/index.ts';
import { type Alg, type ClientKey, clientKey, proofBy, seconds, signWith } from '../support/client-keys.ts';
import { onEachEngine, openTestEmbedded } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import type { Fields, Headers } from '../support/http.ts';
import { audit, ISSUER, masterKey } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const TOKEN_URL = `${ISSUER}/oauth2/token`;
const HAS_PERM_URL = `${ISSUER}/api/v1/has_perm`;
const ALGS = ['ES256', 'PS256', 'RS256', 'EdDSA'] as const;

/** What came of it: the key's thumbprint, or the code of the refusal. */
async function outcome(promise: Promise<{ jkt: string }>): Promise<string> {
  try {
    return (await promise).jkt;
  } catch (error) {
    if (error instanceof OAuthError) return error.code;
    throw error;
  }
}

await onEachEngine(t, async (t, db) => {
  const now = new Date('2026-11-22T12:00:00Z');
  const proofs = createProofs({ db, masterKey, isNonceRequired: false });
  const key = await clientKey('ES256');
  const of = { method: 'POST', url: 'https://id.example/oauth2/token' };
  const check = (proof: string, more: object = {}, at = now) => outcome(proofs.check(proof, { ...of, ...more }, at));
  const makeProof = (claims: object = {}, header: object = {}, by = key) => proofBy(by, { ...of, now, claims, header });
  const isRefused = async (t: Test, proof: string | Promise<string>, what: string, more?: object) =>
    t.equal(await check(await proof, more), 'invalid_dpop_proof', what);

  await t.test('RFC 9449 §4.3 (B3): a proof by each of the algorithms that are taken shows its key', async (t) => {
    for (const alg of ALGS) {
      const one = await clientKey(alg);
      t.equal(await check(await makeProof({}, {}, one)), one.jkt, alg);
      // What a key says of itself beside its parameters is nothing to go by.
      const jwk = { ...one.jwk, kid: 'k', use: 'enc', key_ops: ['sign'] };
      t.equal(await check(await makeProof({}, { jwk }, one)), one.jkt, `${alg}: the same thumbprint`);
      t.equal(await check(await makeProof({}, { jwk: { ...one.jwk, alg } }, one)), one.jkt, `${alg}: and for it`);
    }
  });

  await t.test('RFC 7517 §4.4, RFC 8725 §3.1 (B3): a key that is for one algorithm signs by no other', async (t) => {
    const one = (await clientKey('PS256')) as ClientKey;
    const weak = { ...one, alg: 'RS256' as const };
    await isRefused(t, makeProof({}, { jwk: { ...one.jwk, alg: 'PS256' } }, weak), 'for PS256, and RS256 was used');
    t.equal(await check(await makeProof({}, { jwk: one.jwk }, weak)), one.jkt, 'one that says nothing is for both');
    for (const alg of ['RS512', 'PS384', 'RSA-OAEP', 'none', 'rs256', '', null, 7, ['RS256']])
      await isRefused(t, makeProof({}, { jwk: { ...one.jwk, alg } }, weak), `for ${JSON.stringify(alg)}`);
  });

  await t.test('RFC 9864 §2.2 (B3): Ed25519 is the name of EdDSA by the one curve that is taken', async (t) => {
    const one = await clientKey('EdDSA');
    t.equal(await check(await makeProof({}, { jwk: { ...one.jwk, alg: 'Ed25519' } }, one)), one.jkt);
    for (const alg of ['Ed448', 'ES256', 'ed25519'])
      await isRefused(t, makeProof({}, { jwk: { ...one.jwk, alg } }, one), `for ${alg}`);
    await isRefused(t, makeProof({}, { jwk: { ...key.jwk, alg: 'Ed25519' } }), 'of a key of another kind');
  });

  await t.test(
    'RFC 9449 §4.3, RFC 7518 §3.3, §6, RFC 8725 §3.1, attacks 61 and 63 (B3): the header holds a public key for its algorithm, and no other way to one',
    async (t) => {
      const jwks = await Promise.all(ALGS.map(async (alg) => [alg, await clientKey(alg)] as const));
      const d = key.privateKey.export({ format: 'jwk' });
      await isRefused(t, makeProof({}, { jwk: d }), 'a private key');
      const rsa = (await clientKey('RS256')) as ClientKey;
      await isRefused(t, makeProof({}, { jwk: rsa.privateKey.export({ format: 'jwk' }) }, rsa), 'a private RSA key');
      await isRefused(t, makeProof({}, { jwk: { ...key.jwk, k: 'AAAA' } }), 'a shared key beside it');
      for (const [alg, other] of jwks.filter(([alg]) => alg !== 'ES256'))
        await isRefused(t, makeProof({}, { jwk: other.jwk }), `a key for ${alg}`);
      await isRefused(t, makeProof({}, { jwk: (await clientKey('ES256')).jwk }), "somebody else's key");
      for (const jwk of [
        undefined,
        null,
        'x',
        [],
        {},
        { kty: 'EC' },
        { kty: 'oct', k: 'AAAA' },
        { ...key.jwk, crv: 'P-384' },
      ])
        await isRefused(t, makeProof({}, { jwk }), JSON.stringify(jwk) ?? 'no jwk');
      for (const name of ['jku', 'x5u'])
        await isRefused(t, makeProof({}, { jwk: undefined, [name]: 'https://evil.example/jwks' }), name);
      t.equal(
        await check(await makeProof({}, { jku: 'https://evil.example/jwks' })),
        key.jkt,
        'jku beside a key is not looked at',
      );
      await isRefused(
        t,
        makeProof({}, { crit: ['exp'], exp: 1 }).catch(() => signWith(key, {}, {})),
        'crit',
      );
      const [, claims] = (await makeProof()).split('.') as [string, string];
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      for (const alg of ['none', 'nOnE', '', 'HS256', 'HS512', 'RS1', 'ES256K', 7])
        for (const signature of ['', 'AAAA'])
          await isRefused(t, `${part({ typ: 'dpop+jwt', alg, jwk: key.jwk })}.${claims}.${signature}`, `alg ${alg}`);
      const small = { n: Buffer.alloc(128, 0xc5).toString('base64url'), e: 'AQAB', kty: 'RSA' };
      await isRefused(t, `${part({ typ: 'dpop+jwt', alg: 'RS256', jwk: small })}.${claims}.AAAA`, 'RSA of 1,024 bits');
      const large = { ...small, n: Buffer.alloc(2048, 0xc5).toString('base64url') };
      await isRefused(t, `${part({ typ: 'dpop+jwt', alg: 'RS256', jwk: large })}.${claims}.AAAA`, 'RSA of 16,384 bits');
      await isRefused(
        t,
        makeProof({}, { jwk: { ...rsa.jwk, e: rsa.jwk.n } }, rsa),
        'an exponent as long as its modulus',
      );
    },
  );

  await t.test('RFC 9449 §4.3 (B3): typ, and what is no compact JWS', async (t) => {
    for (const typ of ['JWT', 'at+jwt', undefined, 'application/dpop+jwt', 'DPoP+jwt', 7])
      await isRefused(t, makeProof({}, { typ }), `typ ${typ}`);
    const good = await makeProof();
    const [head, claims, signature] = good.split('.') as [string, string, string];
    for (const text of [
      '',
      'x',
      `${good}, ${await makeProof()}`,
      `${good},`,
      ` ${good}`,
      `${good}=`,
      `${head}.${claims}`,
      `${good}.x`,
      `${head}.${claims}.${signature.slice(0, -4)}`,
      `${head}.e30.${signature}`,
      'a'.repeat(10_000),
    ])
      await isRefused(t, text, text.slice(-20));
    t.equal(await check(good), key.jkt, 'what it was made of is good');
  });

  await t.test(
    'RFC 9449 §4.3, RFC 3986 §6.2.2, §6.2.3 (B3): htm and htu are of this request; query, fragment and spelling do not matter',
    async (t) => {
      for (const htm of ['GET', 'post', '', undefined, ['POST']]) await isRefused(t, makeProof({ htm }), `htm ${htm}`);
      for (const htu of [
        'https://id.example/oauth2/token?a=b',
        'https://id.example/oauth2/token#x',
        'HTTPS://ID.example:443/oauth2/token',
        'https://id.example/oauth2/x/../token',
        'https://id.example/oauth2/%74oken',
      ])
        t.equal(await check(await makeProof({ htu })), key.jkt, htu);
      for (const htu of [
        'http://id.example/oauth2/token',
        'https://id.example/oauth2/token/',
        'https://id.example/oauth2/Token',
        'https://id.example:8443/oauth2/token',
        'https://evil.example/oauth2/token',
        'https://id.example@evil.example/oauth2/token',
        'https://u:p@id.example/oauth2/token',
        '/oauth2/token',
        'https://id.example/oauth2%2Ftoken',
        '',
        undefined,
        7,
        `https://id.example/oauth2/token?${'a'.repeat(2048)}`,
      ])
        await isRefused(t, makeProof({ htu }), String(htu).slice(0, 60));
    },
  );

  await t.test('RFC 9449 §11.1 (B3): iat is about now', async (t) => {
    const at = seconds(now);
    for (const iat of [at - 60, at - 10, at, at + 10, at + 60])
      t.equal(await check(await makeProof({ iat })), key.jkt, `${iat - at}`);
    for (const iat of [at - 61, at + 61, 0, String(at), undefined, null, 2 ** 53, at * 1000])
      await isRefused(t, makeProof({ iat }), `iat ${iat}`);
  });

  await t.test(
    'RFC 9449 §11.1, attacks 5 (B3): a proof counts once, whoever brings it, and for as long as it would be taken',
    async (t) => {
      const jti = randomUUID();
      t.equal(await check(await makeProof({ jti })), key.jkt);
      await isRefused(t, makeProof({ jti }), 'another proof of the same jti');
      const other = await clientKey('EdDSA');
      t.equal(await check(await makeProof({ jti }, {}, other)), other.jkt, "somebody else's jti");
      const early = await makeProof({ iat: seconds(now) + 60 });
      t.equal(await check(early), key.jkt);
      t.equal(await check(early, {}, new Date(now.getTime() + 120_000)), 'invalid_dpop_proof', 'two minutes later');
      const [row] = await db
        .fork()
        .execute('select max(extract(epoch from expires_at))::float8 as last from oauth_replay');
      t.equal((row as { last: number }).last, seconds(now) + 121);
      for (const wrong of ['', undefined, 7, 'j'.repeat(256)])
        await isRefused(t, makeProof({ jti: wrong }), `jti ${wrong}`);
      const proof = await makeProof();
      const all = await Promise.all(Array.from({ length: 50 }, () => check(proof)));
      t.equal(all.filter((one) => one === key.jkt).length, 1, '50 at once: one');
    },
  );

  await t.test('RFC 9449 §7.1 (B3): at a resource, for this token and by its key', async (t) => {
    const at = { accessToken: 'a.b.c', jkt: key.jkt };
    t.equal(await check(await proofBy(key, { ...of, now, accessToken: 'a.b.c' }), at), key.jkt);
    await isRefused(t, proofBy(key, { ...of, now, accessToken: 'a.b.d' }), 'for another token', at);
    await isRefused(t, makeProof(), 'for none', at);
    await isRefused(t, makeProof({ ath: 7 }), 'ath is a number', at);
    const stolen = await proofBy(await clientKey('ES256'), { ...of, now, accessToken: 'a.b.c' });
    t.equal(await check(stolen, at), 'invalid_token', 'by another key');
    t.equal(await check(await makeProof()), key.jkt, 'ath is looked at there only');
  });

  await t.test(
    'RFC 9449 §11.1: with a good nonce the clock of the client may be off, and a proof still counts once',
    async (t) => {
      const at = seconds(now);
      const nonce = proofs.nonce(now);
      for (const iat of [at - 86_400, at - 61, at, at + 61, at + 86_400]) {
        const proof = await makeProof({ iat, nonce });
        t.equal(await check(proof), key.jkt, `${iat - at} s`);
        await isRefused(t, proof, `${iat - at} s, a second time`);
      }
      for (const iat of [String(at), undefined, null]) await isRefused(t, makeProof({ iat, nonce }), `iat ${iat}`);
      // For as long as the nonce would be taken.
      const late = await makeProof({ iat: at - 86_400, nonce });
      t.equal(await check(late), key.jkt);
      const [{ until = 0 } = {}] = await db
        .fork()
        .execute<{ until: number }[]>('select extract(epoch from max(expires_at))::float8 as until from oauth_replay');
      t.ok(until >= at + 300, `remembered for ${until - at} s`);
    },
  );

  await t.test(
    'RFC 9449 §8 (B3): a nonce is good for its time and one after, in every process, and is demanded where it is required',
    async (t) => {
      const strict = createProofs({ db, masterKey, isNonceRequired: true });
      const ask = async (nonce: string | undefined, at: Date, by = strict) =>
        outcome(by.check(await proofBy(key, { ...of, now: at, nonce }), of, at));
      const later = (passed: number) => new Date(now.getTime() + passed * 1000);
      t.equal(await ask(undefined, now), 'use_dpop_nonce');
      const error = await strict.check(await makeProof(), of, now).catch((one: OAuthError) => one);
      t.match(error, { status: 400, headers: { 'dpop-nonce': strict.nonce(now) } }, 'and it is told which');
      const nonce = proofs.nonce(now);
      t.equal(nonce, strict.nonce(now), 'of the master key alone');
      t.match(nonce, /^[\w-]{24}$/);
      for (const passed of [0, 149, 150, 299]) t.equal(await ask(nonce, later(passed)), key.jkt, `after ${passed} s`);
      t.equal(await ask(nonce, later(300)), 'use_dpop_nonce');
      for (const wrong of ['', 'x', `${nonce}x`, nonce.toLowerCase()]) {
        t.equal(await ask(wrong, now), 'use_dpop_nonce', wrong);
        t.equal(await ask(wrong, now, proofs), 'use_dpop_nonce', `optional, and wrong: ${wrong}`);
      }
      t.equal(await ask(7 as never, now), 'use_dpop_nonce');
      t.not(createProofs({ db, masterKey: Buffer.alloc(32, 8), isNonceRequired: true }).nonce(now), nonce);
    },
  );
});

/** A service account that asks for tokens of `polls` and of Signet itself, with a secret, and serves `polls`. */
async function dpopWorld(db: Database, environment: Record<string, string> = {}) {
  const world = await openWorld(db, { environment });
  const { clock, http } = world;
  const polls = await world.api('polls');
  const worker = await world.client('Worker', { requests: [polls], serves: [polls] });
  const form = (endpoint: string, fields: Fields, headers: Headers = {}) =>
    http.oauth(endpoint, fields, worker, headers);
  const ask = (headers: Headers = {}) => form('token', { grant_type: 'client_credentials' }, headers);
  const proofFor = (key: ClientKey, url: string, more: object = {}, method = 'POST') =>
    proofBy(key, { method, url, now: clock.now(), ...more });
  const hasPerm = (headers: Headers) => http.json('/api/v1/has_perm', { perms: [] }, headers);
  return { ...world, polls, worker, form, ask, proofFor, hasPerm };
}

await onEachEngine(t, async (t, db) => {
  const service = await dpopWorld(db);
  const { app, polls, keys, worker, form, ask, proofFor, hasPerm } = service;
  const client = { id: worker.principal };
  const key = await clientKey('ES256');
  const bound = async () => (await ask({ dpop: await proofFor(key, TOKEN_URL) })).json().access_token as string;

  await t.test(
    'RFC 9449 §5, §6.1, §6.2, §8.2, RFC 7800 §3 (B3): a token that was asked for with a proof is bound to its key',
    async (t) => {
      const answer = await ask({ dpop: await proofFor(key, TOKEN_URL) });
      t.match([answer.statusCode, answer.json()], [200, { token_type: 'DPoP', expires_in: 600 }]);
      t.same(jwtClaims(answer.json().access_token).cnf, { jkt: key.jkt }, 'RFC 9449 §6.1');
      t.match(answer.headers['dpop-nonce'], /^[\w-]{24}$/, 'RFC 9449 §8.2: and what the next proof may hold');
      const introspection = await form('introspect', { token: answer.json().access_token });
      t.match(introspection.json(), { active: true, token_type: 'DPoP', cnf: { jkt: key.jkt } }, 'RFC 9449 §6.2');
      const plain = await ask();
      t.match(plain.json(), { token_type: 'Bearer' });
      t.same([jwtClaims(plain.json().access_token).cnf, plain.headers['dpop-nonce']], [undefined, undefined]);
    },
  );

  await t.test(
    'RFC 9449 §4.1, §5 (B3): a wrong proof, or two of them, gets no token, and is no reason to hand out an unbound one',
    async (t) => {
      const refusals: Record<string, string | string[]> = {
        'for another address': await proofFor(key, HAS_PERM_URL),
        'for another method': await proofFor(key, TOKEN_URL, {}, 'GET'),
        'for the address that a header claims': await proofFor(key, 'https://evil.example/oauth2/token'),
        'two headers': [await proofFor(key, TOKEN_URL), await proofFor(key, TOKEN_URL)],
        'an empty header': '',
        nonsense: 'x',
      };
      for (const [what, dpop] of Object.entries(refusals)) {
        const answer = await ask({ dpop, host: 'localhost', 'x-forwarded-host': 'evil.example' });
        t.match([answer.statusCode, answer.json().error], [400, 'invalid_dpop_proof'], what);
        t.match(answer.headers['dpop-nonce'], /^[\w-]{24}$/, what);
      }
      const proof = await proofFor(key, TOKEN_URL);
      t.equal((await ask({ dpop: proof })).statusCode, 200);
      t.equal((await ask({ dpop: proof })).json().error, 'invalid_dpop_proof', 'a second time');
      const wrongClient = await form(
        'token',
        { grant_type: 'client_credentials' },
        { dpop: proof, authorization: 'Basic YTpi' },
      );
      t.equal(wrongClient.json().error, 'invalid_client', 'the client comes first');
    },
  );

  await t.test('RFC 9449 §5.2 (B3): a client that is registered for bound tokens gets no other', async (t) => {
    await db.fork().transactional(async (tx) => {
      const one = await tx.findOneOrFail(Client, client.id);
      one.settings = { ...clientSettings(one), dpopBound: true };
      await tx.execute('update permissions_principal set perms_version = perms_version + 1 where id = ?', [client.id]);
    });
    t.same([(await ask()).statusCode, (await ask()).json().error], [400, 'invalid_request']);
    t.equal((await ask({ dpop: await proofFor(key, TOKEN_URL) })).statusCode, 200);
    await db.fork().transactional(async (tx) => {
      (await tx.findOneOrFail(Client, client.id)).settings = {};
      await tx.execute('update permissions_principal set perms_version = perms_version + 1 where id = ?', [client.id]);
    });
  });

  await t.test(
    'RFC 9449 §7.1 (B3): at has_perm a bound token comes by the scheme DPoP with a proof for it',
    async (t) => {
      const token = await bound();
      const dpop = await proofFor(key, HAS_PERM_URL, { accessToken: token });
      const answer = await hasPerm({ authorization: `DPoP ${token}`, dpop });
      t.same([answer.statusCode, answer.json()], [200, { results: {}, modules: {} }]);
      t.match(answer.headers['dpop-nonce'], /^[\w-]{24}$/);
      const again = await hasPerm({ authorization: `DPoP ${token}`, dpop });
      t.equal(again.statusCode, 401, 'a proof counts once');
      const next = await proofFor(key, HAS_PERM_URL, { accessToken: token, nonce: answer.headers['dpop-nonce'] });
      t.equal((await hasPerm({ authorization: `dpop ${token}`, dpop: next })).statusCode, 200, 'RFC 9110 §11.1');
    },
  );

  await t.test(
    'RFC 9449 §7.1 and §7.2 (B3): everything else is 401, with the challenge of the scheme DPoP',
    async (t) => {
      const token = await bound();
      const good = () => proofFor(key, HAS_PERM_URL, { accessToken: token });
      const unbound = (await ask()).json().access_token as string;
      const algs = 'algs="ES256 PS256 RS256 EdDSA"';
      const cases: [string, Record<string, string>, string][] = [
        ['as a bearer token', { authorization: `Bearer ${token}` }, 'invalid_token'],
        ['as a bearer token with a proof', { authorization: `Bearer ${token}`, dpop: await good() }, 'invalid_token'],
        [
          'an unbound one by DPoP',
          { authorization: `DPoP ${unbound}`, dpop: await proofFor(key, HAS_PERM_URL, { accessToken: unbound }) },
          'invalid_token',
        ],
        ['no token by DPoP', { authorization: 'DPoP x', dpop: await good() }, 'invalid_token'],
        ['without a proof', { authorization: `DPoP ${token}` }, 'invalid_dpop_proof'],
        [
          'for another token',
          { authorization: `DPoP ${token}`, dpop: await proofFor(key, HAS_PERM_URL, { accessToken: unbound }) },
          'invalid_dpop_proof',
        ],
        [
          'for the token endpoint',
          { authorization: `DPoP ${token}`, dpop: await proofFor(key, TOKEN_URL, { accessToken: token }) },
          'invalid_dpop_proof',
        ],
        [
          'by another key',
          {
            authorization: `DPoP ${token}`,
            dpop: await proofFor(await clientKey('EdDSA'), HAS_PERM_URL, { accessToken: token }),
          },
          'invalid_token',
        ],
        [
          'with a nonce of nobody',
          {
            authorization: `DPoP ${token}`,
            dpop: await proofFor(key, HAS_PERM_URL, { accessToken: token, nonce: 'x' }),
          },
          'use_dpop_nonce',
        ],
      ];
      for (const [what, headers, error] of cases) {
        const answer = await hasPerm(headers);
        t.match([answer.statusCode, answer.json().code], [401, 'invalid_token'], what);
        const challenge = answer.headers['www-authenticate'] as string;
        t.ok(
          challenge.startsWith(`DPoP error="${error}", error_description="`) && challenge.endsWith(`, ${algs}`),
          `${what}: ${challenge}`,
        );
      }
      t.equal(
        (await hasPerm({ authorization: `Bearer ${unbound}` })).statusCode,
        200,
        'an unbound one is a bearer token',
      );
      t.equal(
        (await hasPerm({ authorization: `DPoP ${token}`, dpop: await good() })).statusCode,
        200,
        'the scene is right',
      );
    },
  );

  await t.test('RFC 9449 §7.2 (B3): nor does the catalogue take a bound token from who has not its key', async (t) => {
    await updateApi(db.fork(), audit(), polls, { isCataloguePublic: false });
    const token = await bound();
    const url = '/.well-known/permissions?audience=polls';
    const bearer = await app.inject({ url, headers: { authorization: `Bearer ${token}` } });
    const dpop = await proofFor(key, `${ISSUER}/.well-known/permissions`, { accessToken: token }, 'GET');
    const proven = await app.inject({ url, headers: { authorization: `DPoP ${token}`, dpop } });
    t.same([bearer.statusCode, proven.statusCode], [401, 200]);
  });

  await t.test(
    'RFC 9449 §7.1, RFC 6750 §2, RFC 9700 §4.3.2 (B1, B3, B4): userinfo, by GET and POST, by one way and with a proof',
    async (t) => {
      await service.user('alice');
      // As the token endpoint would have signed it, had a proof come with the request.
      const { token: plain } = await service.http.logIn('alice', { audience: 'polls', scope: 'openid' });
      const signer = keys.signer('RS256');
      const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const text = `${encode({ typ: 'at+jwt', alg: 'RS256', kid: signer.kid })}.${encode({ ...jwtClaims(plain), cnf: { jkt: key.jkt } })}`;
      const token = `${text}.${sign('sha256', Buffer.from(text), signer.privateKey).toString('base64url')}`;
      const url = `${ISSUER}/oauth2/userinfo`;
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const ask = (method: 'GET' | 'POST', headers: Record<string, string>, payload?: string) =>
        app.inject({ method, url: '/oauth2/userinfo', headers, ...(payload === undefined ? {} : { payload }) });
      for (const method of ['GET', 'POST'] as const) {
        const dpop = await proofFor(key, url, { accessToken: token }, method);
        const answer = await ask(method, { authorization: `DPoP ${token}`, dpop });
        t.match([answer.statusCode, answer.json()], [200, { sub: jwtClaims(plain).sub }], method);
        t.match(answer.headers['dpop-nonce'], /^[\w-]{24}$/);
        const again = await ask(method, { authorization: `DPoP ${token}`, dpop });
        t.match(
          [again.statusCode, again.headers['www-authenticate']],
          [401, /^DPoP error="invalid_dpop_proof"/],
          method,
        );
        const bearer = await ask(method, { authorization: `Bearer ${token}` });
        t.match([bearer.statusCode, bearer.headers['www-authenticate']], [401, /^DPoP error="invalid_token"/], method);
      }
      const inForm = await ask('POST', form, new URLSearchParams({ access_token: token }).toString());
      t.match(
        [inForm.statusCode, inForm.headers['www-authenticate']],
        [401, /^DPoP error="invalid_token"/],
        'a form is a bearer',
      );
      t.equal((await ask('POST', form, new URLSearchParams({ access_token: plain }).toString())).statusCode, 200);
      const both = await ask(
        'POST',
        { ...form, authorization: `Bearer ${plain}` },
        new URLSearchParams({ access_token: plain }).toString(),
      );
      t.match([both.statusCode, both.json().error], [400, 'invalid_request'], 'two ways');
      const inQuery = await app.inject(`/oauth2/userinfo?access_token=${plain}`);
      t.match(
        [inQuery.statusCode, inQuery.headers['www-authenticate']],
        [401, 'Bearer'],
        'the query is no way (RFC 9700 §4.3.2)',
      );
    },
  );

  await t.test('RFC 9449 §5.1 (M4): the metadata names the algorithms of proofs', async (t) => {
    const metadata = (await app.inject('/.well-known/oauth-authorization-server')).json();
    t.same(metadata.dpop_signing_alg_values_supported, ['ES256', 'PS256', 'RS256', 'EdDSA'] satisfies Alg[]);
  });
});

await t.test(
  'RFC 9449 §8 and §9 (B3): SIGNET_DPOP_NONCE=required: no proof without a nonce, at the token endpoint and at resources',
  async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const { ask, proofFor, hasPerm } = await dpopWorld(db, { SIGNET_DPOP_NONCE: 'required' });
    const key = await clientKey('EdDSA');
    const first = await ask({ dpop: await proofFor(key, TOKEN_URL) });
    t.match([first.statusCode, first.json().error], [400, 'use_dpop_nonce']);
    const nonce = first.headers['dpop-nonce'] as string;
    const second = await ask({ dpop: await proofFor(key, TOKEN_URL, { nonce }) });
    t.equal(second.statusCode, 200);
    const token = second.json().access_token as string;
    const refused = await hasPerm({
      authorization: `DPoP ${token}`,
      dpop: await proofFor(key, HAS_PERM_URL, { accessToken: token }),
    });
    t.equal(refused.statusCode, 401);
    t.match(refused.headers, { 'www-authenticate': /^DPoP error="use_dpop_nonce"/, 'dpop-nonce': nonce });
    const dpop = await proofFor(key, HAS_PERM_URL, { accessToken: token, nonce });
    t.equal((await hasPerm({ authorization: `DPoP ${token}`, dpop })).statusCode, 200);
  },
);
