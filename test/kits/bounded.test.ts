import { deflateSync } from 'node:zlib';
import { readStatusList } from '../../kits/node/src/index.ts';
import { readCompact, type Work } from '../../kits/node/src/jws.ts';
import { parseObject } from '../../kits/node/src/strict-json.ts';
import t from '../support/tap.ts';
import { codeOf, startIssuer } from './issuer.ts';

// Rows 61 and 67, J3, S5: what is refused costs bounded work, counted and not timed.

const CODES = { tooLarge: 'token_too_large', malformed: 'token_malformed' } as const;
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

await t.test('row 67: reading a token stops at the first character that does not belong', async (t) => {
  const cases: [string, string, number, string][] = [
    ['a megabyte', 'a'.repeat(1_048_576), 0, 'token_too_large'],
    ['a million dots', '.'.repeat(1_000_000), 0, 'token_too_large'],
    ['sixteen thousand dots', '.'.repeat(16_000), 3, 'token_malformed'],
    ['a space first', ` ${'a'.repeat(16_000)}`, 1, 'token_malformed'],
    ['no dot at all', 'a'.repeat(16_384), 16_384, 'token_malformed'],
  ];
  for (const [name, token, charactersRead, code] of cases) {
    const work: Work = { charactersRead: 0, bytesInflated: 0 };
    t.equal(await codeOf((async () => readCompact(token, 16_384, CODES, work))()), code, name);
    t.equal(work.charactersRead, charactersRead, `${name}: characters read`);
  }
});

await t.test('S5: a bomb is inflated until there is more than a list may have, and no further', async (t) => {
  const iat = Math.floor(Date.now() / 1000);
  const uri = 'https://id.example/status-lists/1';
  const bomb = (bytes: number) => {
    const lst = deflateSync(Buffer.alloc(bytes), { level: 9 }).toString('base64url');
    const claims = { sub: uri, iat, exp: iat + 300, ttl: 5, status_list: { bits: 2, lst } };
    return `${base64url({ typ: 'statuslist+jwt', alg: 'EdDSA', kid: 'k' })}.${base64url(claims)}.AAAA`;
  };
  for (const megabytes of [4, 64]) {
    const work: Work = { charactersRead: 0, bytesInflated: 0 };
    const read = readStatusList(bomb(megabytes * 1024 * 1024), uri, async () => true, Date.now(), work);
    t.equal(await codeOf(read), 'status_list_too_large');
    t.ok(work.bytesInflated > 2 * 1024 * 1024, 'counted');
    t.ok(work.bytesInflated <= 2 * 1024 * 1024 + 64 * 1024, `${work.bytesInflated} bytes of ${megabytes} MiB`);
  }
  const unsigned: Work = { charactersRead: 0, bytesInflated: 0 };
  const read = readStatusList(bomb(4096), uri, async () => false, Date.now(), unsigned);
  t.equal(await codeOf(read), 'status_list_malformed');
  t.equal(unsigned.bytesInflated, 0, 'nothing is inflated before the signature is right');
});

await t.test('S5: an answer without an end is cut off', async (t) => {
  const stand = await startIssuer(t);
  let sent = 0;
  for (const path of ['/status-lists/1', '/.well-known/jwks.json'])
    stand.answers.set(path, (_, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'a');
      response.writeHead(200, { 'content-type': 'application/statuslist+jwt' });
      const more = () => {
        while (!response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', more);
      more();
    });
  t.equal(await codeOf(stand.verifier().verify(stand.token())), 'keys_unavailable');
  t.ok(sent < 16 * 1024 * 1024, `${sent} bytes were taken`);
});

await t.test('J3: an answer that never comes is given up', async (t) => {
  const stand = await startIssuer(t);
  const jwks = stand.answers.get('/.well-known/jwks.json');
  stand.answers.set('/.well-known/jwks.json', () => undefined);
  t.equal(await codeOf(stand.verifier({ timeoutMs: 200 }).verify(stand.token())), 'keys_unavailable');
  stand.answers.set('/.well-known/jwks.json', (_, response) => {
    response.writeHead(200).write('{');
  });
  t.equal(await codeOf(stand.verifier({ timeoutMs: 200 }).verify(stand.token())), 'keys_unavailable', 'nor its end');
  if (jwks) stand.answers.set('/.well-known/jwks.json', jwks);
  t.equal((await stand.verifier({ timeoutMs: 5000 }).verify(stand.token())).id, 'user-1');
});

await t.test(
  'strict JSON: what JSON.parse reads is read alike, members that are there twice are refused',
  async (t) => {
    const read = (text: string) => parseObject(Buffer.from(text));
    for (const text of [
      '{}',
      '{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}',
      '{"a":"{\\"a\\":1,\\"a\\":2}"}',
      '{"a\\"":1,"a":2}',
      '{"a" : ":" , "b":["a","a","b"]}',
      '{"__proto__":1,"constructor":2}',
    ])
      t.same(JSON.stringify(read(text)), JSON.stringify(JSON.parse(text)), text);
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":1}',
      '{"x":{"a":1,"b":2,"a":3}}',
      '{"x":[[{"a":1,"a":2}]]}',
      '{"a":1 , "a" : 2}',
      '[]',
      'null',
      '"a"',
      '1',
      '',
      '{"a":1}x',
      `{"a":${'['.repeat(17)}${']'.repeat(17)}}`,
      '{"a',
      '{"a\\',
    ])
      t.equal(read(text), undefined, text);
  },
);
