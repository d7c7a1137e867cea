/** What a job of the pool comes to: its value, or "busy", in which case it never ran. */
export type PoolOutcome<T> = { ok: true; value: T } | { ok: false; retryAfterSeconds: number };

export interface HashPoolOptions {
  /** Threads that may hash at once; an integer from 1. */
  readonly width: number;
  /** Jobs that may wait; one more is answered busy at once. An integer from 0. */
  readonly queueLimit: number;
  /** How long a job may wait, in milliseconds; after that it is answered busy. */
  readonly maxWaitMs: number;
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  readonly now?: () => number;
  /** Calls back once after `ms` and returns what cancels that; default an unref'd `setTimeout`. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
}

/** A snapshot for metrics: what is now, and what has been since the pool was made. */
export interface HashPoolStats {
  readonly width: number;
  /** Threads taken now. */
  readonly active: number;
  /** Jobs waiting now. */
  readonly queued: number;
  /** Jobs that were started, ever. */
  readonly started: number;
  /** Jobs answered busy because the queue was full, ever. */
  readonly refused: number;
  /** Jobs answered busy because they had waited too long, ever. */
  readonly expired: number;
}

export interface HashPool {
  readonly active: number;
  readonly queued: number;
  stats(): HashPoolStats;
  /**
   * Runs `work` as soon as `threads` are free (at most the whole width), after everybody who came before.
   *
   * @throws (rejects with) whatever `work` throws; its threads are free again then
   */
  run<T>(threads: number, work: () => Promise<T>): Promise<PoolOutcome<T>>;
}

interface Waiting {
  readonly slots: number;
  readonly deadline: number;
  readonly start: () => void;
  readonly refuse: () => void;
  cancelTimer: () => void;
}

function unrefTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms);
  // A waiting job alone must not keep a stopping process alive.
  timer.unref();
  return () => clearTimeout(timer);
}

/**
 * Makes the bounded pool through which every password hash goes. Hashing is slow by intent, so more logins than threads
 * must wait in order, and more than can be served in time must hear so at once instead of piling up.
 *
 * The order is strictly first come, first served: a wide job at the head holds back narrow ones behind it, since
 * otherwise a stream of narrow jobs would starve it.
 *
 * @throws RangeError for a width, limit or time that makes no pool
 */
export function createHashPool(options: HashPoolOptions): HashPool {
  const { width, queueLimit, maxWaitMs, now = () => performance.now(), setTimer = unrefTimer } = options;
  if (!Number.isInteger(width) || width < 1) throw new RangeError('width is an integer from 1');
  if (!Number.isInteger(queueLimit) || queueLimit < 0) throw new RangeError('queueLimit is an integer from 0');
  if (!Number.isFinite(maxWaitMs) || maxWaitMs < 0)
    throw new RangeError('maxWaitMs is a number of milliseconds from 0');

  const busy = { ok: false, retryAfterSeconds: Math.max(1, Math.ceil(maxWaitMs / 1000)) } as const;
  const queue: Waiting[] = [];
  const counts = { active: 0, started: 0, refused: 0, expired: 0 };

  async function occupy<T>(slots: number, work: () => Promise<T>): Promise<PoolOutcome<T>> {
    counts.active += slots;
    counts.started += 1;
    try {
      return { ok: true, value: await work() };
    } finally {
      counts.active -= slots;
      advance();
    }
  }

  /** Answers those whose time is up, and starts from the head whatever fits. */
  function advance(): void {
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const isLate = now() >= head.deadline;
      if (!isLate && counts.active + head.slots > width) return;
      queue.shift();
      head.cancelTimer();
      if (isLate) expire(head);
      else head.start();
    }
  }

  function expire(job: Waiting): void {
    counts.expired += 1;
    job.refuse();
  }

  function wait<T>(slots: number, work: () => Promise<T>): Promise<PoolOutcome<T>> {
    return new Promise((resolve) => {
      const job: Waiting = {
        slots,
        deadline: now() + maxWaitMs,
        start: () => resolve(occupy(slots, work)),
        refuse: () => resolve(busy),
        cancelTimer: () => {},
      };
      queue.push(job);
      job.cancelTimer = setTimer(() => {
        const place = queue.indexOf(job);
        if (place < 0) return;
        queue.splice(place, 1);
        expire(job);
        // A wide job that gives up at the head makes way for a narrow one behind it.
        advance();
      }, maxWaitMs);
    });
  }

  return {
    get active() {
      return counts.active;
    },
    get queued() {
      return queue.length;
    },
    stats: () => ({ width, queued: queue.length, ...counts }),
    async run(threads, work) {
      const slots = Math.min(Math.max(1, Math.ceil(threads)), width);
      // The clock may have passed deadlines whose timers have not fired yet: those no longer hold a place.
      advance();
      if (queue.length === 0 && counts.active + slots <= width) return occupy(slots, work);
      if (queue.length >= queueLimit) {
        counts.refused += 1;
        return busy;
      }
      return wait(slots, work);
    },
  };
}
