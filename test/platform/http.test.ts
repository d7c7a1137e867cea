import fc from 'fast-check';
import { acceptedWeight, prefersNamed, takesGzip } from '../../src/platform/http/index.ts';
import { readMediaType } from '../../src/platform/media-type.ts';
import t from '../support/tap.ts';

const read = (field: string) => {
  const media = readMediaType(field);
  return media && [media.essence, Object.fromEntries(media.parameters)];
};

t.test(
  'RFC 9110 §8.3.1, §5.6.6: a content type is read whatever its case, blanks, quotes and empty parameters',
  async (t) => {
    for (const [field, essence, parameters] of [
      ['application/json', 'application/json', {}],
      ['Application/JSON', 'application/json', {}],
      ['application/json;', 'application/json', {}],
      ['application/json ; ;; ', 'application/json', {}],
      ['application/json; Charset=UTF-8', 'application/json', { charset: 'UTF-8' }],
      ['application/json\t;\tcharset="utf-8"', 'application/json', { charset: 'utf-8' }],
      ['application/json;charset="ut\\f-8"', 'application/json', { charset: 'utf-8' }],
      [
        'application/json; odata=verbose; charset=us-ascii',
        'application/json',
        { odata: 'verbose', charset: 'us-ascii' },
      ],
      ['a/b; x="; charset=utf-16"', 'a/b', { x: '; charset=utf-16' }],
      ['a/b; x="a\\"b"; y=1', 'a/b', { x: 'a"b', y: '1' }],
      ['a/b; x=""', 'a/b', { x: '' }],
    ] as const)
      t.same(read(field), [essence, parameters], field);
  },
);

t.test('RFC 9110 §8.3.1, RFC 6838 §4.3: what is no content type, or could be taken for two, is none', async (t) => {
  for (const field of [
    '',
    ';',
    'application',
    'application/',
    '/json',
    ' application/json',
    'application /json',
    'application/ json',
    'application/json charset=utf-8',
    'application/json, text/plain',
    'application/json\ta',
    'application/json; charset',
    'application/json; charset=',
    'application/json; =utf-8',
    'application/json; charset =utf-8',
    'application/json; charset= utf-8',
    'application/json; charset="utf-8',
    'application/json; charset="utf-8"x',
    'application/json; charset=utf-8"',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset=utf-8; Charset="utf-8"',
    'application/json; charset=utf-8, application/json',
    'application/json\n',
    'application/json\u00e9',
    'ａpplication/json',
  ])
    t.equal(read(field), null, JSON.stringify(field));
});

t.test('RFC 9110 §5.6.6: whatever is sent as a content type is read, or is none, in one pass', async (t) => {
  const parts = fc.constantFrom('a/b', ';', ' ', '\t', 'x', '=', '"', '\\', ',', 'q=1', '; y="z"', 'é', '/');
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 40 }), (all) => {
      const media = readMediaType(all.join(''));
      return media === null || /^[a-z]+\/[a-z]+$/.test(media.essence);
    }),
  );
  for (const long of [' ;'.repeat(8000), '; '.repeat(8000), ';x="\\'.repeat(3000), `;x=${'"'.repeat(8000)}`])
    t.equal(read(`a/b${long}\n`), null, 'as long as a head may be');
});

t.test('RFC 9110 §12.5.1, §5.6.1: the signed form is for who names it, and does not like JSON better', async (t) => {
  const signed = [
    'application/jwt',
    'Application/JWT',
    'text/html, application/jwt;q=0.5',
    'application/jwt, application/json',
    '*/*, application/jwt',
    'text/x; a="b, application/json;q=1"; q=0.1, application/jwt;q=0.2',
  ];
  const plain = [
    undefined,
    '',
    '*/*',
    'application/json',
    'application/jwt;q=0',
    'application/json, application/jwt;q=0.9',
    'application/jwt;q=x',
    'application/jwt;q=1e0',
    'text/jwt',
    'application/*',
    'text/x; a=", application/jwt, "',
  ];
  for (const accept of signed) t.equal(prefersNamed(accept, 'application/jwt', 'application/json'), true, accept);
  for (const accept of plain)
    t.equal(prefersNamed(accept, 'application/jwt', 'application/json'), false, String(accept));
});

t.test('RFC 9110 §12.5.1: the range that fits best says how much a type is wanted', async (t) => {
  for (const [accept, weight] of [
    [undefined, 1],
    ['a/b', 1],
    ['A/B;q=0.5', 0.5],
    ['a/*', 1],
    ['*/*;q=0.1', 0.1],
    ['*/*, a/*;q=0.2, a/b;q=0.3', 0.3],
    ['*/*, a/b;q=0', 0],
    ['', 0],
    ['x/y', 0],
    ['a/b;q=2', 0],
  ] as const)
    t.equal(acceptedWeight(accept, 'a/b'), weight, String(accept));
  t.equal(takesGzip('gzip;q="1"'), true, 'one reader for all such fields');
});
