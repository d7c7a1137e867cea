/** The outcome of a job: its value, or "busy", in which case it never ran. */
export type PoolOutcome<T> = { ok: true; value: T } | { ok: false; retryAfterSeconds: number };

export interface HashPoolOptions {
  /** Threads that may hash concurrently; an integer from 1. */
  readonly width: number;
  /** Jobs that may wait; a further job is busy at once. An integer from 0. */
  readonly queueLimit: number;
  /** The longest wait of a job in milliseconds; after that it is busy. */
  readonly maxWaitMs: number;
  /** Milliseconds of a monotonic clock; default `performance.now`. */
  readonly now?: () => number;
  /** Calls back once after `ms` and returns a function that cancels the timer; default an unref'd `setTimeout`. */
  readonly setTimer?: (callback: () => void, ms: number) => () => void;
}

/** A snapshot for metrics, with totals since the pool was created. */
export interface HashPoolStats {
  readonly width: number;
  /** Threads in use. */
  readonly active: number;
  /** Waiting jobs. */
  readonly queued: number;
  /** Started jobs in total. */
  readonly started: number;
  /** Jobs in total that were busy because the queue was full. */
  readonly refused: number;
  /** Jobs in total that were busy because they had waited too long. */
  readonly expired: number;
}

export interface HashPool {
  readonly active: number;
  readonly queued: number;
  stats(): HashPoolStats;
  /**
   * Runs `work` as soon as `threads` are free (at most the whole width), after all earlier jobs.
   *
   * @throws (rejects with) the error of `work`; its threads are free again then
   */
  run<T>(threads: number, work: () => Promise<T>): Promise<PoolOutcome<T>>;
}

interface QueuedJob {
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
 * Creates the bounded pool that runs every password hash. Hashing is slow by intent: more logins than threads wait in order,
 * and logins that cannot be served in time are refused at once instead of piling up.
 *
 * The order is strictly first come, first served: a wide job at the head makes narrow ones behind it wait, since
 * otherwise a stream of narrow jobs would starve it.
 *
 * @throws RangeError for an invalid width, limit or time
 */
export function createHashPool(options: HashPoolOptions): HashPool {
  const { width, queueLimit, maxWaitMs } = options;
  if (!Number.isInteger(width) || width < 1) throw new RangeError('width is an integer from 1');
  if (!Number.isInteger(queueLimit) || queueLimit < 0) throw new RangeError('queueLimit is an integer from 0');
  if (!Number.isFinite(maxWaitMs) || maxWaitMs < 0)
    throw new RangeError('maxWaitMs is a number of milliseconds from 0');
  return new BoundedPool(options);
}

class BoundedPool implements HashPool {
  readonly #options: Required<HashPoolOptions>;
  readonly #busy: { readonly ok: false; readonly retryAfterSeconds: number };
  readonly #queue: QueuedJob[] = [];
  readonly #counts = { active: 0, started: 0, refused: 0, expired: 0 };

  constructor(options: HashPoolOptions) {
    const { now = () => performance.now(), setTimer = unrefTimer } = options;
    this.#options = { ...options, now, setTimer };
    this.#busy = { ok: false, retryAfterSeconds: Math.max(1, Math.ceil(options.maxWaitMs / 1000)) };
  }

  get active(): number {
    return this.#counts.active;
  }

  get queued(): number {
    return this.#queue.length;
  }

  stats(): HashPoolStats {
    return { width: this.#options.width, queued: this.#queue.length, ...this.#counts };
  }

  async run<T>(threads: number, work: () => Promise<T>): Promise<PoolOutcome<T>> {
    const { width, queueLimit } = this.#options;
    const slots = Math.min(Math.max(1, Math.ceil(threads)), width);
    // Jobs past their deadlines do not occupy the queue, even if their timers have not fired yet.
    this.#advance();
    if (this.#queue.length === 0 && this.#counts.active + slots <= width) return this.#occupy(slots, work);
    if (this.#queue.length >= queueLimit) {
      this.#counts.refused += 1;
      return this.#busy;
    }
    return this.#wait(slots, work);
  }

  async #occupy<T>(slots: number, work: () => Promise<T>): Promise<PoolOutcome<T>> {
    this.#counts.active += slots;
    this.#counts.started += 1;
    try {
      return { ok: true, value: await work() };
    } finally {
      this.#counts.active -= slots;
      this.#advance();
    }
  }

  /** Expires late jobs and starts those that fit, from the head of the queue. */
  #advance(): void {
    const { width, now } = this.#options;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const isLate = now() >= head.deadline;
      if (!isLate && this.#counts.active + head.slots > width) return;
      this.#queue.shift();
      head.cancelTimer();
      if (isLate) this.#expire(head);
      else head.start();
    }
  }

  #expire(job: QueuedJob): void {
    this.#counts.expired += 1;
    job.refuse();
  }

  #wait<T>(slots: number, work: () => Promise<T>): Promise<PoolOutcome<T>> {
    const { now, setTimer, maxWaitMs } = this.#options;
    return new Promise((resolve) => {
      const job: QueuedJob = {
        slots,
        deadline: now() + maxWaitMs,
        start: () => resolve(this.#occupy(slots, work)),
        refuse: () => resolve(this.#busy),
        cancelTimer: () => {},
      };
      this.#queue.push(job);
      job.cancelTimer = setTimer(() => {
        const index = this.#queue.indexOf(job);
        if (index < 0) return;
        this.#queue.splice(index, 1);
        this.#expire(job);
        // After a wide job at the head expires, a narrow one behind it may fit.
        this.#advance();
      }, maxWaitMs);
    });
  }
}
