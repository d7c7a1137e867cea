/** Who holds something: a client that has authenticated, or the network that it came from. */
export interface ShareOwner {
  readonly kind: 'client' | 'network';
  readonly name: string;
}

export interface ShareLimits {
  /** Of one owner. */
  readonly owner: number;
  /** Of all owners of one kind: the rest is kept for the other kind. */
  readonly kind: number;
  readonly all: number;
}

/** What there is only so much of at once (open streams, fetches under way), shared among those who want some. */
export interface FairShares<Holding> {
  /**
   * Takes a holding in, or says no. Where all are taken, `evicted` has to make way for it: the newest holding of the owner that has most, where
   * that is more than the newcomer will have. So who takes many can shut nobody else out, and who is let go has its fair share still.
   */
  take(owner: ShareOwner, holding: Holding): { readonly isTaken: boolean; readonly evicted?: Holding };
  release(owner: ShareOwner, holding: Holding): void;
}

export function createFairShares<Holding>(limits: ShareLimits): FairShares<Holding> {
  const owners = { client: new Map<string, Set<Holding>>(), network: new Map<string, Set<Holding>>() };
  const counts = { client: 0, network: 0 };

  const add = ({ kind, name }: ShareOwner, holding: Holding) => {
    const own = owners[kind].get(name) ?? new Set();
    owners[kind].set(name, own.add(holding));
    counts[kind] += 1;
  };
  const release = ({ kind, name }: ShareOwner, holding: Holding) => {
    const own = owners[kind].get(name);
    if (!own?.delete(holding)) return;
    counts[kind] -= 1;
    if (own.size === 0) owners[kind].delete(name);
  };
  /** Of the owner that has most, where that is more than `least`. */
  const displace = (kind: ShareOwner['kind'], least: number): Holding | undefined => {
    let most: [name: string, holdings: Set<Holding>] | undefined;
    for (const one of owners[kind]) if (one[1].size > (most?.[1].size ?? least)) most = one;
    if (!most) return undefined;
    const newest = [...most[1]].at(-1) as Holding;
    release({ kind, name: most[0] }, newest);
    return newest;
  };

  return {
    release,
    take(owner, holding) {
      const { kind } = owner;
      const own = owners[kind].get(owner.name)?.size ?? 0;
      if (own >= limits.owner) return { isTaken: false };
      const isFull = counts.client + counts.network >= limits.all;
      if (!isFull && counts[kind] < limits.kind) {
        add(owner, holding);
        return { isTaken: true };
      }
      // Clients come first: what is theirs is taken back from networks, though never what is kept for those.
      const isOwed = kind === 'client' && counts.client < limits.kind;
      const evicted = isOwed ? displace('network', 0) : displace(kind, own + 1);
      if (evicted === undefined) return { isTaken: false };
      add(owner, holding);
      return { isTaken: true, evicted };
    },
  };
}

/** Runs once for everybody who asks for the same thing while it is under way: all get the one answer. Nothing is kept of it afterwards. */
export type SingleFlight<T> = (key: string, run: () => Promise<T>) => Promise<T>;

export function singleFlight<T>(): SingleFlight<T> {
  const running = new Map<string, Promise<T>>();
  return (key, run) => {
    const found = running.get(key);
    if (found) return found;
    const made = run().finally(() => running.delete(key));
    running.set(key, made);
    return made;
  };
}
