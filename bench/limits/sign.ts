import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { LimitResult } from './result.ts';

type Algorithm = 'RS256' | 'ES256' | 'EdDSA';

/** A JWS signing input as long as that of a usual access token. */
const INPUT = Buffer.alloc(560, 'eyJhbGciOi');

/** Signs, one after the other on one thread, with a key object made once. */
export function limitSign(algorithm: Algorithm, seconds: number): LimitResult {
  const signOnce = signer(algorithm);
  for (const until = performance.now() + 200; performance.now() < until; ) signOnce();
  let count = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  while (performance.now() < until) {
    for (let n = 0; n < 10; n++) signOnce();
    count += 10;
  }
  const took = (performance.now() - began) / 1000;
  return { rate: count / took, microsEach: (took / count) * 1e6 };
}

function signer(algorithm: Algorithm): () => Buffer {
  const key = keyOf(algorithm);
  if (algorithm === 'RS256') return () => sign('sha256', INPUT, key);
  if (algorithm === 'ES256') return () => sign('sha256', INPUT, { key, dsaEncoding: 'ieee-p1363' });
  return () => sign(null, INPUT, key);
}

function keyOf(algorithm: Algorithm): KeyObject {
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('ed25519').privateKey;
}
