import { createSecretKey } from 'node:crypto';
import { SEAL_BYTES, seal, sealingKey, unseal } from '../../src/platform/seal.ts';
import t from '../support/tap.ts';

const masterKey = Buffer.alloc(32, 7);
const key = sealingKey(masterKey, 'a');
const secret = Buffer.from('the private half');

t.test(
  'docs/keys.md, RFC 5116 §2.2: sealed bytes open under their key and in their form, and not when a bit was changed',
  async (t) => {
    for (const form of ['stored', 'token'] as const) {
      const sealed = seal(key, secret, form);
      t.equal(sealed.length, secret.length + SEAL_BYTES, form);
      t.same(unseal(key, sealed, form), secret, form);
      t.same(unseal(key, seal(key, Buffer.alloc(0), form), form), Buffer.alloc(0), 'an empty secret');
      t.notSame(seal(key, secret, form), sealed, 'another nonce each time');
      t.equal(unseal(sealingKey(masterKey, 'b'), sealed, form), null, 'another purpose');
      t.equal(unseal(sealingKey(Buffer.alloc(32, 8), 'a'), sealed, form), null, 'another master key');
      t.equal(unseal(key, sealed, form === 'stored' ? 'token' : 'stored'), null, 'the other form');
      for (let i = 0; i < sealed.length; i++) {
        const changed = Buffer.from(sealed);
        changed[i] = (changed[i] as number) ^ 1;
        t.equal(unseal(key, changed, form), null, `${form}: byte ${i}`);
      }
      for (const length of [0, 1, SEAL_BYTES - 1, SEAL_BYTES, sealed.length - 1])
        t.equal(unseal(key, sealed.subarray(0, length), form), null, `${form}: ${length} bytes`);
    }
  },
);

t.test('RFC 5116 §5.2: the cipher is AES-256-GCM: test case 14 of its specification opens', async (t) => {
  const [nonce, tag] = [Buffer.alloc(12), 'd0d1c8a799996bf0265b98b5d48ab919'];
  const sealed = Buffer.concat([Buffer.of(1), nonce, Buffer.from(`${tag}cea7403d4d606b6e074ec5d3baf39d18`, 'hex')]);
  t.same(unseal(createSecretKey(Buffer.alloc(32)), sealed), Buffer.alloc(16));
});
