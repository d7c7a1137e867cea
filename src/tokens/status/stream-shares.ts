/** For whom a stream is open: a client that has authenticated, or the network that it came from. */
export interface StreamOwner {
  readonly kind: 'client' | 'network';
  readonly name: string;
}

export interface StreamLimits {
  /** Of one owner. */
  readonly owner: number;
  /** Of all owners of one kind: the rest is kept for the other kind. */
  readonly kind: number;
  readonly all: number;
}

/** Streams that are open, shared among those who want some. */
export interface StreamShares<Stream> {
  /**
   * Takes a stream in, or says no. Where all are taken, `displaced` has to make way for it: the newest stream of the owner that has most, where
   * that is more than the newcomer will have. So who opens many can shut nobody else out, and who is let go has its fair share still.
   */
  take(owner: StreamOwner, stream: Stream): { readonly isTaken: boolean; readonly displaced?: Stream };
  release(owner: StreamOwner, stream: Stream): void;
}

export function createStreamShares<Stream>(limits: StreamLimits): StreamShares<Stream> {
  const owners = { client: new Map<string, Set<Stream>>(), network: new Map<string, Set<Stream>>() };
  const counts = { client: 0, network: 0 };

  const add = ({ kind, name }: StreamOwner, stream: Stream) => {
    const own = owners[kind].get(name) ?? new Set();
    owners[kind].set(name, own.add(stream));
    counts[kind] += 1;
  };
  const release = ({ kind, name }: StreamOwner, stream: Stream) => {
    const own = owners[kind].get(name);
    if (!own?.delete(stream)) return;
    counts[kind] -= 1;
    if (own.size === 0) owners[kind].delete(name);
  };
  /** Of the owner that has most, where that is more than `least`. */
  const displace = (kind: StreamOwner['kind'], least: number): Stream | undefined => {
    let most: [name: string, streams: Set<Stream>] | undefined;
    for (const one of owners[kind]) if (one[1].size > (most?.[1].size ?? least)) most = one;
    if (!most) return undefined;
    const newest = [...most[1]].at(-1) as Stream;
    release({ kind, name: most[0] }, newest);
    return newest;
  };

  return {
    release,
    take(owner, stream) {
      const { kind } = owner;
      const own = owners[kind].get(owner.name)?.size ?? 0;
      if (own >= limits.owner) return { isTaken: false };
      const isFull = counts.client + counts.network >= limits.all;
      if (!isFull && counts[kind] < limits.kind) {
        add(owner, stream);
        return { isTaken: true };
      }
      // Clients come first: what is theirs is taken back from networks, though never what is kept for those.
      const isOwed = kind === 'client' && counts.client < limits.kind;
      const displaced = isOwed ? displace('network', 0) : displace(kind, own + 1);
      if (displaced === undefined) return { isTaken: false };
      add(owner, stream);
      return { isTaken: true, displaced };
    },
  };
}
