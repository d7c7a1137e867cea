import type { AuditContext } from '../audit/index.ts';
import type { Database } from '../platform/database/index.ts';
import { createUser, type FieldError, type NewUser, User } from '../users/index.ts';
import type { Authentication, Postponed } from './authenticate.ts';
import { BUSY_SECONDS } from './backends.ts';
import { checkNewUser } from './change-password.ts';
import { type Quotas, reserveQuota } from './throttle/quotas.ts';

export interface SignUpDeps {
  readonly db: Database;
  readonly authentication: Authentication;
  readonly quotas: Quotas;
  readonly passwordMinLength: number;
}

export type SignUpInput = Pick<NewUser, 'username' | 'email' | 'firstName' | 'lastName'> & {
  readonly password: string;
};

export type SignUpResult =
  | { readonly kind: 'created'; readonly user: User }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  | Postponed;

/**
 * Creates an account. The quota of the network is reserved first, and released if the input was not worth a password
 * hash. An e-mail address is stored unverified, and may be another user's too.
 */
export async function signUp(
  { db, authentication, quotas, passwordMinLength }: SignUpDeps,
  audit: AuditContext,
  ip: string,
  input: SignUpInput,
): Promise<SignUpResult> {
  const reservation = await reserveQuota(db, quotas, 'signup', { ip }, audit.at);
  if (!reservation.ok) return { kind: 'throttled', retryAfterSeconds: reservation.retryAfterSeconds };
  const errors = await checkNewUser(input, input.password, passwordMinLength);
  if (errors.length > 0) {
    await reservation.release();
    return { kind: 'invalid', errors };
  }
  const password = await authentication.passwords.hash(input.password);
  if (password === null) {
    await reservation.release();
    return { kind: 'busy', retryAfterSeconds: BUSY_SECONDS };
  }
  const user = await createUser(db.fork(), audit, { ...input, password });
  return user instanceof User ? { kind: 'created', user } : { kind: 'invalid', errors: user };
}
