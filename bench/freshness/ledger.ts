import type { Sample } from '../figures.ts';

/** Times by what they were taken of, in milliseconds. */
export class Ledger {
  readonly #times = new Map<string, number[]>();
  readonly #missed = new Map<string, number>();

  /** Null: it did not happen in all the time that was waited for. */
  add(id: string, ms: number | null): void {
    if (ms === null) return void this.#missed.set(id, (this.#missed.get(id) ?? 0) + 1);
    const times = this.#times.get(id) ?? [];
    times.push(ms);
    this.#times.set(id, times);
  }

  sample(id: string): Sample {
    const sorted = [...(this.#times.get(id) ?? [])].sort((a, b) => a - b);
    const failures = this.#missed.get(id) ?? 0;
    if (sorted.length === 0) return { failures };
    /** The nearest rank: a time that was measured, and not less than so many of all. */
    const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] as number;
    return { times: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), failures };
  }
}
