/** The cost of one argon2 hash, in the units of RFC 9106 §3.1: m in KiB, t in passes, p in lanes (threads). */
export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** The work of one verification, in the unit of its algorithm. */
export interface Cost {
  readonly unit: 'pbkdf2_sha256' | 'pbkdf2_sha1' | 'bcrypt' | 'scrypt' | 'argon2';
  /** Iterations, rounds, N·r·p, or KiB of memory times passes. */
  readonly amount: number;
}

/** A cost of a stored hash that is over its bound (`bounds.ts`). */
export interface OverBound {
  readonly bound:
    | 'pbkdf2Iterations'
    | 'bcryptCost'
    | 'scryptBytes'
    | 'scryptParallelism'
    | 'argon2MemoryKiB'
    | 'argon2Iterations'
    | 'argon2Parallelism';
  readonly value: number;
  readonly max: number;
}

/** A parsed stored password. */
export interface Parsed {
  /**
   * The name before the first `$`, such as `pbkdf2_sha256`; `unusable` for a password that matches nothing.
   */
  readonly algorithm: string;
  /** The first cost that is over its bound; null if there is none. */
  readonly overBounds: OverBound | null;
  /** The cost of a verification; null if negligible. */
  readonly cost: Cost | null;
  /**
   * The parameters of an argon2id hash, version 19, with at least 128 bits of salt and tag; null for every other hash. Only
   * such a hash may stay after a login (see `needsUpgrade`).
   */
  readonly argon2id: Argon2Parameters | null;
  /** Returns the cost and the first characters of salt and hash, for people. Never a whole salt or hash. */
  summary(): Record<string, string>;
  /**
   * Compares in constant time. Returns false without any work for a hash over the bounds and for an unusable password.
   *
   * @param password the exact bytes to hash; this layer neither trims nor normalises
   * @throws only if the machine cannot do the work (memory), which is an outage and not a wrong password
   */
  verify(password: Buffer): Promise<boolean>;
}

/** A format of stored passwords, such as Django's `pbkdf2_sha256`. */
export interface Hasher {
  readonly algorithm: string;
  /** Reads an encoded password; null if it has another format or is malformed. Never throws. */
  read(encoded: string): Parsed | null;
}
