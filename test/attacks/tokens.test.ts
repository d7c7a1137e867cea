import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSetupSecret, OneTimeToken } from '../../src/signin/index.ts';
import { User } from '../../src/users/index.ts';
import { openTestEmbedded } from '../support/database.ts';
import { PASSWORD, sessionCookie } from '../support/http.ts';
import t, { type Test } from '../support/tap.ts';
import { openUsers } from '../support/world.ts';

// Tokens, cookies and links that nobody was given. Each forgery is shown to every endpoint that takes tokens.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const { app, http, keys, clock, issuer, logIn, who, hasPerm, introspect } = await openUsers(db);

type Json = Record<string, unknown>;
const encode = (value: Json | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Json;

const good = await logIn('bob');
const [header, payload, signature] = good.token.split('.') as [string, string, string];
const head = decode(header);
const claims = decode(payload);
const key = keys.signer('RS256');

/** As Signet signs, with its own key: only what is said differs. */
function signed(said: Json | string, heading: Json | string = head, by: KeyObject = key.privateKey): string {
  const text = `${encode(heading)}.${encode(said)}`;
  return `${text}.${sign('sha256', Buffer.from(text), by).toString('base64url')}`;
}

async function refused(t: Test, name: string, token: string): Promise<void> {
  const bearer = await hasPerm(token);
  // RFC 6750 §3.1; a header that no bearer token can be is no token.
  t.equal(bearer.statusCode, 401, `${name}: has_perm`);
  t.match(bearer.headers['www-authenticate'], /^Bearer/, name);
  if (!/[^\x20-\x7e]/.test(token)) {
    const answer = await introspect(token);
    t.same([answer.statusCode, answer.json()], [200, { active: false }], `${name}: introspection`);
  }
}

t.test('the scene: the genuine token is taken, and so is one that this file signs', async (t) => {
  for (const token of [good.token, signed(claims)]) {
    t.equal((await hasPerm(token)).statusCode, 200);
    t.match((await introspect(token)).json(), { active: true, username: 'bob' });
  }
});

const wanted = { ...claims, is_superuser: true, sub: 'root', username: 'root' };

t.test('attacks 61: the header never chooses the verification (RFC 8725 §3.1, J3)', async (t) => {
  const jwk = key.publicKey.export({ format: 'jwk' });
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const secrets: Record<string, string | Buffer> = {
    pem,
    'pem, trimmed': pem.trim(),
    'pem, led by space': `\n ${pem}`,
    'pem, CRLF': pem.replaceAll('\n', '\r\n'),
    'pem, PKCS #1': key.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    der: key.publicKey.export({ type: 'spki', format: 'der' }),
    jwk: JSON.stringify(jwk),
    'the published jwk': JSON.stringify(key.publicJwk),
    modulus: String(jwk['n']),
    'modulus, bytes': Buffer.from(String(jwk['n']), 'base64url'),
    kid: key.kid,
    nothing: '',
  };
  for (const [name, secret] of Object.entries(secrets))
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS512', 'sha512'],
      ['RS256', 'sha256'],
      [' HS256', 'sha256'],
    ] as const) {
      const text = `${encode({ ...head, alg })}.${encode(wanted)}`;
      await refused(t, `${alg} by ${name}`, `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`);
    }
  for (const alg of [
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'none ',
    null,
    0,
    ['RS256'],
    'ES256',
    'RS512',
    'PS256',
    undefined,
  ])
    for (const end of ['', signature]) {
      const token = `${encode({ ...head, alg } as Json)}.${encode(wanted)}.${end}`;
      await refused(t, `alg ${JSON.stringify(alg)} ${end ? 'with the old signature' : 'unsigned'}`, token);
    }
});

t.test('attacks 63: a key that the token brings along, or names, is not used, and nothing is fetched', async (t) => {
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = own.publicKey.export({ format: 'jwk' });
  let fetched = 0;
  const trap = createServer((_request, response) => {
    fetched += 1;
    response.end(JSON.stringify({ keys: [jwk] }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => trap.once('listening', resolve));
  t.teardown(() => trap.close());
  const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`;
  const certificate = own.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  for (const more of [
    {},
    { jwk },
    { jwk: { ...jwk, kid: head['kid'] } },
    { jku: url },
    { x5u: url },
    { x5c: [certificate] },
    { crit: ['jwk'], jwk },
  ] as Json[])
    for (const kid of [
      head['kid'],
      'mine',
      undefined,
      url,
      '../../etc/passwd',
      "x' or 1=1 --",
      '__proto__',
      'constructor',
      0,
      null,
    ])
      await refused(
        t,
        JSON.stringify({ ...more, kid }).slice(0, 60),
        signed(wanted, { ...head, ...more, kid }, own.privateKey),
      );
  t.equal(fetched, 0, 'no outbound request');
  await refused(t, 'our key, a critical extension', signed(claims, { ...head, crit: ['exp'] }));
});

t.test('J3: another kind of token, a header or a claim set that is none', async (t) => {
  for (const typ of [
    'JWE',
    'id+jwt',
    'logout+jwt',
    'statuslist+jwt',
    'permissions+jwt',
    'at+jwt ',
    '',
    null,
    undefined,
  ])
    await refused(t, `typ ${typ}`, signed(claims, { ...head, typ }));
  for (const [name, said] of Object.entries({
    'no JSON': 'x',
    'an array': '[]',
    null: 'null',
    'another issuer': { ...claims, iss: 'https://evil.example' },
    'the issuer with a slash': { ...claims, iss: `${issuer}/` },
    'no client': { ...claims, client_id: undefined },
    'no API of ours': { ...claims, aud: 'elsewhere' },
    'audiences in a list': { ...claims, aud: ['polls'] },
    'somebody else under the same session': { ...claims, sub: '0196d3a0-0000-7000-8000-000000000000' },
    'a session that never was': { ...claims, sid: '0196d3a0-0000-7000-8000-000000000000' },
  }))
    await refused(t, name, signed(said as Json | string));
  for (const sub of [0, null, {}, "x' or '1'='1", 'x\0', 'x'.repeat(3000), '', ['a']])
    await refused(t, `sub ${JSON.stringify(sub).slice(0, 20)}`, signed({ ...claims, sub, sid: undefined }));
  for (const sid of [0, {}, "x' or '1'='1", 'x\0', '', []])
    await refused(t, `sid ${JSON.stringify(sid)}`, signed({ ...claims, sid }));
});

t.test('attacks 67: long, deep and sealed tokens cost nothing', async (t) => {
  const five = `${encode({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 1e9, p2s: 'AAAA' })}.AAAA.AAAA.AAAA.AAAA`;
  await refused(t, 'PBES2 with a billion rounds', five);
  await refused(t, 'a JWE that unzips', `${encode({ alg: 'dir', enc: 'A128GCM', zip: 'DEF' })}..AAAA.AAAA.AAAA`);
  await refused(t, 'zip in a JWS', signed(claims, { ...head, zip: 'DEF', b64: false, crit: ['b64'] }));
  for (const length of [100, 8193, 60_000]) {
    await refused(t, `${length} dots`, '.'.repeat(length));
    await refused(t, `${length} letters`, 'a'.repeat(length));
  }
  await refused(t, 'a token longer than the largest budget', signed({ ...claims, permissions: ['x'.repeat(8000)] }));
  await refused(t, 'nested 5,000 deep', signed(`{"iss":"${issuer}","x":${'['.repeat(2500)}${']'.repeat(2500)}}`));
});

t.test('attacks 107 (RFC 7519 §4.1.4): time claims that are missing, of another type, too far ahead', async (t) => {
  const now = Math.floor(clock.now().getTime() / 1000);
  const times: Json[] = [
    { exp: undefined },
    { exp: null },
    { exp: 0 },
    { exp: -1 },
    { exp: now - 1 },
    { exp: now },
    { exp: String(now + 600) },
    { exp: [now + 600] },
    { exp: true },
    { exp: 2 ** 53 },
    { exp: 1e300 },
    { exp: now + 86_400 },
    { iat: undefined },
    { iat: String(now) },
    { iat: now + 3600, exp: now + 4200 },
    { nbf: now + 3600 },
    { nbf: String(now) },
    { nbf: null },
  ];
  for (const time of times) await refused(t, JSON.stringify(time), signed({ ...claims, ...time }));
  await refused(
    t,
    'exp twice',
    signed(
      JSON.stringify(claims)
        .replace('{', `{"exp":${2 ** 40},`)
        .replace(/"exp":\d{10},/, '"exp":1e99,'),
    ),
  );
  await refused(t, 'exp of infinite size', signed(JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')));
  t.equal(
    (await hasPerm(signed({ ...claims, nbf: now, iat: now + 30, exp: now + 630 }))).statusCode,
    200,
    'a node half a minute ahead',
  );
  clock.pass(601);
  await refused(t, 'the genuine one, after its time', good.token);
  clock.pass(-601);
});

/** Every text that differs from this one in one character, by cutting, or by more. */
function* mutations(text: string, step = 1): Generator<string> {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (let i = 0; i < text.length; i += step) {
    const at = alphabet.indexOf(text[i] as string);
    // One bit, so that the unused bits of a last character are among them.
    for (const bit of at < 0 ? [0] : [1, 32])
      yield text.slice(0, i) + alphabet[at < 0 ? 0 : at ^ bit] + text.slice(i + 1);
    yield text.slice(0, i);
  }
  yield* [
    `${text}A`,
    `A${text}`,
    `${text}=`,
    `${text} `,
    `${text}.`,
    `${text}%00`,
    text.toUpperCase(),
    text.toLowerCase(),
    '*',
    '%',
  ];
}

t.test('attacks 73: a cookie with one bit changed, cut or extended is nobody', async (t) => {
  const { cookie } = await logIn('alice');
  t.equal(await who(cookie), 'alice');
  const [name, value] = cookie.split('=') as [string, string];
  let count = 0;
  for (const other of mutations(value)) {
    count += 1;
    // A blank at the end belongs to the header, not to the value.
    if (other.trim() !== value && (await who(`${name}=${other}`)) !== '') t.fail(`${other} for ${value}`);
  }
  t.ok(count > 120, `${count} were tried`);
  for (const near of [
    `${name.toUpperCase()}=${value}`,
    `x${name}=${value}`,
    `${name}x=${value}`,
    `__Host-${name}=${value}`,
    `__Secure-${name}=${value}`,
  ])
    t.equal(await who(near), '', near);
});

t.test('attacks 43: two cookies of the name are never two people', async (t) => {
  const [alice, bob] = [await logIn('alice'), await logIn('bob')];
  const both = await Promise.all([who(`${alice.cookie}; ${bob.cookie}`), who(`${alice.cookie}; ${bob.cookie}`)]);
  t.equal(both[0], both[1], 'the same one each time');
  const planted = `${alice.cookie.split('=')[0]}=${'A'.repeat(43)}`;
  const right = { username: 'bob', password: PASSWORD };
  const after = await http.json('/api/v1/login', right, { cookie: `${planted}; ${alice.cookie}` });
  t.equal(after.statusCode, 200);
  t.equal(await who(sessionCookie(after)), 'bob');
});

t.test('attacks 73: an access token with one bit changed, cut or extended is refused everywhere', async (t) => {
  let count = 0;
  for (const other of mutations(good.token, 3)) {
    if (other === good.token || other.trim() === good.token) continue;
    count += 1;
    if ((await hasPerm(other)).statusCode !== 401) t.fail(`has_perm takes ${other}`);
    if (count % 10 === 0 && (await introspect(other)).json().active !== false) t.fail(`introspection takes ${other}`);
  }
  t.ok(count > 500, `${count} were tried`);
});

t.test(
  'attacks 73: a setup link with one bit changed, cut or extended is used up, and the true one still works',
  async (t) => {
    await db.fork().nativeUpdate(User, { username: 'root' }, { isSuperuser: false });
    const secret = (await createSetupSecret(db.fork(), clock.now())) as string;
    const open = async (token: string) => (await app.inject(`/setup?token=${encodeURIComponent(token)}`)).statusCode;
    for (const other of [...mutations(secret), '', randomBytes(32).toString('base64url')])
      if ((await open(other)) !== 410) t.fail(other);
    const submit = (token: string) =>
      http.form('/setup', {
        token,
        username: 'chief',
        email: '',
        password: 'a phrase for the chief',
      });
    for (const other of [...mutations(secret, 5)]) t.equal((await submit(other)).statusCode, 410);
    t.equal(await db.fork().count(User, { username: 'chief' }), 0);
    t.equal(await open(secret), 200);
    const [link] = await db.fork().find(OneTimeToken, { purpose: 'setup', consumedAt: null });
    t.notOk(JSON.stringify(link).includes(secret), 'which is stored nowhere');
  },
);
