import { compactJws, decodeJsonPart, signingInput, splitJws } from '../../src/platform/jws.ts';
import t from '../support/tap.ts';

const header = { typ: 'x', alg: 'ES256' };
const input = 'eyJ0eXAiOiJ4IiwiYWxnIjoiRVMyNTYifQ.eyJhIjoiw6kifQ';

t.test('RFC 7515 §5.1, §7.1: header, payload and signature are joined by dots, in base64url', async (t) => {
  t.equal(signingInput(header, { a: 'é' }), input);
  t.equal(signingInput(header, Buffer.from('{"a":"é"}')), input, 'a payload that is JSON already');
  const token = compactJws(input, Buffer.from([0xfb, 0xff]));
  t.equal(token, `${input}.-_8`);
  const parts = splitJws(token, 100);
  t.same(parts, { head: input.split('.')[0], payload: input.split('.')[1], signature: '-_8' });
  t.same(decodeJsonPart(parts?.head ?? ''), header);
  t.same(decodeJsonPart(parts?.payload ?? ''), { a: 'é' });
  t.equal(splitJws(token, token.length - 1), null, 'too long');
  for (const text of ['', 'a.b', 'a.b.c.d', 'a..c', 'a.b.c=', ' a.b.c', 'a.b.c\n'])
    t.equal(splitJws(text, 100), null, text);
});

t.test('RFC 7519 §7.2: a part is a JSON object in UTF-8, or is not read at all', async (t) => {
  const read = (bytes: string | number[]) => decodeJsonPart(Buffer.from(bytes as string).toString('base64url'));
  t.same(read('{}'), {});
  for (const text of ['', 'x', '[]', 'null', '"a"', '1', '{"a":1', '\ufeff{}']) t.equal(read(text), null, text);
  const quoted = (...bytes: number[]) => [...Buffer.from('{"a":"'), ...bytes, ...Buffer.from('"}')];
  t.same(read(quoted(0xc3, 0xa9)), { a: 'é' });
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]])
    t.equal(read(quoted(...bytes)), null, Buffer.from(bytes).toString('hex'));
});
