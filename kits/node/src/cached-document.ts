import type { Clock } from './clock.ts';
import { VerifierError, type VerifierErrorCode } from './errors.ts';

/** Pause after a failed attempt. Concurrent callers share one attempt. */
const RETRY_MS = 1000;

interface DocumentRules<T> {
  load(): Promise<T>;
  readonly clock: Clock;
  /** Error code if there is no usable document. */
  readonly unavailable: VerifierErrorCode;
  /** Age from which the document is refreshed in the background; at twice the age callers wait for it. */
  readonly maxAgeMs: number;
  /** Age from which the document is not used any more, even in an outage. Absent: no limit. */
  readonly goodForMs?: number;
  /** Minimum time between fetches by `newer`. */
  readonly cooldownMs: number;
}

/** A cached document of the issuer: fetched once at a time, and used for `goodForMs` if the issuer does not respond. */
export class CachedDocument<T> {
  readonly #options: DocumentRules<T>;
  #value: T | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #pending: Promise<void> | undefined;

  constructor(options: DocumentRules<T>) {
    this.#options = options;
  }

  /** Returns the document. Throws `unavailable` if there is none, or it is too old. */
  async current(): Promise<T> {
    const { clock, maxAgeMs } = this.#options;
    const age = clock.elapsed() - this.#loadedAt;
    if (age > maxAgeMs) {
      const attempt = this.#attempt(this.#usable() === undefined ? RETRY_MS : Math.max(RETRY_MS, maxAgeMs / 10));
      if (age > 2 * maxAgeMs) await attempt;
    }
    const value = this.#usable();
    if (value === undefined) throw this.unavailable();
    return value;
  }

  /** Returns the current time, for `newer`. */
  mark(): number {
    return this.#options.clock.elapsed();
  }

  /** Fetches the document again if the cooldown allows it. Returns it, and whether it was fetched since `mark`. */
  async newer(mark: number): Promise<{ readonly value: T; readonly isFetched: boolean }> {
    if (this.#loadedAt < mark) await this.#attempt(this.#options.cooldownMs);
    const value = this.#usable();
    if (value === undefined) throw this.unavailable();
    return { value, isFetched: this.#loadedAt >= mark };
  }

  /** Whether the last attempt failed. */
  get isFailing(): boolean {
    return this.#failure !== undefined;
  }

  unavailable(): VerifierError {
    return new VerifierError(this.#options.unavailable, { cause: this.#failure });
  }

  #usable(): T | undefined {
    const { clock, goodForMs = Number.POSITIVE_INFINITY } = this.#options;
    return clock.elapsed() - this.#loadedAt <= goodForMs ? this.#value : undefined;
  }

  /** Returns null if the last attempt was less than `pauseMs` ago. */
  #attempt(pauseMs: number): Promise<void> | null {
    if (this.#pending) return this.#pending;
    const elapsed = this.#options.clock.elapsed();
    if (elapsed - this.#attemptedAt < pauseMs) return null;
    this.#attemptedAt = elapsed;
    this.#pending = this.#load().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #load(): Promise<void> {
    const startedAt = this.#options.clock.elapsed();
    try {
      this.#value = await this.#options.load();
      this.#loadedAt = startedAt;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }
}
