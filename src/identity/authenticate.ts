import { recordEvent } from '../audit/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { type Authenticated, askBackends, type Backend } from './backends.ts';
import type { Passwords } from './passwords/checker.ts';
import { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';

/** What authentication is done with; made once, at start. */
export interface Authentication {
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly backends: readonly Backend[];
  readonly limits: ThrottleLimits;
  /** Refusals are answered this long after they came, or a whole multiple of it: never earlier for one reason than for another. */
  readonly refusalMilliseconds: number;
}

export interface Attempt {
  readonly username: string;
  readonly password: string;
  readonly ip: string;
}

export type Outcome =
  | { readonly kind: 'user'; readonly user: Authenticated }
  | { readonly kind: 'refused' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

/**
 * Who is this? In this order: the throttle is reserved in one statement before anything is verified, then the backends are
 * asked, and the reservation is given back after a right password or when nothing was verified. One refusal for every
 * reason, released at a deadline that was fixed before the user was looked up.
 */
export async function authenticate(db: Database, how: Authentication, attempt: Attempt): Promise<Outcome> {
  const cameAt = how.clock.now();
  const reservation = await reserveAttempt(db, how.limits, attempt.username, attempt.ip, cameAt);
  if (!reservation.ok) return { kind: 'throttled', retryAfterSeconds: reservation.retryAfterSeconds };

  const answer = await askBackends(how.backends, { username: attempt.username, password: attempt.password }, cameAt);
  if (answer.kind === 'user' || answer.kind === 'busy') {
    await reservation.giveBack();
    return answer;
  }
  await refused(db, attempt, cameAt);
  await how.clock.sleepUntil(releaseAt(cameAt, how.clock.now(), how.refusalMilliseconds));
  return { kind: 'refused' };
}

/** The first multiple of the deadline that is not past: one slow verification shows as a whole step, not as its own time. */
export function releaseAt(cameAt: Date, now: Date, stepMilliseconds: number): Date {
  if (stepMilliseconds === 0) return now;
  const steps = Math.max(1, Math.ceil((now.getTime() - cameAt.getTime()) / stepMilliseconds));
  return new Date(cameAt.getTime() + steps * stepMilliseconds);
}

async function refused(db: Database, attempt: Attempt, at: Date): Promise<void> {
  const em = db.fork();
  // The name as typed may be a password in the wrong field; its first characters are enough to recognise an attack.
  recordEvent(em, at, { kind: 'login_refused', nameTried: attempt.username.slice(0, 64), ip: attempt.ip });
  await em.flush();
}
