import type { Clock } from './clock.ts';
import { VerifierError, type VerifierErrorCode } from './errors.ts';

/** After a failure, the next attempt. Concurrent callers share one. */
const RETRY_MS = 1000;

interface Rules<T> {
  load(): Promise<T>;
  readonly clock: Clock;
  /** What is thrown when there is nothing to go by. */
  readonly unavailable: VerifierErrorCode;
  /** Asked for anew in the background from this age on; waited for at twice the age. */
  readonly maxAgeMs: number;
  /** From this age on it is not served any more, whatever the outage. Absent: it never goes bad. */
  readonly goodForMs?: number;
  /** `newer` asks at most once in so long. */
  readonly cooldownMs: number;
}

/** A document of the issuer that is kept: asked for once at a time, and served on, for `goodForMs`, when the issuer does not answer. */
export class Kept<T> {
  readonly #rules: Rules<T>;
  #value: T | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #failure: unknown;
  #underway: Promise<void> | undefined;

  constructor(rules: Rules<T>) {
    this.#rules = rules;
  }

  /** What is kept. Throws `unavailable` when there never was anything, or what there is has gone bad. */
  async current(): Promise<T> {
    const { clock, maxAgeMs } = this.#rules;
    const age = clock.elapsed() - this.#loadedAt;
    if (age > maxAgeMs) {
      const attempt = this.#attempt(this.#good() === undefined ? RETRY_MS : Math.max(RETRY_MS, maxAgeMs / 10));
      if (age > 2 * maxAgeMs) await attempt;
    }
    const value = this.#good();
    if (value === undefined) throw this.unavailable();
    return value;
  }

  /** A moment, for `newer`. */
  mark(): number {
    return this.#rules.clock.elapsed();
  }

  /** What is kept after asking anew, where the cooldown allows it, and whether the issuer was asked since `mark`. */
  async newer(mark: number): Promise<{ readonly value: T; readonly isAsked: boolean }> {
    if (this.#loadedAt < mark) await this.#attempt(this.#rules.cooldownMs);
    const value = this.#good();
    if (value === undefined) throw this.unavailable();
    return { value, isAsked: this.#loadedAt >= mark };
  }

  /** True when the last attempt came to nothing. */
  get isFailing(): boolean {
    return this.#failure !== undefined;
  }

  unavailable(): VerifierError {
    return new VerifierError(this.#rules.unavailable, { cause: this.#failure });
  }

  #good(): T | undefined {
    const { clock, goodForMs = Number.POSITIVE_INFINITY } = this.#rules;
    return clock.elapsed() - this.#loadedAt <= goodForMs ? this.#value : undefined;
  }

  /** Null: the last attempt was less than `pauseMs` ago. */
  #attempt(pauseMs: number): Promise<void> | null {
    if (this.#underway) return this.#underway;
    const elapsed = this.#rules.clock.elapsed();
    if (elapsed - this.#attemptedAt < pauseMs) return null;
    this.#attemptedAt = elapsed;
    this.#underway = this.#load().finally(() => {
      this.#underway = undefined;
    });
    return this.#underway;
  }

  async #load(): Promise<void> {
    const startedAt = this.#rules.clock.elapsed();
    try {
      this.#value = await this.#rules.load();
      this.#loadedAt = startedAt;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
    }
  }
}
