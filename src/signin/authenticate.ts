import { recordEvent } from '../audit/index.ts';
import type { Passwords } from '../passwords/index.ts';
import { casefoldName } from '../platform/casefold.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { type AuthenticatedUser, type Backend, tryBackends } from './backends.ts';
import { reserveAttempt, type ThrottleLimits } from './throttle/throttle.ts';

/** What authentication is done with; made once, at start. */
export interface Authentication {
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly backends: readonly Backend[];
  readonly limits: ThrottleLimits;
  /** Refusals are answered this long after they came, or a whole multiple of it: never earlier for one reason than for another. */
  readonly refusalMilliseconds: number;
  /** Port: told what each attempt came to, for whoever counts them. */
  readonly counted?: (outcome: Outcome['kind']) => void;
}

export interface Attempt {
  readonly username: string;
  readonly password: string;
  readonly ip: string;
}

export type Outcome =
  | { readonly kind: 'user'; readonly user: AuthenticatedUser }
  | { readonly kind: 'refused' }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

/** What has come a moment ago has come again. */
export interface RepeatedRequest<T> {
  readonly kind: 'repeated';
  readonly as: T;
}

/** Port: what the same request came to a moment ago; null: nothing, and it is verified. */
export type FindRepeat<T> = () => Promise<T | null>;

/**
 * Who is this? In this order: the throttle is reserved in one statement before anything is verified, then the backends are
 * asked, and the reservation is given back after a right password or when nothing was verified. One refusal for every
 * reason, released at a deadline that was fixed before the user was looked up. A repetition is looked for when it is counted, so
 * that nobody guesses by it.
 */
export async function authenticate(db: Database, how: Authentication, attempt: Attempt): Promise<Outcome>;
export async function authenticate<T>(
  db: Database,
  how: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T>,
): Promise<Outcome | RepeatedRequest<T>>;
export async function authenticate<T>(
  db: Database,
  how: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T> = async () => null,
): Promise<Outcome | RepeatedRequest<T>> {
  const outcome = await evaluate(db, how, attempt, findRepeat);
  if (outcome.kind !== 'repeated') how.counted?.(outcome.kind);
  return outcome;
}

async function evaluate<T>(
  db: Database,
  how: Authentication,
  attempt: Attempt,
  findRepeat: FindRepeat<T>,
): Promise<Outcome | RepeatedRequest<T>> {
  const cameAt = how.clock.now();
  const reservation = await reserveAttempt(db, how.limits, attempt.username, attempt.ip, cameAt);
  if (!reservation.ok) return { kind: 'throttled', retryAfterSeconds: reservation.retryAfterSeconds };

  const repeated = await findRepeat();
  if (repeated !== null) {
    await reservation.release();
    return { kind: 'repeated', as: repeated };
  }
  const answer = await tryBackends(how.backends, { username: attempt.username, password: attempt.password }, cameAt);
  if (answer.kind === 'user' || answer.kind === 'busy') {
    await reservation.release();
    return answer;
  }
  await refused(db, attempt, cameAt);
  const since = (answer.kind === 'refused' ? answer.since : undefined) ?? cameAt;
  await how.clock.sleepUntil(refusalDeadline(since, how.clock.now(), how.refusalMilliseconds));
  return { kind: 'refused' };
}

/**
 * The first multiple of the deadline that is not past, from the moment when the verification began (from the arrival, where there
 * was none). The wait for a place in the pool comes before that and is the same for everybody: counted in, it could be made to
 * end just before a step, and the step would tell a slow hash from a fast one.
 */
export function refusalDeadline(since: Date, now: Date, stepMilliseconds: number): Date {
  if (stepMilliseconds === 0) return now;
  const steps = Math.max(1, Math.ceil((now.getTime() - since.getTime()) / stepMilliseconds));
  return new Date(since.getTime() + steps * stepMilliseconds);
}

const known = hotSelect('signin-user-id-by-name', 'select id from users_user where username_key = $1');

/** What was typed is kept only where it is somebody's name: otherwise it may be a password in the wrong field. */
async function refused(db: Database, attempt: Attempt, at: Date): Promise<void> {
  const [user] = await db.query<{ id: string }>(known, [casefoldName(attempt.username)]);
  const em = db.fork();
  const tried = user ? { userId: user.id, nameTried: attempt.username } : {};
  recordEvent(em, at, { kind: 'login_refused', ip: attempt.ip, ...tried });
  await em.flush();
}
