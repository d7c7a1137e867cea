import type { Passwords } from '../../src/passwords/index.ts';

interface HashCounts {
  /** The stored hash of each verification; null is a decoy. */
  verifications: (string | null)[];
  hashes: number;
}

/** Counts the calls of the real hashing. `wrap` is an option of the service: what was refused without a hash cost the server nothing. */
export function countHashing() {
  const counts: HashCounts = { verifications: [], hashes: 0 };
  const wrap = (own: Passwords): Passwords => ({
    verify: (password, encoded, started) => {
      counts.verifications.push(encoded);
      return own.verify(password, encoded, started);
    },
    hash: (password) => {
      counts.hashes += 1;
      return own.hash(password);
    },
  });
  const reset = () => Object.assign(counts, { verifications: [], hashes: 0 });
  return { counts, wrap, reset };
}
