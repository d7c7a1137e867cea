import { createCipheriv, randomBytes } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { AuditEntry } from '../../src/audit/index.ts';
import { deriveKey } from '../../src/platform/digest.ts';
import {
  createKeyRing,
  draftAccessToken,
  ensureCurrentKey,
  openKeys,
  SigningKey,
  signAccessToken,
  type TokenRequest,
  verifyAccessToken,
} from '../../src/tokens/index.ts';
import { sealKey, unsealKey } from '../../src/tokens/keys/signing-key.ts';
import { deriveOpaqueKey, opaqueLength, openClaims, sealClaims } from '../../src/tokens/opaque.ts';
import { onEachEngine, openTestEmbedded } from '../support/database.ts';
import { testRights } from '../support/rights.ts';
import { audit, ISSUER, masterKey } from '../support/server.ts';
import t from '../support/tap.ts';

/** Sealed bytes as the first version of Signet wrote them, before both kinds had one writer. */
function firstSealed(kind: 'key' | 'token', key: Buffer, secret: string): Buffer {
  const [version, nonce] = [Buffer.of(1), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  if (kind === 'token') cipher.setAAD(Buffer.concat([version, nonce]));
  const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat(
    kind === 'token' ? [version, nonce, sealed, cipher.getAuthTag()] : [version, nonce, cipher.getAuthTag(), sealed],
  );
}

t.test('docs/keys.md: keys that were sealed by the first version of Signet open, each under its own id', async (t) => {
  const sealed = firstSealed('key', deriveKey(masterKey, 'seal:signing-key:a'), 'the private half');
  t.same(unsealKey(masterKey, { kid: 'a', privateSealed: sealed }), Buffer.from('the private half'));
  t.throws(() => unsealKey(masterKey, { kid: 'b', privateSealed: sealed }), { code: 'master_key_wrong' });
  const again = sealKey(masterKey, 'a', Buffer.from('the private half'));
  t.same(unsealKey(masterKey, { kid: 'a', privateSealed: again }), Buffer.from('the private half'));
});

t.test('docs/decisions/0009-opaque-tokens.md: opaque tokens of the first version of Signet open', async (t) => {
  const claims = { sub: 'zoë', exp: 1 };
  const sealed = firstSealed('token', deriveKey(masterKey, 'opaque-token'), JSON.stringify(claims));
  const [key, token] = [deriveOpaqueKey(masterKey), sealed.toString('base64url')];
  t.same(openClaims(key, token), claims);
  t.equal(token.length, opaqueLength(Buffer.byteLength(JSON.stringify(claims))));
  t.same(openClaims(key, sealClaims(key, claims)), claims);
  t.equal(openClaims(key, `${token}=`), null, 'in another spelling');
  t.equal(openClaims(deriveOpaqueKey(Buffer.alloc(32, 8)), token), null, 'of another master key');
});

await onEachEngine(t, async (t, db) => {
  await t.test('of many nodes that start at once on an empty database, one makes the key', async (t) => {
    await Promise.all(Array.from({ length: 4 }, () => ensureCurrentKey(db.fork(), audit(), masterKey, 'RS256')));
    const rows = await db.fork().findAll(SigningKey);
    t.equal(rows.length, 1);
    t.equal(await db.fork().count(AuditEntry, { objectKind: 'signingkey' }), 1, 'and says so once');
    const [row] = rows;
    t.equal(row?.kid, await calculateJwkThumbprint(row?.publicJwk as object), 'RFC 7638: the kid is the thumbprint');
    t.notMatch(
      Buffer.from(row?.privateSealed as Uint8Array).toString('latin1'),
      /PRIVATE|RSA/,
      'the private half is sealed',
    );
  });

  await t.test('another master key is named as such, not as a crash', async (t) => {
    await t.rejects(
      createKeyRing((open) => openKeys(db.fork(), Buffer.alloc(32, 1), open)),
      { code: 'master_key_wrong' },
    );
  });
});

const db = await openTestEmbedded();
t.teardown(() => db.close());
await ensureCurrentKey(db.fork(), audit(), masterKey, 'RS256');
const keys = await createKeyRing(() => openKeys(db.fork(), masterKey));
const now = new Date('2026-11-22T12:00:00Z');
const request = (names: string[], more: Partial<TokenRequest['api']> = {}): TokenRequest => ({
  issuer: ISSUER,
  api: {
    audience: 'polls',
    isBuiltin: false,
    typ: 'at+jwt',
    alg: 'RS256',
    tokenKind: 'jwt',
    format: 'list',
    overBudget: 'fail',
    ttlSeconds: 600,
    budgetBytes: 4096,
    withUsername: true,
    withSourceId: false,
    ...more,
  },
  clientId: 'signet',
  subject: { id: '0196d3a0-0000-7000-8000-000000000001', username: 'zoë', isStaff: false },
  rights: testRights(names),
  session: { id: '0196d3a0-0000-7000-8000-000000000002', authTime: now, amr: ['pwd'] },
  scope: undefined,
});

t.test(
  'RFC 7517 §4, §5, RFC 7518 §6 (K1): the published set holds public members only, each with kid, alg and use',
  async (t) => {
    const { keys: published } = JSON.parse(keys.jwks().body.toString());
    t.same(Object.keys(published[0]).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
    t.same([published[0].alg, published[0].use, published[0].kty], ['RS256', 'sig', 'RSA']);
    t.ok(Buffer.from(published[0].n, 'base64url').length >= 256, 'RSA of 2048 bits');
  },
);

t.test(
  'docs/tokens.md, RFC 7515 §2: the size is known before signing, to the byte, and none is over its budget',
  async (t) => {
    for (let count = 0; count < 150; count += 7) {
      const names = Array.from({ length: count }, (_, i) => `polls.do_thing_${i}_é`);
      const tokenRequest = request(names);
      const { excess, bytes } = draftAccessToken(keys, tokenRequest, now);
      if (excess) {
        t.ok(excess.bytes > 4096);
        t.throws(() => signAccessToken(keys, tokenRequest, now), /over its budget/);
        const larger = signAccessToken(keys, request(names, { budgetBytes: excess.bytes }), now);
        t.equal(larger.token.length, excess.bytes, `${count} permissions`);
        const smaller = request(names, { budgetBytes: excess.bytes - 1 });
        t.equal(draftAccessToken(keys, smaller, now).excess?.bytes, excess.bytes);
      } else t.same([signAccessToken(keys, tokenRequest, now).token.length, bytes <= 4096], [bytes, true]);
    }
  },
);

t.test('docs/tokens.md: claims of a superuser, an inactive user, an API without username', async (t) => {
  const claims = (tokenRequest: TokenRequest) => signAccessToken(keys, tokenRequest, now).claims;
  const superuser = claims({
    ...request(['b.x', 'a.x']),
    rights: testRights(['b.x', 'a.x'], { isSuperuser: true, isStaff: true }),
  });
  t.match(superuser, { is_superuser: true, is_staff: true, permissions: ['a.x', 'b.x'] });
  t.notOk('username' in claims(request([], { withUsername: false })));
  t.notOk('scope' in claims(request([])));
  t.equal(claims({ ...request([], { withSourceId: true }), sourceId: 42 }).source_id, 42);
  const own = claims({ ...request([], { isBuiltin: true, audience: 'signet' }) });
  t.equal(own.aud, ISSUER, "Signet's own API: aud = the issuer");
  const bare = claims({ ...request([]), session: null });
  t.notOk('sid' in bare || 'auth_time' in bare || 'amr' in bare);
});

t.test('J3: our own verification refuses what is not exactly ours', async (t) => {
  const { token } = signAccessToken(keys, request(['a.x']), now);
  const verify = (text: string, at = now) => verifyAccessToken(keys, ISSUER, text, at);
  const [header = '', payload = '', signature = ''] = token.split('.');
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = JSON.parse(Buffer.from(header, 'base64url').toString());
  t.ok(verify(token));
  t.equal(verify(token, new Date(now.getTime() + 600_000)), null, 'expired at exp');
  t.ok(verify(token, new Date(now.getTime() + 599_000)));
  t.equal(verifyAccessToken(keys, 'https://other.example', token, now), null, 'another issuer');
  const forged: Record<string, string> = {
    'alg none': `${encode({ ...head, alg: 'none' })}.${payload}.`,
    'alg nOnE': `${encode({ ...head, alg: 'nOnE' })}.${payload}.${signature}`,
    'alg HS256': `${encode({ ...head, alg: 'HS256' })}.${payload}.${signature}`,
    'unknown crit': `${encode({ ...head, crit: ['x'] })}.${payload}.${signature}`,
    'typ JWS': `${encode({ ...head, typ: 'logout+jwt' })}.${payload}.${signature}`,
    'unknown kid': `${encode({ ...head, kid: 'x' })}.${payload}.${signature}`,
    'kid __proto__': `${encode({ ...head, kid: '__proto__' })}.${payload}.${signature}`,
    'another payload': `${header}.${encode({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), is_superuser: true })}.${signature}`,
    'five parts': `${token}.a.b`,
    'two parts': `${header}.${payload}`,
    'white space': ` ${token}`,
    'JSON form': JSON.stringify({ payload, signature, protected: header }),
    empty: '',
    'thousands of dots': '.'.repeat(8000),
    '1 MB': 'a'.repeat(1_000_000),
    'a header that is no object': `${Buffer.from('[]').toString('base64url')}.${payload}.${signature}`,
  };
  for (const [what, text] of Object.entries(forged)) t.equal(verify(text), null, what);
  for (let i = 0; i < token.length; i += 3) {
    const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
    if (verify(changed) !== null) t.fail(`attacks 73: character ${i} changed and still accepted`);
  }
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const accepted = [...last].filter((character) => verify(token.slice(0, -1) + character) !== null);
  t.equal(accepted.length, 1, 'one spelling of a signature');
});
