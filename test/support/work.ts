/** Counters of work on strings: the same on every machine and under every load. */
export interface Work {
  /** The longest text passed to `normalize`, in UTF-16 units: NFKC takes quadratic time. */
  longestNormalized: number;
  /** Characters of all strings that were iterated (`for … of`, `[...text]`). */
  walked: number;
}

/** Counts while `work` runs; no other code may run meanwhile. */
export async function measureWork(work: () => unknown): Promise<Work> {
  const counted: Work = { longestNormalized: 0, walked: 0 };
  const prototype = String.prototype as { normalize: unknown; [Symbol.iterator]: unknown };
  const { normalize, [Symbol.iterator]: iterator } = String.prototype;
  prototype.normalize = function (this: string, form?: string) {
    counted.longestNormalized = Math.max(counted.longestNormalized, this.length);
    return normalize.call(this, form as 'NFKC');
  };
  prototype[Symbol.iterator] = function (this: string) {
    counted.walked += this.length;
    return iterator.call(this);
  };
  try {
    await work();
  } finally {
    prototype.normalize = normalize;
    prototype[Symbol.iterator] = iterator;
  }
  return counted;
}
