import { deflateSync } from 'node:zlib';
import { base64url, issuer, type JwsParts, jws, now, uri } from './jws.ts';

export const packStatuses = (bits: number, statuses: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(Math.ceil((statuses.length * bits) / 8));
  for (const [idx, status] of statuses.entries())
    bytes[Math.floor((idx * bits) / 8)] =
      (bytes[Math.floor((idx * bits) / 8)] as number) | (status << ((idx * bits) % 8));
  return bytes;
};
const deflateList = (bytes: Uint8Array) => base64url(deflateSync(bytes, { level: 9 }));
const twoBits = packStatuses(2, [0, 1, 2, 3, 0, 0, 0, 0]);
export const list = (claims: Record<string, unknown> = {}, making: JwsParts = {}) =>
  jws(
    {
      ...making,
      claims: {
        sub: uri,
        iat: now - 2,
        exp: now + 298,
        ttl: 5,
        status_list: { bits: 2, lst: deflateList(twoBits) },
        ...claims,
      },
    },
    'statuslist+jwt',
  );
const invalid = (name: string, token: string, error = 'status_list_malformed') => ({
  name,
  uri,
  now,
  token,
  expect: { error },
});
export const statusLists = [
  {
    name: 'two bits',
    uri,
    now,
    token: list(),
    expect: { size: 8, ttl_seconds: 5, statuses: [0, 1, 2, 3, 0, 0, 0, 0] },
  },
  {
    name: "the draft's example of one bit",
    ...{
      uri,
      now,
      token: list({ status_list: { bits: 1, lst: base64url(Buffer.from('78dadbb918000217015d', 'hex')) } }),
    },
    expect: { size: 16, ttl_seconds: 5, statuses: [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1] },
  },
  {
    name: "the draft's example of two bits",
    ...{
      uri,
      now,
      token: list({ status_list: { bits: 2, lst: base64url(Buffer.from('78da3be9f2130003df0207', 'hex')) } }),
    },
    expect: { size: 12, ttl_seconds: 5, statuses: [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3] },
  },
  {
    name: 'four and eight bits, ES256 and RS256',
    ...{
      uri,
      now,
      token: list(
        { status_list: { bits: 4, lst: deflateList(packStatuses(4, [0, 15, 2, 1])) } },
        { kid: 'test-es256' },
      ),
    },
    expect: { size: 4, ttl_seconds: 5, statuses: [0, 15, 2, 1] },
  },
  {
    name: 'a ttl of a day is five minutes',
    ...{ uri, now, token: list({ ttl: 86_400 }, { kid: 'test-rs256' }) },
    expect: { size: 8, ttl_seconds: 300, statuses: [0, 1, 2, 3, 0, 0, 0, 0] },
  },
  {
    name: 'empty',
    uri,
    now,
    token: list({ status_list: { bits: 2, lst: deflateList(Buffer.alloc(0)) } }),
    expect: { size: 0, ttl_seconds: 5, statuses: [] },
  },
  invalid('of another address', list({ sub: `${issuer}/status-lists/2` })),
  invalid('expired', list({ exp: now - 61 })),
  invalid('without exp', list({ exp: undefined })),
  invalid('exp as a string', list({ exp: String(now + 298) })),
  invalid('of the future', list({ iat: now + 61 })),
  invalid('without iat', list({ iat: undefined })),
  invalid('ttl 0', list({ ttl: 0 })),
  invalid('ttl as a string', list({ ttl: '5' })),
  invalid('three bits', list({ status_list: { bits: 3, lst: deflateList(twoBits) } })),
  invalid('without a list', list({ status_list: undefined })),
  invalid('lst that is no base64url', list({ status_list: { bits: 2, lst: 'a+b=' } })),
  invalid('lst that is not deflated', list({ status_list: { bits: 2, lst: base64url('not deflated') } })),
  invalid(
    'lst that is cut',
    list({ status_list: { bits: 2, lst: deflateList(Buffer.alloc(4096, 'list')).slice(0, -8) } }),
  ),
  invalid(
    'lst that goes on',
    list({ status_list: { bits: 2, lst: base64url(Buffer.concat([deflateSync(twoBits), Buffer.alloc(9)])) } }),
  ),
  invalid('typ of an access token', list({}, { header: { typ: 'at+jwt' } })),
  invalid('signed by a key of another', list({}, { kid: 'test-stranger', header: { kid: 'test-ed25519' } })),
  invalid('a member twice', jws({ claimsText: `{"sub":"x","sub":"${uri}"}` }, 'statuslist+jwt')),
  invalid(
    'a bomb: 16 MiB of zeros',
    list({ status_list: { bits: 2, lst: deflateList(Buffer.alloc(16 * 1024 * 1024)) } }),
    'status_list_too_large',
  ),
];
