/** The only source of time. Tests pass their own, so no decision calls `Date.now()`. */
export interface Clock {
  now(): Date;
  /** Resolves once `now()` has reached `instant`. */
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

/** Returns a NumericDate: whole seconds since 1970 (RFC 7519 §2). */
export function numericDate(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
