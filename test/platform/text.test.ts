import { base64urlLength, decodeBase64url, isUuid } from '../../src/platform/text.ts';
import t from '../support/tap.ts';

t.test('docs/tokens.md, RFC 7515 §2: base64url is read in one spelling only, without padding', async (t) => {
  for (let length = 0; length < 40; length++) {
    const bytes = Buffer.alloc(length, 0xfb);
    const text = bytes.toString('base64url');
    t.equal(base64urlLength(length), text.length);
    t.same(decodeBase64url(text), bytes);
  }
  for (const text of ['-_9', '-_8=', '+/8', '-_8\n', ' -_8', '-', '-_8.', '-_8é'])
    t.equal(decodeBase64url(text), null, text);
});

t.test('docs/tokens.md: ids in tokens are UUIDs in their canonical spelling', async (t) => {
  const id = '0196d3a0-0000-7000-8000-00000000000a';
  t.equal(isUuid(id), true);
  for (const text of ['', id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `${id}\n`, id.slice(1), '-'.repeat(36)])
    t.equal(isUuid(text), false, text);
});
