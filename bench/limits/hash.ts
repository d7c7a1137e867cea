import argon2 from 'argon2';
import type { LimitResult } from './result.ts';

/** Verifies with Signet's argon2 and its standard parameters, `width` at a time: as many as its hash pool may run. */
export async function limitHash(width: number, seconds: number): Promise<LimitResult> {
  const password = 'a phrase that is long enough';
  const encoded = await argon2.hash(password, {
    type: argon2.argon2id,
    memoryCost: 19_456,
    timeCost: 2,
    parallelism: 1,
  });
  await argon2.verify(encoded, password);
  let count = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const one = async () => {
    while (performance.now() < until) {
      await argon2.verify(encoded, password);
      count++;
    }
  };
  await Promise.all(Array.from({ length: width }, one));
  const took = (performance.now() - began) / 1000;
  return { rate: count / took, microsEach: ((took * width) / count) * 1e6 };
}
