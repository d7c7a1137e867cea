import { execFile } from 'node:child_process';
import { argon2Sync, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import fc from 'fast-check';
import {
  ARGON2_ENGINE,
  type Argon2Engine,
  type Argon2Recipe,
  chooseEngine,
  loadNodeRs,
  loadReference,
} from '../../src/passwords/hashers/argon2-engine.ts';
import { hashPassword, needsUpgrade, readPassword, verifyPassword } from '../../src/passwords/passwords.ts';
import t from '../support/tap.ts';

const fast = await loadNodeRs();
const reference = await loadReference();

const recipe = (more: Partial<Argon2Recipe> = {}): Argon2Recipe => ({
  variety: 'argon2id',
  version: 0x13,
  parameters: { memoryKiB: 64, iterations: 1, parallelism: 1 },
  salt: Buffer.from('somesaltsomesalt'),
  tagBytes: 32,
  ...more,
});

const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
/** As Django keeps it. */
const encode = (
  { variety, version, parameters: { memoryKiB, iterations, parallelism }, salt }: Argon2Recipe,
  tag: Buffer,
) => `argon2$${variety}$v=${version}$m=${memoryKiB},t=${iterations},p=${parallelism}$${base64(salt)}$${base64(tag)}`;

t.test('docs/dependencies.md: this machine hashes with the fast package', async (t) => {
  t.equal(ARGON2_ENGINE.name, '@node-rs/argon2');
  t.equal((await chooseEngine()).name, ARGON2_ENGINE.name);
});

t.test(
  'RFC 9106 §3.1: both packages give the same bytes for every variety, version, lane and length of salt and tag',
  async (t) => {
    const passwords = [
      '',
      'pässword',
      'a\u0000b',
      '\u0000',
      'パスワード🔑',
      'e\u0301',
      'x'.repeat(1024),
      '🔑'.repeat(1024),
    ];
    const shapes = [
      { memoryKiB: 8, iterations: 1, parallelism: 1 },
      { memoryKiB: 67, iterations: 3, parallelism: 2 },
      { memoryKiB: 129, iterations: 2, parallelism: 3 },
      { memoryKiB: 512, iterations: 10, parallelism: 4 },
      { memoryKiB: 1024, iterations: 2, parallelism: 16 },
      { memoryKiB: 19_456, iterations: 2, parallelism: 1 },
      { memoryKiB: 102_400, iterations: 2, parallelism: 8 },
    ];
    for (const variety of ['argon2d', 'argon2i', 'argon2id'] as const)
      for (const version of [0x10, 0x13] as const)
        for (const [nth, parameters] of shapes.entries()) {
          const password = Buffer.from(passwords[nth] ?? '');
          const given = recipe({
            variety,
            version,
            parameters,
            salt: randomBytes(8 + nth * 13),
            tagBytes: 12 + nth * 8,
          });
          const tag = await fast.tag(password, given);
          const name = encode(given, tag);
          t.equal(tag.length, given.tagBytes, name);
          t.same(tag, await reference.tag(password, given), name);
        }
    for (const text of passwords) {
      const password = Buffer.from(text);
      const made = await fast.tag(password, recipe());
      t.same(made, await reference.tag(password, recipe()), JSON.stringify(text.slice(0, 9)));
      const { salt: nonce, tagBytes: tagLength } = recipe();
      t.same(
        made,
        argon2Sync('argon2id', { message: password, nonce, tagLength, memory: 64, passes: 1, parallelism: 1 }),
      );
    }
  },
);

t.test('property: whatever stored form is read, the packages agree on it, and so does what verifies it', async (t) => {
  const recipes = fc.record({
    variety: fc.constantFrom('argon2d' as const, 'argon2i' as const, 'argon2id' as const),
    version: fc.constantFrom(0x10 as const, 0x13 as const),
    parameters: fc
      .record({ lanes: fc.integer({ min: 1, max: 16 }), blocks: fc.integer({ min: 8, max: 40 }), odd: fc.nat(7) })
      .chain(({ lanes, blocks, odd }) =>
        fc.record({
          memoryKiB: fc.constant(lanes * blocks + odd),
          iterations: fc.integer({ min: 1, max: 4 }),
          parallelism: fc.constant(lanes),
        }),
      ),
    salt: fc.uint8Array({ minLength: 8, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    tagBytes: fc.integer({ min: 12, max: 64 }),
  });
  const agrees = fc.asyncProperty(recipes, fc.string({ unit: 'binary', maxLength: 300 }), async (given, text) => {
    const password = Buffer.from(text, 'utf8');
    const [tag, other] = await Promise.all([fast.tag(password, given), reference.tag(password, given)]);
    if (!tag.equals(other)) throw new Error(`${fast.name} and ${reference.name} differ`);
    const parsed = readPassword(encode(given, other));
    if (!parsed || !(await parsed.verify(password))) throw new Error('does not verify');
    if (await parsed.verify(Buffer.concat([password, Buffer.of(0)]))) throw new Error('another password verifies');
  });
  await t.resolves(fc.assert(agrees, { numRuns: 300 }));
});

t.test(
  'a package that does not load, or answers wrongly, is not chosen; without any Signet does not start',
  async (t) => {
    const missing = () => Promise.reject(new Error('Cannot find native binding.'));
    const off = async (): Promise<Argon2Engine> => ({ ...fast, name: 'off by one', tag: async () => Buffer.alloc(32) });
    const broken = async (): Promise<Argon2Engine> => ({ ...fast, tag: () => Promise.reject(new Error('Illegal.')) });
    for (const first of [missing, off, broken]) t.equal((await chooseEngine([first, loadReference])).name, 'argon2');
    t.equal((await chooseEngine([loadNodeRs, missing])).name, '@node-rs/argon2');
    await t.rejects(chooseEngine([missing, off]), {
      message: /No package can hash.*npm ci.*Cannot find native binding.*off by one gave a wrong answer/,
    });
  },
);

/** A process on a platform for which the fast package has no binary. */
const WITHOUT_FAST = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(specifier, context, next) {
    if (specifier === '@node-rs/argon2') throw new Error('Cannot find native binding.');
    return next(specifier, context);
  } });`)}`;

t.test('docs/dependencies.md: where the fast package has no binary, each reads what the other wrote', async (t) => {
  const own = await hashPassword('pässword');
  const hashers = (name: string) => JSON.stringify(new URL(`../../src/passwords/${name}`, import.meta.url));
  // The child process prints its answer for this one to read.
  const script = `
    const { ARGON2_ENGINE } = await import(${hashers('hashers/argon2-engine.ts')});
    const { hashPassword, readPassword, verifyPassword } = await import(${hashers('passwords.ts')});
    const verifies = await verifyPassword('pässword', readPassword(${JSON.stringify(own)}));
    console.log(JSON.stringify({ name: ARGON2_ENGINE.name, verifies, own: await hashPassword('pässword') }));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    '--import',
    WITHOUT_FAST,
    '--input-type=module',
    '-e',
    script,
  ]);
  const there = JSON.parse(stdout) as { name: string; verifies: boolean; own: string };
  t.match(there, { name: 'argon2', verifies: true });
  const parsed = readPassword(there.own);
  t.ok(parsed && (await verifyPassword('pässword', parsed)));
  t.notOk(parsed && (await verifyPassword('password', parsed)));
});

t.test(
  'parameters are read in the order of the reference (m, t, p) and in that of the package argon2 (m, p, t)',
  async (t) => {
    const given = recipe({ parameters: { memoryKiB: 19_456, iterations: 2, parallelism: 1 } });
    const usual = encode(given, await reference.tag(Buffer.from('pässword'), given));
    const other = usual.replace('t=2,p=1', 'p=1,t=2');
    t.not(other, usual);
    for (const encoded of [usual, other]) {
      const parsed = readPassword(encoded);
      if (!parsed) throw new Error(encoded);
      t.ok(await verifyPassword('pässword', parsed), encoded);
      t.notOk(await verifyPassword('password', parsed));
      t.same(parsed.argon2id, given.parameters);
      t.notOk(needsUpgrade(parsed), 'the order alone is no reason to hash again');
    }
    for (const wrong of ['m=64,t=1', 'm=64,p=1', 'm=64,t=1,t=1', 'm=64,p=1,p=1', 'm=64,p=1,t=1,p=1', 'p=1,m=64,t=1'])
      t.equal(readPassword(usual.replace('m=19456,t=2,p=1', wrong)), null, wrong);
    for (const more of [',keyid=AAAA', ',data=AAAA'])
      t.equal(readPassword(usual.replace('p=1$', `p=1${more}$`)), null, `${more}: such a hash is refused, as before`);
  },
);
