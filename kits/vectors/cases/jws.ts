import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const folder = join(import.meta.dirname, '..');
export const issuer = 'https://id.example';
export const audience = 'polls';
export const now = 1_800_000_000;
export const uri = `${issuer}/status-lists/1`;

type Alg = 'RS256' | 'ES256' | 'EdDSA';
interface TestKey {
  readonly alg: Alg;
  readonly kid: string;
  readonly jwk: Record<string, string>;
}
export const testKeys = JSON.parse(readFileSync(join(folder, 'test-keys.json'), 'utf8')) as { keys: TestKey[] };
export const findTestKey = (kid: string) => testKeys.keys.find((one) => one.kid === kid) as TestKey;
const existingVectors = ['tokens.json', 'status-lists.json']
  .map((name) => join(folder, name))
  .map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : ''))
  .join('\n');

export const base64url = (text: string | Uint8Array) => Buffer.from(text as string).toString('base64url');

function signature(input: string, { alg, jwk }: TestKey): string {
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const dsaEncoding = 'ieee-p1363';
  const data = Buffer.from(input);
  const hash = alg === 'EdDSA' ? null : 'sha256';
  const position = alg === 'ES256' ? existingVectors.indexOf(`"${input}.`) : -1;
  if (position !== -1) {
    const existingSignature = existingVectors.slice(
      position + input.length + 2,
      existingVectors.indexOf('"', position + 1),
    );
    const key = createPublicKey(privateKey);
    if (verify(hash, data, { key, dsaEncoding }, Buffer.from(existingSignature, 'base64url'))) return existingSignature;
  }
  return sign(hash, data, { key: privateKey, dsaEncoding }).toString('base64url');
}

export interface JwsParts {
  kid?: string;
  /** Replaces members; undefined removes one. */
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  headerText?: string;
  claimsText?: string | Uint8Array;
}

export const withoutUndefined = (value: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

export const goodClaims = {
  iss: issuer,
  sub: '0196d3a0-0000-7000-8000-000000000001',
  aud: audience,
  client_id: 'signet',
  iat: now - 10,
  exp: now + 590,
  jti: 'jti-1',
  sid: 'sid-1',
  auth_time: now - 100,
  amr: ['pwd'],
  username: 'zoë',
  is_staff: false,
  is_superuser: false,
  permissions: ['polls.add_choice', 'polls.view_choice'],
};

export function jws(
  { kid = 'test-ed25519', header = {}, claims = {}, headerText, claimsText }: JwsParts,
  typ = 'at+jwt',
): string {
  const key = findTestKey(kid);
  const head = headerText ?? JSON.stringify(withoutUndefined({ typ, alg: key.alg, kid, ...header }));
  const base = typ === 'at+jwt' ? goodClaims : {};
  const body = claimsText ?? JSON.stringify(withoutUndefined({ ...base, ...claims }));
  const input = `${base64url(head)}.${base64url(body)}`;
  return `${input}.${signature(input, key)}`;
}
