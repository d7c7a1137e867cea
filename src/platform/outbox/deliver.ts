import { setTimeout } from 'node:timers/promises';
import type { Database } from '../database/index.ts';
import { type Clock, plusSeconds } from '../time.ts';
import { type ClaimedDelivery, claimDeliveries, closeDelivery, type DeliveryLimits, reschedule } from './claim.ts';

/** The outcome of one attempt. */
export type DeliveryOutcome = 'delivered' | 'failed' | 'given_up';

/** Why a delivery was not accepted. */
export interface DeliveryError {
  /** A code or a status, for operators. */
  readonly code: string;
  /** No further attempt would succeed: the delivery is given up at once. */
  readonly isFinal?: boolean;
}

interface OutboxOptions<Payload> {
  readonly db: Database;
  readonly clock: Clock;
  readonly topic: string;
  readonly limits: DeliveryLimits;
  /** Attempts of one delivery. */
  readonly maxTries: number;
  /**
   * Sends a delivery, outside any transaction and within the lease; returns null when it was accepted. A delivery whose `send` throws is
   * free again when its lease ends.
   */
  readonly send: (delivery: ClaimedDelivery<Payload>) => Promise<DeliveryError | null>;
  /** Called after every attempt, with the code of its error. */
  readonly onAttempt: (outcome: DeliveryOutcome, delivery: ClaimedDelivery<Payload>, error: string | null) => void;
}

/** Sends the deliveries of a topic until none is due; stops soon after the signal. */
export type DeliverDue = (stopping: AbortSignal) => Promise<void>;

/** How often to look for due deliveries while some are being sent. */
const POLL_MS = 1000;

export function createOutbox<Payload>(options: OutboxOptions<Payload>): DeliverDue {
  const { db, clock, topic, limits } = options;
  return async (stopping) => {
    /** The targets of the attempts in progress. */
    const pending = new Map<Promise<void>, string>();
    let failure: Error | undefined;
    const start = (delivery: ClaimedDelivery<Payload>) => {
      const done = deliver(options, delivery)
        .catch((error: Error) => {
          failure ??= error;
        })
        .finally(() => pending.delete(done));
      pending.set(done, delivery.target);
    };
    try {
      for (;;) {
        const busy = new Set(pending.values());
        const free = limits.all - pending.size;
        if (free > 0 && !stopping.aborted && !failure) {
          const left = { all: free, perTarget: limits.perTarget };
          for (const delivery of await claimDeliveries<Payload>(db, topic, clock.now(), left, [...busy]))
            start(delivery);
        }
        if (pending.size > 0) await race(pending.keys());
        // No delivery was due, for any target.
        else if (busy.size === 0) break;
      }
    } finally {
      await Promise.all(pending.keys());
    }
    // A delivery whose outcome could not be stored is free again when its lease ends.
    if (failure) throw failure;
  };
}

/** Waits for the first to end, or for the poll interval. */
async function race(promises: Iterable<Promise<void>>): Promise<void> {
  const late = new AbortController();
  const pause = setTimeout(POLL_MS, undefined, { signal: late.signal }).catch(() => {});
  try {
    await Promise.race([...promises, pause]);
  } finally {
    late.abort();
  }
}

/** Makes one attempt and stores its outcome. */
async function deliver<Payload>(
  { db, clock, maxTries, send, onAttempt }: OutboxOptions<Payload>,
  delivery: ClaimedDelivery<Payload>,
): Promise<void> {
  const { id, tries } = delivery;
  const error = await send(delivery);
  const now = clock.now();
  if (error === null) {
    await closeDelivery(db, id, now, null);
    return onAttempt('delivered', delivery, null);
  }
  const { code, isFinal = false } = error;
  const isGivenUp = isFinal || tries >= maxTries;
  if (isGivenUp) await closeDelivery(db, id, now, code);
  else await reschedule(db, delivery, plusSeconds(now, retryDelaySeconds(tries)), code);
  onAttempt(isGivenUp ? 'given_up' : 'failed', delivery, code);
}

/**
 * Returns the delay after a failure, four times the one before. It varies by a fifth, so that deliveries that failed together are not
 * repeated together.
 */
function retryDelaySeconds(tries: number): number {
  return 4 ** tries * (0.8 + 0.4 * Math.random());
}
