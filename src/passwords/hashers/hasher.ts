/** The cost of one argon2 hash, in the units of RFC 9106 §3.1: m in KiB, t in passes, p in lanes (threads). */
export interface Argon2Parameters {
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** The work of one verification, counted in a unit of its kind. */
export interface Cost {
  readonly unit: 'pbkdf2_sha256' | 'pbkdf2_sha1' | 'bcrypt' | 'scrypt' | 'argon2';
  /** Iterations, rounds, N·r·p, or KiB of memory times passes. */
  readonly amount: number;
}

/** What one stored password says of itself. */
export interface Parsed {
  /**
   * The name in front of the first `$`, e.g. `pbkdf2_sha256`; `unusable` for a password that nobody can log in with.
   */
  readonly algorithm: string;
  /** Null when within the bounds of `bounds.ts`, else why it is refused: one phrase for an import report. */
  readonly overBounds: string | null;
  /** What verifying it takes; null for next to nothing. */
  readonly cost: Cost | null;
  /**
   * The parameters of an argon2id hash, version 19, whose salt and tag hold 128 bits or more; null for everything else. Only
   * such a hash may be kept when its owner logs in (see `needsUpgrade`).
   */
  readonly argon2id: Argon2Parameters | null;
  /** For people: the cost, and the first characters of salt and hash. Never the whole of either. */
  summary(): Record<string, string>;
  /**
   * Compares in constant time. A hash that is over the bounds answers false without any work; so does an unusable one.
   *
   * @param password the bytes exactly as they are to be hashed; this layer neither trims nor normalises
   * @throws only when the machine cannot do the work (memory): that is an outage and not a wrong password
   */
  verify(password: Buffer): Promise<boolean>;
}

/** One family of stored passwords. */
export interface Hasher {
  readonly algorithm: string;
  /** Reads the encoded form; null when it is not of this family, or is malformed. Never throws. */
  read(encoded: string): Parsed | null;
}
