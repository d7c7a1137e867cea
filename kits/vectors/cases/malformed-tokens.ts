import { createHash } from 'node:crypto';
import { bad, badHeader } from './entries.ts';
import { base64url, findTestKey, goodClaims, jws } from './jws.ts';

const plain = jws({});
const [head, body, tail] = plain.split('.') as [string, string, string];
const stranger = findTestKey('test-stranger').jwk;
const { d: _, ...strangerPublic } = stranger;
const hmacHead = base64url(JSON.stringify({ typ: 'at+jwt', alg: 'HS256', kid: 'test-rs256' }));

export const malformedTokens = [
  bad('empty', '', 'token_malformed'),
  bad('one dot', `${head}.${body}`, 'token_malformed'),
  bad('two dots and no signature', `${head}.${body}.`, 'token_malformed'),
  bad('five parts (JWE)', `${plain}.e30.e30`, 'token_malformed'),
  bad('a leading space', ` ${plain}`, 'token_malformed'),
  bad('a line feed at the end', `${plain}\n`, 'token_malformed'),
  bad('padding', `${plain}=`, 'token_malformed'),
  bad('base64, not base64url', `${head}.${body}.+${tail.slice(1)}`, 'token_malformed'),
  bad('a letter that is not ASCII', `${head}.é${body}.${tail}`, 'token_malformed'),
  bad('JSON serialization', JSON.stringify({ protected: head, payload: body, signature: tail }), 'token_malformed'),
  bad('flattened JSON with dots', `{"a":"${plain}"}`, 'token_malformed'),
  bad(
    'bits after the end of the signature',
    `${plain.slice(0, -1)}${tail.endsWith('A') ? 'B' : String.fromCharCode(tail.charCodeAt(tail.length - 1) + 1)}`,
    'token_malformed',
  ),
  bad('1 MB', { repeat: ['a', 1_048_576] }, 'token_too_large'),
  bad('a million dots', { repeat: ['.', 1_000_000] }, 'token_too_large'),
  bad('ten thousand dots', { repeat: ['.', 10_000] }, 'token_malformed'),
  bad('a header that is no JSON', jws({ headerText: 'x' }), 'token_malformed'),
  bad('a header that is an array', jws({ headerText: '[]' }), 'token_malformed'),
  bad('a payload that is a string', jws({ claimsText: '"x"' }), 'token_malformed'),
  bad('a payload that is no UTF-8', jws({ claimsText: Buffer.from('7b2261223a22ff227d', 'hex') }), 'token_malformed'),
  bad(
    'a payload with a byte order mark',
    jws({ claimsText: `\ufeff${JSON.stringify(goodClaims)}` }),
    'token_malformed',
  ),
  bad(
    'a payload nested a thousand deep',
    jws({ claimsText: `{"a":${'['.repeat(1000)}${']'.repeat(1000)}}` }),
    'token_malformed',
  ),
  bad('a claim twice', jws({ claimsText: `{"sub":"root",${JSON.stringify(goodClaims).slice(1)}` }), 'token_malformed'),
  bad(
    'a claim twice, once escaped',
    jws({ claimsText: `{"\\u0073ub":"root",${JSON.stringify(goodClaims).slice(1)}` }),
    'token_malformed',
  ),
  bad(
    'an inner member twice',
    jws({ claimsText: `{"status":{"a":1,"a":2},${JSON.stringify(goodClaims).slice(1)}` }),
    'token_malformed',
  ),
  bad(
    'a header member twice',
    jws({ headerText: '{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"test-ed25519"}' }),
    'token_malformed',
  ),

  bad(
    'alg none without a signature',
    `${base64url('{"typ":"at+jwt","alg":"none","kid":"test-rs256"}')}.${body}.`,
    'token_malformed',
  ),
  badHeader('alg none', { alg: 'none' }, 'token_wrong_algorithm'),
  badHeader('alg nOnE', { alg: 'nOnE' }, 'token_wrong_algorithm'),
  bad(
    'HS256 with the public key',
    `${hmacHead}.${body}.${base64url(createHash('sha256').update(hmacHead).digest())}`,
    'token_wrong_algorithm',
  ),
  badHeader('an algorithm that is a member of every object', { alg: 'constructor' }, 'token_wrong_algorithm'),
  badHeader('alg of another key', { alg: 'RS256' }, 'token_wrong_algorithm'),
  badHeader('alg as an array', { alg: ['EdDSA'] }),
  badHeader('without alg', { alg: undefined }),
  badHeader('crit', { crit: ['exp'] }),
  badHeader('crit, empty', { crit: [] }),
  badHeader('b64', { b64: false }),
  badHeader('zip', { zip: 'DEF' }),
  badHeader('PBES2 count', { p2c: 1_000_000_000 }),
  bad(
    'jwk with the key that signed',
    jws({ kid: 'test-stranger', header: { jwk: strangerPublic } }),
    'token_malformed',
  ),
  badHeader('jku', { jku: 'https://evil.example/jwks.json' }),
  badHeader('x5u', { x5u: 'https://evil.example/cert' }),
  badHeader('x5c', { x5c: ['MII'] }),
  badHeader('without typ', { typ: undefined }),
  badHeader('typ JWT where it is not admitted', { typ: 'JWT' }, 'token_wrong_type'),
  badHeader('typ of a log-out token', { typ: 'logout+jwt' }, 'token_wrong_type'),
  badHeader('typ of a status list', { typ: 'statuslist+jwt' }, 'token_wrong_type'),
  bad(
    'an ID token where JWT is admitted',
    jws({ header: { typ: 'JWT' }, claims: { nonce: 'n', client_id: undefined } }),
    'token_wrong_type',
    { typ: 'JWT' },
  ),
  bad(
    'a log-out token where JWT is admitted',
    jws({ header: { typ: 'JWT' }, claims: { events: {} } }),
    'token_wrong_type',
    { typ: 'JWT' },
  ),
  badHeader('without kid', { kid: undefined }),
  badHeader('kid as a number', { kid: 1 }),
  badHeader('an unknown kid', { kid: 'nobody' }, 'key_unknown'),
  badHeader('kid with a path', { kid: '../../dev/null' }, 'key_unknown'),
  badHeader('kid with SQL', { kid: "' or 1=1 --" }, 'key_unknown'),
  badHeader('kid __proto__', { kid: '__proto__' }, 'key_unknown'),
  badHeader('kid constructor', { kid: 'constructor' }, 'key_unknown'),
  badHeader('a kid of 300 characters', { kid: 'k'.repeat(300) }),
  bad(
    'signed by a stranger under a known kid',
    jws({ kid: 'test-stranger', header: { kid: 'test-ed25519' } }),
    'signature_invalid',
  ),
  bad('signed by a stranger under its own kid', jws({ kid: 'test-stranger' }), 'key_unknown'),
  bad(
    'another payload under the signature',
    `${head}.${base64url(JSON.stringify({ ...goodClaims, is_superuser: true }))}.${tail}`,
    'signature_invalid',
  ),
  bad('half a signature', `${head}.${body}.${tail.slice(0, 43)}`, 'token_malformed'),
  bad('a short signature', `${head}.${body}.${tail.slice(0, 40)}`, 'signature_invalid'),
];
