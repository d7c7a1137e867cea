/** A source text with the state of searches in it. */
export interface Source {
  readonly text: string;
  /** By kind of search: positions from which it has already failed. */
  readonly failed: Map<string, Uint8Array>;
}

export const createSource = (text: string): Source => ({ text, failed: new Map() });

/**
 * Searches for an end, position by position. `step` returns the next position, `~position` for the end, or null for none. Two searches of
 * one kind continue alike from the same position, so a failed position is never searched again, and all searches together take as many
 * steps as the source has positions.
 */
export function findEnd(
  source: Source,
  kind: string,
  from: number,
  step: (position: number) => number | null,
): number | null {
  const failed = source.failed.get(kind) ?? new Uint8Array(2 * source.text.length + 8);
  source.failed.set(kind, failed);
  const path: number[] = [];
  for (let position: number | null = from; position !== null && failed[position] !== 1; ) {
    path.push(position);
    position = step(position);
    if (position !== null && position < 0) return ~position;
  }
  for (const position of path) failed[position] = 1;
  return null;
}

/** Returns a function that searches for a text from increasing positions: all searches together scan the source once. */
export function forwardSearch(text: string, pattern: string): (from: number) => number {
  let next = text.indexOf(pattern);
  return (from) => {
    if (next >= 0 && next < from) next = text.indexOf(pattern, from);
    return next;
  };
}
