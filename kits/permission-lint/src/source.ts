/** A source as it is read, from its beginning to its end. */
export interface Source {
  readonly text: string;
  /** By kind of end: the places from which it was looked for in vain. */
  readonly vain: Map<string, Uint8Array>;
}

export const createSource = (text: string): Source => ({ text, vain: new Map() });

/**
 * Looks for an end, from place to place. `step` answers the next place; `~place` for the end that was found; null when there is none.
 * Two searches of one kind that come to the same place go on alike: so a place that led to nothing is never searched from again, and
 * all searches together take as many steps as the source has places.
 */
export function findEnd(
  source: Source,
  kind: string,
  from: number,
  step: (at: number) => number | null,
): number | null {
  const vain = source.vain.get(kind) ?? new Uint8Array(2 * source.text.length + 8);
  source.vain.set(kind, vain);
  const path: number[] = [];
  for (let at: number | null = from; at !== null && vain[at] !== 1; ) {
    path.push(at);
    at = step(at);
    if (at !== null && at < 0) return ~at;
  }
  for (const at of path) vain[at] = 1;
  return null;
}

/** Looks for a text again and again, each time from further on: all of them together walk the source once. */
export function forwardSearch(text: string, wanted: string): (from: number) => number {
  let next = text.indexOf(wanted);
  return (from) => {
    if (next >= 0 && next < from) next = text.indexOf(wanted, from);
    return next;
  };
}
