/** A least-recently-used cache, bounded by total weight. */
export interface Lru<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
}

/** Creates a cache. `weigh` returns the weight of a value in the unit of `limit`; a value heavier than the limit is not cached. */
export function createLru<Value>(limit: number, weigh: (value: Value) => number = () => 1): Lru<Value> {
  // A Map keeps insertion order, so an entry that is used is inserted again.
  const entries = new Map<string, Value>();
  let total = 0;
  const remove = (key: string) => {
    const value = entries.get(key);
    if (value === undefined) return;
    entries.delete(key);
    total -= weigh(value);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      remove(key);
      const weight = weigh(value);
      if (weight > limit) return;
      entries.set(key, value);
      total += weight;
      for (const oldest of entries.keys()) {
        if (total <= limit) break;
        remove(oldest);
      }
    },
    delete: remove,
    clear() {
      entries.clear();
      total = 0;
    },
  };
}
