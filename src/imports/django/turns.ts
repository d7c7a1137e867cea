import { setImmediate } from 'node:timers/promises';

/** Work that stops now and then to say how many records it has done. */
export type InTurns<T> = Generator<number, T, void>;

/** Records between two stops: a few milliseconds of work, or of the embedded database's. */
export const TURN = 500;

/** Carries work out a turn at a time, so that requests are served between. */
export async function takeTurns<T>(work: InTurns<T>, tell: (done: number) => void): Promise<T> {
  for (;;) {
    const turn = work.next();
    if (turn.done) return turn.value;
    tell(turn.value);
    await setImmediate();
  }
}

/** The same for work that waits: a batch at a time, in order. */
export async function inBatches<T>(
  all: readonly T[],
  work: (batch: readonly T[], from: number) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < all.length; from += TURN) {
    await work(all.slice(from, from + TURN), from);
    await setImmediate();
  }
}
