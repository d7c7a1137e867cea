import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { toDer, toRaw } from '../../src/tokens/keys/ecdsa.ts';
import { type OpenKey, signBytes, verifyBytes } from '../../src/tokens/keys/signing-key.ts';
import t from '../support/tap.ts';

const bytes = Buffer.from('what is signed');
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { alg: 'ES256', ...pair } as unknown as OpenKey;

t.test('RFC 7518 §3.4: R and S are 32 bytes each, whatever they begin with; Node says the same of them', async (t) => {
  const shapes = new Set<number>();
  // One number in 256 begins with a zero byte; one in two has a zero put in front.
  for (let n = 0; n < 3000; n++) {
    const der = sign('sha256', bytes, pair.privateKey);
    const raw = toRaw(der);
    shapes.add(der.length);
    if (raw.length !== 64 || !verify('sha256', bytes, { key: pair.publicKey, dsaEncoding: 'ieee-p1363' }, raw))
      t.fail(`${der.toString('hex')} became ${raw.toString('hex')}`);
    if (!toDer(raw)?.equals(der)) t.fail(`${raw.toString('hex')} did not become ${der.toString('hex')} again`);
  }
  t.ok(
    [70, 71, 72].every((length) => shapes.has(length)),
    'numbers of every length were met',
  );
  const signature = sign('sha256', bytes, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  t.ok(verifyBytes(key, bytes, signature), 'what Node makes in the form of JOSE verifies');
});

t.test('RFC 7518 §3.4: short numbers are filled up, and written as DER wants them', async (t) => {
  const raw = Buffer.alloc(64);
  raw.set([0x80], 31);
  raw.set([0x7f, 0xff], 62);
  const der = Buffer.from([0x30, 8, 2, 2, 0, 0x80, 2, 2, 0x7f, 0xff]);
  t.same(toDer(raw), der);
  t.same(toRaw(der), raw);
  const half = () => {
    const zeros = fc.integer({ min: 0, max: 32 });
    return fc.tuple(fc.uint8Array({ minLength: 32, maxLength: 32 }), zeros).map(([of, count]) => of.fill(0, 0, count));
  };
  fc.assert(
    fc.property(half(), half(), (r, s) => {
      const both = Buffer.concat([r, s]);
      return toRaw(toDer(both) as Buffer).equals(both);
    }),
  );
});

t.test('RFC 7518 §3.4: a signature of another length, of zeros or with a bit changed is none', async (t) => {
  const good = signBytes(key, bytes);
  t.ok(verifyBytes(key, bytes, good));
  t.notOk(verifyBytes(key, Buffer.from('what is not signed'), good));
  for (const length of [0, 1, 32, 63]) t.notOk(verifyBytes(key, bytes, good.subarray(0, length)), `${length} bytes`);
  t.notOk(verifyBytes(key, bytes, Buffer.concat([good, Buffer.alloc(1)])), '65 bytes');
  t.notOk(verifyBytes(key, bytes, sign('sha256', bytes, pair.privateKey)), 'DER, which JOSE does not take');
  t.notOk(verifyBytes(key, bytes, Buffer.alloc(64)), 'CVE-2022-21449: zeros');
  t.notOk(verifyBytes(key, bytes, Buffer.alloc(64, 255)), 'larger than the order of the curve');
  t.notOk(verifyBytes(key, bytes, Buffer.concat([Buffer.alloc(32), good.subarray(32)])), 'R is zero');
  t.notOk(verifyBytes(key, bytes, Buffer.concat([good.subarray(0, 32), Buffer.alloc(32)])), 'S is zero');
  for (let n = 0; n < 64; n++) {
    const changed = Buffer.from(good);
    changed[n] = (changed[n] as number) ^ 1;
    if (verifyBytes(key, bytes, changed)) t.fail(`byte ${n} changed`);
  }
});
