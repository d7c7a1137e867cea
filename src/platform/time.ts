/** The one source of time. Tests pass their own, so nothing in Signet calls `Date.now()` for a decision. */
export interface Clock {
  now(): Date;
  /** Resolves once `now()` has reached `instant`; at once when it has already. */
  sleepUntil(instant: Date): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleepUntil: (instant) => {
    const milliseconds = instant.getTime() - Date.now();
    return milliseconds <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, milliseconds));
  },
};

export function plusSeconds(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

/** Whole seconds since 1970: NumericDate, RFC 7519 §2. */
export function numericDate(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
