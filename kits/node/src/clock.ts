/** Two ways to tell time. Tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970, as the claims of tokens count. */
  now(): number;
  /** Milliseconds since some moment, never set back: how old something kept is. */
  elapsed(): number;
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() };

/** Clocks of issuer and service may differ by so much (RFC 7519 §4.1.4). */
export const SKEW_SECONDS = 60;
