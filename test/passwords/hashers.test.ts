import { argon2Sync } from 'node:crypto';
import fc from 'fast-check';
import type { OverBound } from '../../src/passwords/index.ts';
import { readPassword, verifyPassword } from '../../src/passwords/passwords.ts';
import t from '../support/tap.ts';
import { GOLDEN, PASSWORDS } from './golden.ts';

const B64_32 = `${'A'.repeat(43)}=`;
const B64_64 = `${'A'.repeat(86)}==`;
const BCRYPT_TAIL = 'n6vV30L/qPrctOh6s.98Q.UyMBEIwub1VZlXoxpuw4VJPjzQdlWx.';
const ARGON2_TAIL = 'MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA';

function read(encoded: string) {
  const parsed = readPassword(encoded);
  if (parsed === null) throw new Error(`not read: ${encoded}`);
  return parsed;
}

t.test(
  'golden hashes (RFC 8018 §5.2): what was made for a password, that password and no other verifies',
  async (t) => {
    t.ok(GOLDEN.length > 100);
    for (const { by, form, password: name, encoded } of GOLDEN) {
      const parsed = read(encoded);
      const password = PASSWORDS[name];
      t.equal(parsed.overBounds, null);
      t.ok(await verifyPassword(password, parsed), `${form} of "${name}" by ${by}`);
      t.notOk(await verifyPassword(`x${password}`, parsed), `${form} of "${name}" by ${by}, another password`);
    }
  },
);

t.test('an imported hash is verified over the bytes as sent: not trimmed, not normalised, case kept', async (t) => {
  const attempts = {
    spaces: [PASSWORDS.spaces.trim(), PASSWORDS.spaces.trimEnd(), PASSWORDS.spaces.trimStart()],
    decomposed: [PASSWORDS.composed, PASSWORDS.decomposed.toUpperCase()],
    composed: [PASSWORDS.decomposed],
    compatibility: [PASSWORDS.compatibility.normalize('NFKC')],
  };
  for (const { form, password, encoded } of GOLDEN) {
    for (const attempt of (attempts as Record<string, string[]>)[password] ?? []) {
      t.notOk(await verifyPassword(attempt, read(encoded)), `${form} of "${password}"`);
    }
  }
});

t.test('bcrypt looks at the first 72 bytes only, as at the old Django; bcrypt_sha256 at all of them', async (t) => {
  const cut = Buffer.from(PASSWORDS.over72Bytes, 'utf8').subarray(0, 72);
  for (const [form, expected] of [['bcrypt', true] as const, ['bcrypt_sha256', false] as const]) {
    const golden = GOLDEN.find((row) => row.form === form && row.password === 'over72Bytes');
    const parsed = read(golden?.encoded ?? '');
    t.equal(await parsed.verify(cut), expected, form);
    t.equal(await parsed.verify(Buffer.concat([cut, Buffer.from('other end')])), expected, form);
    t.notOk(await parsed.verify(cut.subarray(0, 71)), form);
  }
});

t.test('a NUL byte does not end a password', async (t) => {
  for (const { form, encoded } of GOLDEN.filter((row) => row.password === 'nul')) {
    t.notOk(await verifyPassword('before', read(encoded)), form);
    t.notOk(await verifyPassword('before\u0000other', read(encoded)), form);
  }
});

t.test('a bare or unsalted digest is of Django unsalted_md5 and unsalted_sha1', async (t) => {
  t.equal(read('9cc2ae8a1ba7a93da39b46fc1019c481').algorithm, 'md5');
  t.equal(read('md5$$9cc2ae8a1ba7a93da39b46fc1019c481').algorithm, 'md5');
  t.equal(read('sha1$$abf7aad6438836dbe526aa231abde2d0eef74d42').algorithm, 'sha1');
});

t.test("a summary shows the cost and, as Django's safe_summary, only the beginning of salt and hash", async (t) => {
  t.same(read('pbkdf2_sha256$260000$LKEF5oghCSrF1lbA6Gbjci$jnuyNSqOuRkavDpcsoDXfH67ShU97RgeOyTfN6wpRdM=').summary(), {
    algorithm: 'pbkdf2_sha256',
    iterations: '260000',
    salt: 'LKEF5o****',
    hash: 'jnuyNS****',
  });
  for (const { form, encoded } of GOLDEN) {
    const shown = Object.values(read(encoded).summary()).join(' ');
    const hash = encoded.split('$').at(-1) ?? '';
    t.notMatch(shown, hash.slice(-8), form);
    t.ok(shown.length < 80, form);
  }
});

t.test('a hash at its bound is within, one step further is refused with its bound and never computed', async (t) => {
  const rows: [within: string, beyond: string, bound: OverBound['bound'], value: number][] = [
    [`pbkdf2_sha256$4000000$s$${B64_32}`, `pbkdf2_sha256$4000001$s$${B64_32}`, 'pbkdf2Iterations', 4_000_001],
    [`bcrypt$$2b$14$${BCRYPT_TAIL}`, `bcrypt$$2b$15$${BCRYPT_TAIL}`, 'bcryptCost', 15],
    [`bcrypt_sha256$$2b$14$${BCRYPT_TAIL}`, `bcrypt_sha256$$2b$31$${BCRYPT_TAIL}`, 'bcryptCost', 31],
    [`scrypt$131072$s$8$1$${B64_64}`, `scrypt$262144$s$8$1$${B64_64}`, 'scryptBytes', 268_435_456],
    [`scrypt$1024$s$8$16$${B64_64}`, `scrypt$1024$s$8$17$${B64_64}`, 'scryptParallelism', 17],
    [
      `argon2$argon2id$v=19$m=262144,t=2,p=1$${ARGON2_TAIL}`,
      `argon2$argon2id$v=19$m=262145,t=2,p=1$${ARGON2_TAIL}`,
      'argon2MemoryKiB',
      262_145,
    ],
    [
      `argon2$argon2i$v=19$m=512,t=10,p=1$${ARGON2_TAIL}`,
      `argon2$argon2i$v=19$m=512,t=11,p=1$${ARGON2_TAIL}`,
      'argon2Iterations',
      11,
    ],
    [
      `argon2$argon2id$v=19$m=512,t=1,p=16$${ARGON2_TAIL}`,
      `argon2$argon2id$v=19$m=512,t=1,p=17$${ARGON2_TAIL}`,
      'argon2Parallelism',
      17,
    ],
    [
      `argon2id_nfkc$v=19$m=512,t=10,p=1$${ARGON2_TAIL}`,
      `argon2id_nfkc$v=19$m=999999999999999,t=999999999999999,p=16$${ARGON2_TAIL}`,
      'argon2MemoryKiB',
      999_999_999_999_999,
    ],
  ];
  for (const [within, beyond, bound, value] of rows) {
    t.equal(read(within).overBounds, null, within);
    t.match(read(beyond).overBounds, { bound, value });
    t.equal(await read(beyond).verify(Buffer.from('any')), false);
  }
});

t.test('RFC 7914 §2, RFC 9106 §3.1: an empty, unknown or malformed text is not read', async (t) => {
  const md5 = '9cc2ae8a1ba7a93da39b46fc1019c481';
  const malformed = [
    '',
    ' ',
    '$',
    'plain text',
    `crypt$$ab1Hv2Lg7ltQo`,
    `pbkdf2_sha512$1000$s$${B64_64}`,
    md5.toUpperCase(),
    md5.slice(1),
    `${md5}0`,
    ` ${md5}`,
    `MD5$$${md5}`,
    `md5$a$b$${md5}`,
    `md5$${md5}`,
    `sha1$s$${md5}`,
    `md5$s\u0000$${md5}`,
    `md5$\ud800$${md5}`,
    `md5$${'s'.repeat(500)}$${md5}`,
    `pbkdf2_sha256$0$s$${B64_32}`,
    `pbkdf2_sha256$-1$s$${B64_32}`,
    `pbkdf2_sha256$+5$s$${B64_32}`,
    `pbkdf2_sha256$010$s$${B64_32}`,
    `pbkdf2_sha256$1e3$s$${B64_32}`,
    `pbkdf2_sha256$${'9'.repeat(16)}$s$${B64_32}`,
    `pbkdf2_sha256$10$$${B64_32}`,
    `pbkdf2_sha256$10$s$${B64_32.slice(0, -1)}`,
    `pbkdf2_sha256$10$s$${B64_32.replace('A=', 'B=')}`,
    `pbkdf2_sha256$10$s$${B64_32}$`,
    `pbkdf2_sha256$10$s$`,
    `pbkdf2_sha1$10$s$${B64_32}`,
    `bcrypt$2b$04$${BCRYPT_TAIL}`,
    `bcrypt$$2x$04$${BCRYPT_TAIL}`,
    `bcrypt$$2b$03$${BCRYPT_TAIL}`,
    `bcrypt$$2b$32$${BCRYPT_TAIL}`,
    `bcrypt$$2b$4$${BCRYPT_TAIL}`,
    `bcrypt$$2b$04$${BCRYPT_TAIL}x`,
    `$2b$04$${BCRYPT_TAIL}`,
    `scrypt$1000$s$8$1$${B64_64}`,
    `scrypt$1$s$8$1$${B64_64}`,
    `scrypt$65536$s$1$1$${B64_64}`,
    `scrypt$1024$s$8$0$${B64_64}`,
    `scrypt$1024$s$8$1$${B64_32}`,
    `argon2$argon2id$v=18$m=512,t=1,p=1$${ARGON2_TAIL}`,
    `argon2$argon2id$v=19$t=1,m=512,p=1$${ARGON2_TAIL}`,
    `argon2$argon2id$v=19$m=512,t=0,p=1$${ARGON2_TAIL}`,
    `argon2$argon2id$v=19$m=15,t=1,p=2$${ARGON2_TAIL}`,
    `argon2$argon2id$v=19$m=512,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA`,
    `argon2$argon2id$v=19$m=512,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAA`,
    `argon2$argon2id$v=19$m=512,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAB`,
    `argon2id$v=19$m=512,t=1,p=1$${ARGON2_TAIL}`,
    `argon2id_nfkc$m=512,t=1,p=1$${ARGON2_TAIL}`,
    `argon2id_nfkc$argon2id$v=19$m=512,t=1,p=1$${ARGON2_TAIL}`,
  ];
  for (const encoded of malformed) t.equal(readPassword(encoded), null, JSON.stringify(encoded.slice(0, 60)));
});

t.test('property: no text whatever makes reading throw, and none that was not hashed verifies', async (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      'pbkdf2_sha256',
      'scrypt',
      'argon2',
      'argon2id',
      'argon2id_nfkc',
      'bcrypt',
      'md5',
      'sha1',
      '2b',
      '!',
    ),
    fc.constantFrom('', '04', '1', '16', '1024', 'v=19', 'm=64,t=1,p=1', B64_32, B64_64, BCRYPT_TAIL, 'NaN', '-0'),
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9a-f]{32}$/),
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('$')),
  );
  const holds = fc.assert(
    fc.asyncProperty(texts, fc.string({ unit: 'binary' }), async (encoded, password) => {
      const parsed = readPassword(encoded);
      if (parsed === null) return;
      parsed.summary();
      if (await verifyPassword(`not this ${password}`, parsed)) throw new Error('verified');
    }),
    { numRuns: 2000 },
  );
  await t.resolves(holds);
});

t.test(
  'property: a golden hash with one character changed never verifies a wrong password, and never throws',
  async (t) => {
    // Cheap ones only, and digits are not inserted: a changed digit may cost more, but stays affordable.
    const cheap = GOLDEN.filter((row) => !/default|bound/.test(row.form));
    const change = fc.record({
      golden: fc.constantFrom(...cheap),
      place: fc.nat(),
      character: fc.constantFrom('$', '', '=', 'A', '/', '.', ' ', 'é', '0', '1', '!', ',', '-'),
    });
    const holds = fc.assert(
      fc.asyncProperty(change, async ({ golden, place, character }) => {
        const at = place % golden.encoded.length;
        const changed = golden.encoded.slice(0, at) + character + golden.encoded.slice(at + 1);
        const parsed = readPassword(changed);
        if (parsed === null) return;
        if (await verifyPassword('a wrong password', parsed)) throw new Error(changed);
      }),
      { numRuns: 500 },
    );
    await t.resolves(holds);
  },
);

t.test(
  "RFC 9106 §3.1: argon2d and argon2i of Django's older encodings verify, as another implementation made them",
  async (t) => {
    const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
    for (const variety of ['argon2d', 'argon2i', 'argon2id'] as const) {
      const nonce = Buffer.from('sixteen bytes ok');
      const options = { message: 'pässword', nonce, parallelism: 2, tagLength: 16, memory: 512, passes: 2 };
      const tag = argon2Sync(variety, options);
      const parsed = read(`argon2$${variety}$v=19$m=512,t=2,p=2$${base64(nonce)}$${base64(tag)}`);
      t.equal(await parsed.verify(Buffer.from('pässword')), true, variety);
      t.equal(await parsed.verify(Buffer.from('password')), false, variety);
      t.equal(parsed.argon2id === null, variety !== 'argon2id', 'only argon2id is kept when its owner logs in');
    }
  },
);
