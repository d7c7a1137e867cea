/** The two clocks. Tests replace them. */
export interface Clock {
  /** Milliseconds since 1970, for token claims. */
  now(): number;
  /** Monotonic milliseconds, for the age of cached data. */
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Allowed difference between the clocks of issuer and service (RFC 7519 §4.1.4). */
export const SKEW_SECONDS = 60;
