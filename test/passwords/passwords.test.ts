import {
  codePoints,
  DEFAULT_ARGON2,
  hashPassword,
  isUsable,
  MAX_CODE_POINTS,
  makeUnusable,
  needsUpgrade,
  readPassword,
  verifyPassword,
} from '../../src/passwords/passwords.ts';
import t from '../support/tap.ts';

const CHEAP = { memoryKiB: 64, iterations: 1, parallelism: 1 };
const STRONG_TAIL = 'MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA';

function read(encoded: string) {
  const parsed = readPassword(encoded);
  if (parsed === null) throw new Error(`not read: ${encoded}`);
  return parsed;
}

t.test(
  'ASVS 5 N4: a new hash is argon2id with m=19456, t=2, p=1, says so, and has a salt of 128 bits of its own',
  async (t) => {
    const [one, two] = await Promise.all([
      hashPassword('a long enough password'),
      hashPassword('a long enough password'),
    ]);
    t.match(one, /^argon2id_nfkc\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    t.not(one, two);
    t.ok(await verifyPassword('a long enough password', read(one)));
    t.notOk(await verifyPassword('a long enough passwore', read(one)));
    t.ok(one.length <= 128, "Django's own column would hold it");
  },
);

t.test(
  '800-63B-4 §3.1.1.2: a hash that Signet makes is over NFKC, so that every spelling of the password verifies',
  async (t) => {
    const composed = 'caf\u00e9 \ufb01ne \u2460';
    const parsed = read(await hashPassword(composed, CHEAP));
    for (const same of ['cafe\u0301 fine 1', composed, composed.normalize('NFD')])
      t.ok(await verifyPassword(same, parsed));
    for (const other of ['cafe fine 1', ` ${composed}`, `${composed} `, composed.toUpperCase()]) {
      t.notOk(await verifyPassword(other, parsed));
    }
  },
);

t.test('a password is never truncated, and may be empty or hold NUL', async (t) => {
  const long = '\u{1f511}'.repeat(MAX_CODE_POINTS);
  const parsed = read(await hashPassword(long, CHEAP));
  t.ok(await verifyPassword(long, parsed));
  t.notOk(await verifyPassword(long.slice(0, -2), parsed));
  for (const odd of ['', 'a\u0000b']) {
    const hash = read(await hashPassword(odd, CHEAP));
    t.ok(await verifyPassword(odd, hash));
    t.notOk(await verifyPassword('a', hash));
  }
});

t.test('800-63B-4 §3.1.1.2: each code point counts as one character', async (t) => {
  t.equal(codePoints(''), 0);
  t.equal(codePoints('abc'), 3);
  t.equal(codePoints('\u{1f511}\u{1f511}'), 2);
  t.equal(codePoints('e\u0301'), 2);
  t.equal(codePoints('\ud83d'), 1);
});

t.test('a cost that could not be read back is refused before anything is hashed', async (t) => {
  for (const wrong of [
    { memoryKiB: 262_145 },
    { iterations: 11 },
    { iterations: 0 },
    { parallelism: 17, memoryKiB: 1024 },
    { memoryKiB: 15, parallelism: 2 },
    { memoryKiB: 100.5 },
    { memoryKiB: Number.NaN },
  ]) {
    await t.rejects(hashPassword('x', { ...CHEAP, ...wrong }), RangeError);
  }
});

t.test(
  'ASVS 5 N4: argon2id at least as strong is kept, our own or imported; everything else is upgraded',
  async (t) => {
    const parameters = { memoryKiB: 1024, iterations: 3, parallelism: 2 };
    const kept = [
      `argon2id_nfkc$v=19$m=1024,t=3,p=2$${STRONG_TAIL}`,
      `argon2id_nfkc$v=19$m=2048,t=4,p=1$${STRONG_TAIL}`,
      `argon2$argon2id$v=19$m=1024,t=3,p=8$${STRONG_TAIL}`,
    ];
    const upgraded = [
      `argon2id_nfkc$v=19$m=1023,t=3,p=2$${STRONG_TAIL}`,
      `argon2id_nfkc$v=19$m=4096,t=2,p=2$${STRONG_TAIL}`,
      `argon2$argon2id$v=19$m=1024,t=2,p=8$${STRONG_TAIL}`,
      `argon2$argon2i$v=19$m=102400,t=5,p=2$${STRONG_TAIL}`,
      `argon2$argon2id$v=16$m=102400,t=5,p=2$${STRONG_TAIL}`,
      `argon2$argon2id$m=102400,t=5,p=2$${STRONG_TAIL}`,
      // Salts of Django before 3.2 had 12 characters.
      `argon2$argon2id$v=19$m=102400,t=5,p=2$MDEyMzQ1Njc4OWFi$AAAAAAAAAAAAAAAAAAAAAA`,
      'md5$s$9cc2ae8a1ba7a93da39b46fc1019c481',
    ];
    for (const encoded of kept) t.notOk(needsUpgrade(read(encoded), parameters), encoded);
    for (const encoded of upgraded) t.ok(needsUpgrade(read(encoded), parameters), encoded);
    t.notOk(needsUpgrade(read(`argon2id_nfkc$v=19$m=19456,t=2,p=1$${STRONG_TAIL}`), DEFAULT_ARGON2));
    t.notOk(needsUpgrade(read(makeUnusable()), parameters), 'an unusable password is never replaced');
  },
);

t.test('an unusable password is ! and 40 random characters, as of Django', async (t) => {
  const one = makeUnusable();
  t.match(one, /^![a-zA-Z0-9]{40}$/);
  t.not(one, makeUnusable());
  t.notOk(isUsable(one));
  t.equal(read(one).algorithm, 'unusable');
  t.same(read(one).summary(), { algorithm: 'unusable' });
  for (const attempt of ['', one, one.slice(1)]) t.notOk(await verifyPassword(attempt, read(one)));
});

t.test('usable is what some password could verify: malformed, unusable and over the bounds are not', async (t) => {
  t.ok(isUsable('9cc2ae8a1ba7a93da39b46fc1019c481'));
  t.ok(isUsable(await hashPassword('x', CHEAP)));
  for (const encoded of ['', '!', '!x', 'gibberish', `argon2$argon2id$v=19$m=262145,t=2,p=1$${STRONG_TAIL}`]) {
    t.notOk(isUsable(encoded), encoded);
  }
});
