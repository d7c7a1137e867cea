import { recordEvent } from '../audit/index.ts';
import type { Passwords } from '../passwords/index.ts';
import { casefoldName } from '../platform/casefold.ts';
import type { Database } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { findUserId } from '../users/index.ts';
import { type AuthenticatedUser, type Backend, type Busy, tryBackends } from './backends.ts';
import type { Assurance } from './flow/state.ts';
import type { SignInMethod } from './methods.ts';
import { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';

/** The dependencies of authentication, created once at start. */
export interface Authentication {
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly backends: readonly Backend[];
  readonly limits: ThrottleLimits;
  /** Failed logins are delayed to a multiple of this, so that timing reveals nothing. */
  readonly refusalMilliseconds: number;
  /** Further methods; none: a password is enough for everybody. */
  readonly methods?: readonly SignInMethod[];
  /** How well a user must prove who they are; absent: `1fa`. */
  readonly requiredAssurance?: (userId: string) => Promise<Assurance>;
  /** Port: receives the outcome of each attempt, for metrics. */
  readonly onOutcome?: (outcome: Outcome['kind']) => void;
}

export interface Attempt {
  readonly username: string;
  readonly password: string;
  readonly ip: string;
}

/** Nothing was verified or changed: the same request may come again. */
export type Postponed = { readonly kind: 'throttled'; readonly retryAfterSeconds: number } | Busy;

export type Outcome =
  | { readonly kind: 'user'; readonly user: AuthenticatedUser }
  | { readonly kind: 'refused' }
  | Postponed;

/** The outcome of a request that repeats a recent one. */
export interface RepeatedRequest<T> {
  readonly kind: 'repeated';
  readonly result: T;
}

/** Port: returns the result of the same request a moment ago; null if there was none, and the attempt is verified. */
export type FindRepeat<T> = () => Promise<T | null>;

/**
 * Authenticates a user. First reserves the throttle, in one statement, then asks the backends. The reservation is released after a correct
 * password or if nothing was verified. All refusals are the same and are sent at a deadline that does not depend on the user (`refusalDeadline`).
 * The search for a repeated request is throttled too, because it compares passwords.
 */
export async function authenticate(db: Database, authentication: Authentication, attempt: Attempt): Promise<Outcome>;
export async function authenticate<T>(
  db: Database,
  authentication: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T>,
): Promise<Outcome | RepeatedRequest<T>>;
export async function authenticate<T>(
  db: Database,
  authentication: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T> = async () => null,
): Promise<Outcome | RepeatedRequest<T>> {
  const outcome = await evaluate(db, authentication, attempt, findRepeat);
  if (outcome.kind !== 'repeated') authentication.onOutcome?.(outcome.kind);
  return outcome;
}

async function evaluate<T>(
  db: Database,
  authentication: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T>,
): Promise<Outcome | RepeatedRequest<T>> {
  const { clock, limits, backends, refusalMilliseconds } = authentication;
  const receivedAt = clock.now();
  const reservation = await reserveAttempt(db, limits, { name: attempt.username, ip: attempt.ip }, receivedAt);
  if (!reservation.ok) return { kind: 'throttled', retryAfterSeconds: reservation.retryAfterSeconds };

  const repeat = await findRepeat();
  if (repeat !== null) {
    await reservation.release();
    return { kind: 'repeated', result: repeat };
  }
  const result = await tryBackends(backends, { username: attempt.username, password: attempt.password }, receivedAt);
  if (result.kind === 'user' || result.kind === 'busy') {
    await reservation.release();
    return result;
  }
  await recordRefusal(db, attempt, receivedAt);
  const startedAt = (result.kind === 'refused' ? result.startedAt : undefined) ?? receivedAt;
  await clock.sleepUntil(refusalDeadline(startedAt, clock.now(), refusalMilliseconds));
  return { kind: 'refused' };
}

/**
 * Returns the first multiple of the step after the start of the verification (after arrival, if nothing was verified) that is not past. The
 * wait for the hash pool comes before the start and does not depend on the user. If it counted, an attacker could let it end
 * just before a step, and the step would tell a slow hash from a fast one.
 */
export function refusalDeadline(startedAt: Date, now: Date, stepMilliseconds: number): Date {
  if (stepMilliseconds === 0) return now;
  const steps = Math.max(1, Math.ceil((now.getTime() - startedAt.getTime()) / stepMilliseconds));
  return new Date(startedAt.getTime() + steps * stepMilliseconds);
}

/** Records a failed login. The name is stored only if a user has it: otherwise it may be a password in the wrong field. */
async function recordRefusal(db: Database, attempt: Attempt, at: Date): Promise<void> {
  const userId = await findUserId(db, casefoldName(attempt.username));
  const em = db.fork();
  const tried = userId === null ? {} : { userId, nameTried: attempt.username };
  recordEvent(em, at, { kind: 'login_refused', ip: attempt.ip, ...tried });
  await em.flush();
}
