/** What was used lately, up to a total weight: what was not used for longest goes first. */
export interface Lru<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
}

/** `weigh` says what a value costs, in the unit of `limit`; one that is heavier than the limit alone is not kept. */
export function createLru<Value>(limit: number, weigh: (value: Value) => number = () => 1): Lru<Value> {
  // A Map remembers the order of insertion; what is used is inserted anew.
  const kept = new Map<string, Value>();
  let total = 0;
  const remove = (key: string) => {
    const value = kept.get(key);
    if (value === undefined) return;
    kept.delete(key);
    total -= weigh(value);
  };
  return {
    get(key) {
      const value = kept.get(key);
      if (value === undefined) return undefined;
      kept.delete(key);
      kept.set(key, value);
      return value;
    },
    set(key, value) {
      remove(key);
      const weight = weigh(value);
      if (weight > limit) return;
      kept.set(key, value);
      total += weight;
      for (const oldest of kept.keys()) {
        if (total <= limit) break;
        remove(oldest);
      }
    },
    delete: remove,
    clear() {
      kept.clear();
      total = 0;
    },
  };
}
