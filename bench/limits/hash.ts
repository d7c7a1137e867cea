import { randomBytes } from 'node:crypto';
import { ARGON2_ENGINE, type Argon2Recipe } from '../../src/passwords/hashers/argon2-engine.ts';
import { DEFAULT_ARGON2 } from '../../src/passwords/passwords.ts';
import type { LimitResult } from './result.ts';

/**
 * Computes argon2 with the very package that Signet chooses on this machine, and its standard parameters, `width` at a time: as
 * many as its hash pool may run.
 */
export async function limitHash(width: number, seconds: number): Promise<LimitResult> {
  const password = Buffer.from('a phrase that is long enough');
  const recipe: Argon2Recipe = {
    variety: 'argon2id',
    version: 0x13,
    parameters: DEFAULT_ARGON2,
    salt: randomBytes(16),
    tagBytes: 32,
  };
  await ARGON2_ENGINE.tag(password, recipe);
  let count = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const one = async () => {
    while (performance.now() < until) {
      await ARGON2_ENGINE.tag(password, recipe);
      count++;
    }
  };
  await Promise.all(Array.from({ length: width }, one));
  const took = (performance.now() - began) / 1000;
  return { rate: count / took, microsEach: ((took * width) / count) * 1e6 };
}
