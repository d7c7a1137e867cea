import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { CompactSign, calculateJwkThumbprint, type JWK } from 'jose';
import { type ClientSettings, clientSettings } from '../../src/oauth/client-settings/index.ts';
import { Client } from '../../src/oauth/index.ts';
import { bumpPrincipals } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';

export type Alg = 'ES256' | 'RS256' | 'PS256' | 'EdDSA';

/** A client's key pair, for assertions and proofs. */
export interface ClientKey {
  readonly alg: Alg;
  readonly privateKey: KeyObject;
  /** Public. */
  readonly jwk: JWK;
  readonly jkt: string;
}

export async function clientKey(alg: Alg = 'ES256', modulusLength = 2048): Promise<ClientKey> {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength });
  const jwk = pair.publicKey.export({ format: 'jwk' }) as JWK;
  return { alg, privateKey: pair.privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
}

/** Signs a compact JWS with these contents; jose rejects keys that are too small. */
export function signWith(key: ClientKey, header: object, claims: object): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg: key.alg, ...header })
    .sign(key.privateKey);
}

/** Switches a client to `private_key_jwt`. */
export async function registerKeys(
  db: Database,
  client: { readonly principal: string },
  settings: Partial<ClientSettings>,
): Promise<void> {
  await db.fork().transactional(async (tx) => {
    const one = await tx.findOneOrFail(Client, client.principal);
    one.authMethod = 'private_key_jwt';
    one.settings = { ...clientSettings(one), ...settings };
    await tx.flush();
    await bumpPrincipals(tx, [client.principal]);
  });
}

export const seconds = (at: Date): number => Math.floor(at.getTime() / 1000);

/** Makes a valid assertion (RFC 7523 §3), except for what `claims` and `header` change. */
export function makeAssertion(
  key: ClientKey,
  clientId: string,
  { audience, now, claims = {}, header = {} }: { audience: string; now: Date; claims?: object; header?: object },
): Promise<string> {
  const iat = seconds(now);
  const right = { iss: clientId, sub: clientId, aud: audience, iat, exp: iat + 60, jti: randomUUID() };
  return signWith(key, header, { ...right, ...claims });
}

export function assertionParameters(assertion: string) {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

/** Makes a valid proof (RFC 9449 §4.2), except for what `claims` and `header` change. */
export function proofBy(
  key: ClientKey,
  of: {
    method: string;
    url: string;
    now: Date;
    accessToken?: string;
    nonce?: string;
    claims?: object;
    header?: object;
  },
): Promise<string> {
  const ath = of.accessToken && createHash('sha256').update(of.accessToken).digest('base64url');
  const right = { htm: of.method, htu: of.url, iat: seconds(of.now), jti: randomUUID(), ath, nonce: of.nonce };
  return signWith(key, { typ: 'dpop+jwt', jwk: key.jwk, ...of.header }, { ...right, ...of.claims });
}
