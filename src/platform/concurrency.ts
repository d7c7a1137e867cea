/** The owner of an item: an authenticated client, or the network that the request came from. */
export interface ShareOwner {
  readonly kind: 'client' | 'network';
  readonly name: string;
}

export interface ShareLimits {
  /** Items per owner. */
  readonly owner: number;
  /** Items of all owners of one kind; the rest is reserved for the other kind. */
  readonly kind: number;
  readonly all: number;
}

/** A bounded set of items (open streams, running fetches), shared fairly among their owners. */
export interface FairShares<Item> {
  /**
   * Adds an item, or returns `isTaken: false`. When all places are in use, `evicted` must make way: the newest item of the owner that has
   * the most, if that owner has more than the newcomer will have. So a greedy owner can shut out no other, and an evicted owner still keeps
   * its fair share.
   */
  take(owner: ShareOwner, item: Item): { readonly isTaken: boolean; readonly evicted?: Item };
  release(owner: ShareOwner, item: Item): void;
}

export function createFairShares<Item>(limits: ShareLimits): FairShares<Item> {
  const owners = { client: new Map<string, Set<Item>>(), network: new Map<string, Set<Item>>() };
  const counts = { client: 0, network: 0 };

  const add = ({ kind, name }: ShareOwner, item: Item) => {
    const ownItems = owners[kind].get(name) ?? new Set();
    owners[kind].set(name, ownItems.add(item));
    counts[kind] += 1;
  };
  const release = ({ kind, name }: ShareOwner, item: Item) => {
    const ownItems = owners[kind].get(name);
    if (!ownItems?.delete(item)) return;
    counts[kind] -= 1;
    if (ownItems.size === 0) owners[kind].delete(name);
  };
  /** Evicts the newest item of the owner that has the most, if that is more than `least`. */
  const evict = (kind: ShareOwner['kind'], least: number): Item | undefined => {
    let largest: [name: string, items: Set<Item>] | undefined;
    for (const one of owners[kind]) if (one[1].size > (largest?.[1].size ?? least)) largest = one;
    if (!largest) return undefined;
    const newest = [...largest[1]].at(-1) as Item;
    release({ kind, name: largest[0] }, newest);
    return newest;
  };

  return {
    release,
    take(owner, item) {
      const { kind } = owner;
      const ownItems = owners[kind].get(owner.name)?.size ?? 0;
      if (ownItems >= limits.owner) return { isTaken: false };
      const isFull = counts.client + counts.network >= limits.all;
      if (!isFull && counts[kind] < limits.kind) {
        add(owner, item);
        return { isTaken: true };
      }
      // Clients have priority: their share is taken back from networks, but never the share reserved for networks.
      const isOwed = kind === 'client' && counts.client < limits.kind;
      const evicted = isOwed ? evict('network', 0) : evict(kind, ownItems + 1);
      if (evicted === undefined) return { isTaken: false };
      add(owner, item);
      return { isTaken: true, evicted };
    },
  };
}

/** Runs concurrent calls with the same key once and gives all of them that result. Nothing is cached afterwards. */
export type SingleFlight<T> = (key: string, run: () => Promise<T>) => Promise<T>;

export function singleFlight<T>(): SingleFlight<T> {
  const running = new Map<string, Promise<T>>();
  return (key, run) => {
    const pending = running.get(key);
    if (pending) return pending;
    const promise = run().finally(() => running.delete(key));
    running.set(key, promise);
    return promise;
  };
}

/** A function of which one call runs at a time. */
export interface OneAtATime {
  /**
   * Runs it now; during a run, once more afterwards, because that run may have begun too early for this call. Calls during a run share the
   * next one. Settles as the run that serves the call does.
   */
  run(): Promise<void>;
  /** Waits until nothing runs and nothing is due. */
  idle(): Promise<void>;
}

export function oneAtATime(run: () => Promise<void>): OneAtATime {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = () => {
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    run() {
      if (next) return next;
      if (!running) return start();
      next = running
        .catch(() => {})
        .then(() => {
          next = undefined;
          return start();
        });
      return next;
    },
    async idle() {
      for (let last = next ?? running; last; last = next ?? running) await last.catch(() => {});
    },
  };
}
