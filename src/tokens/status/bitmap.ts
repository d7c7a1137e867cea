import { LIST_LENGTH } from './status-index.ts';

/** The state of one status index, as the database holds it; `list` is null in a row that carries no index. */
export interface StatusRow {
  readonly list: number | null;
  readonly idx: number;
  readonly state: number;
}

/** One status list: two bits for each index. */
export interface Bitmap {
  readonly bits: Uint8Array;
  /** Grows with every index that changes. */
  revision: number;
}

/** The indexes that changed, with their new states, by list. */
export type StatusChanges = ReadonlyMap<number, readonly (readonly [idx: number, state: number])[]>;

/** The bitmaps of all status lists. */
export interface Bitmaps {
  /** The numbers of the lists, ascending; list 1 always exists. */
  numbers(): number[];
  get(list: number): Bitmap | undefined;
  /** Sets the state of every row and returns the indexes whose state differed. */
  apply(rows: readonly StatusRow[]): StatusChanges;
  /** Given every index whose state is not 0, returns the other indexes that are still set: they are free again. */
  findFreed(rows: readonly StatusRow[]): StatusRow[];
}

export function createBitmaps(): Bitmaps {
  const bitmaps = new Map<number, Bitmap>();

  const ensure = (list: number): Bitmap => {
    const existing = bitmaps.get(list);
    if (existing) return existing;
    const bitmap: Bitmap = { bits: new Uint8Array(LIST_LENGTH / 4), revision: 0 };
    bitmaps.set(list, bitmap);
    return bitmap;
  };

  return {
    numbers: () => [...new Set([1, ...bitmaps.keys()])].sort((a, b) => a - b),
    get: (list) => (list === 1 ? ensure(1) : bitmaps.get(list)),
    apply(rows) {
      const changes = new Map<number, [number, number][]>();
      for (const { list, idx, state } of rows) {
        if (list === null || !setState(ensure(list), idx, state)) continue;
        const listChanges = changes.get(list) ?? [];
        listChanges.push([idx, state]);
        changes.set(list, listChanges);
      }
      return changes;
    },
    findFreed(rows) {
      const present = new Set(rows.map((row) => `${row.list} ${row.idx}`));
      const freed: StatusRow[] = [];
      for (const [list, { bits }] of bitmaps)
        for (const [at, byte] of bits.entries())
          for (let offset = 0; byte !== 0 && offset < 4; offset++) {
            const idx = at * 4 + offset;
            if (((byte >> (offset * 2)) & 3) !== 0 && !present.has(`${list} ${idx}`))
              freed.push({ list, idx, state: 0 });
          }
      return freed;
    },
  };
}

/** Returns whether the index had another state before. */
function setState(bitmap: Bitmap, idx: number, state: number): boolean {
  const shift = (idx & 3) * 2;
  const byte = bitmap.bits[idx >> 2] as number;
  if (((byte >> shift) & 3) === state) return false;
  bitmap.bits[idx >> 2] = (byte & ~(3 << shift)) | (state << shift);
  bitmap.revision += 1;
  return true;
}
