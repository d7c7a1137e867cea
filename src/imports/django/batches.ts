import { setImmediate } from 'node:timers/promises';

/** Work that pauses regularly and yields the number of processed records. */
export type Steps<T> = Generator<number, T, void>;

/** One statement of a list; other requests run before the next. */
export type Task = () => Promise<void>;

/** Records between two pauses: a few milliseconds of work for this process or the embedded database. */
export const BATCH = 500;

/** Runs work step by step, and lets other requests run between. */
export async function runInSteps<T>(work: Steps<T>, onProgress: (done: number) => void): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    onProgress(step.value);
    await setImmediate();
  }
}

/** The same for asynchronous work: one batch at a time, in order. */
export async function inBatches<T>(
  all: readonly T[],
  work: (batch: readonly T[], from: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < all.length; from += BATCH) {
    await work(all.slice(from, from + BATCH), from);
    await setImmediate();
  }
}
