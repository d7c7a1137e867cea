import type { Argon2Parameters } from './hasher.ts';

/** RFC 9106 §3.1: type y. The array indexes are its numbers there and in both packages. */
const VARIETIES = ['argon2d', 'argon2i', 'argon2id'] as const;
export type Argon2Variety = (typeof VARIETIES)[number];

/** The inputs of a tag besides the password. No format read here has a secret or associated data. */
export interface Argon2Recipe {
  readonly variety: Argon2Variety;
  /** 0x13 is version 1.3; a string without `v=` has version 1.0. */
  readonly version: 0x10 | 0x13;
  readonly parameters: Argon2Parameters;
  readonly salt: Buffer;
  readonly tagBytes: number;
}

/** A package that computes argon2 on libuv's threads. Both packages return the same bytes for every recipe that Signet reads or writes. */
export interface Argon2Engine {
  readonly name: string;
  readonly isFast: boolean;
  tag(password: Buffer, recipe: Argon2Recipe): Promise<Buffer>;
}

/** Chooses AVX-512, AVX2, SSE2, NEON or none of them at run time, by the features of the processor. */
export async function loadNodeRs(): Promise<Argon2Engine> {
  const { hashRaw } = await import('@node-rs/argon2');
  return {
    name: '@node-rs/argon2',
    isFast: true,
    tag: (password, { variety, version, parameters, salt, tagBytes }) =>
      hashRaw(password, {
        algorithm: VARIETIES.indexOf(variety),
        version: version === 0x13 ? 1 : 0,
        memoryCost: parameters.memoryKiB,
        timeCost: parameters.iterations,
        parallelism: parameters.parallelism,
        outputLen: tagBytes,
        salt,
      }),
  };
}

/** The reference implementation, built for the oldest supported processors. */
export async function loadReference(): Promise<Argon2Engine> {
  const { hash } = await import('argon2');
  return {
    name: 'argon2',
    isFast: false,
    tag: (password, { variety, version, parameters, salt, tagBytes }) =>
      hash(password, {
        raw: true,
        type: VARIETIES.indexOf(variety) as 0 | 1 | 2,
        version,
        memoryCost: parameters.memoryKiB,
        timeCost: parameters.iterations,
        parallelism: parameters.parallelism,
        hashLength: tagBytes,
        salt,
      }),
  };
}

/** From the tests of the reference implementation: password, somesalt, m=256, t=2, p=1. */
const TEST_RECIPE: Argon2Recipe = {
  variety: 'argon2id',
  version: 0x13,
  parameters: { memoryKiB: 256, iterations: 2, parallelism: 1 },
  salt: Buffer.from('somesalt'),
  tagBytes: 32,
};
const TEST_TAG = '9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe';

/**
 * Returns the first engine that loads on this machine and computes the tag of the test vector. The whole process uses one engine, so that a
 * login of an unknown user takes exactly as long as one of a known user. Each engine reads the hashes of the other.
 *
 * @throws if there is none: no login would succeed
 */
export async function chooseEngine(
  loaders: readonly (() => Promise<Argon2Engine>)[] = [loadNodeRs, loadReference],
): Promise<Argon2Engine> {
  const problems: string[] = [];
  for (const load of loaders) {
    try {
      const engine = await load();
      const tag = await engine.tag(Buffer.from('password'), TEST_RECIPE);
      if (tag.toString('hex') === TEST_TAG) return engine;
      problems.push(`${engine.name} gave a wrong answer`);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`No package can hash passwords with argon2 on this machine. Run npm ci again. ${problems.join(' ')}`);
}

export const ARGON2_ENGINE: Argon2Engine = await chooseEngine();
