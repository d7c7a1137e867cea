import { setImmediate } from 'node:timers/promises';

/** Work that stops now and then to say how many records it has done. */
export type Steps<T> = Generator<number, T, void>;

/** Records between two stops: a few milliseconds of work, or of the embedded database's. */
export const BATCH = 500;

/** Carries work out step by step, so that requests are served between. */
export async function runInSteps<T>(work: Steps<T>, onProgress: (done: number) => void): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    onProgress(step.value);
    await setImmediate();
  }
}

/** The same for work that waits: a batch at a time, in order. */
export async function inBatches<T>(
  all: readonly T[],
  work: (batch: readonly T[], from: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < all.length; from += BATCH) {
    await work(all.slice(from, from + BATCH), from);
    await setImmediate();
  }
}
