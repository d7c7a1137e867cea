import type { Passwords } from '../passwords/index.ts';
import { isPasswordSized } from '../passwords/index.ts';
import { casefoldName, isNameSized } from '../platform/casefold.ts';
import type { Database } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';
import { readCredentials } from '../users/index.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** Backends of other kinds take other credentials. */
  readonly [kind: string]: unknown;
}

/** The user whom a backend authenticated, with the fields that a login needs. */
export interface AuthenticatedUser {
  readonly id: string;
  readonly passwordEpoch: number;
  /** Authentication methods, by their names in RFC 8176. */
  readonly amr: readonly string[];
  /** The stored hash, if it is correct but should be replaced by a stronger one. */
  readonly outdatedHash?: string;
}

/** The wait that is proposed when a password was not hashed because the hash pool is full. */
export const BUSY_SECONDS = 5;

/** The hash pool is full: nothing was verified or changed. */
export interface Busy {
  readonly kind: 'busy';
  readonly retryAfterSeconds: number;
}

/**
 * `refused`: the credentials are wrong for this backend, so the next one is tried. `veto`: no further backend is tried (Django's
 * `PermissionDenied`). `startedAt`: the start of the verification, after the wait for the hash pool, which does not depend on the user.
 */
export type BackendResult =
  | { readonly kind: 'user'; readonly user: AuthenticatedUser }
  | { readonly kind: 'refused'; readonly startedAt?: Date }
  | { readonly kind: 'veto' }
  | Busy;

/** An authentication backend. It identifies users and gives no rights: those come from Signet only. */
export interface Backend {
  readonly name: string;
  /** Returns whether the backend supports credentials of this kind; if not, it is skipped. */
  accepts(credentials: Credentials): boolean;
  authenticate(credentials: Credentials, now: Date): Promise<BackendResult>;
}

/** Django's `authenticate`: tries backends in order. The first user is returned; a veto ends the search without one. */
export async function tryBackends(
  backends: readonly Backend[],
  credentials: Credentials,
  now: Date,
): Promise<BackendResult> {
  let refusal: BackendResult = { kind: 'refused' };
  for (const backend of backends) {
    if (!backend.accepts(credentials)) continue;
    const result = await backend.authenticate(credentials, now);
    if (result.kind !== 'refused') return result;
    refusal = result;
  }
  return refusal;
}

/** Authenticates by username (or verified e-mail address) and the password stored by Signet, with exactly one verification for every request. */
export function passwordBackend(db: Database, passwords: Passwords, clock: Clock): Backend {
  return {
    name: 'password',
    accepts: ({ username, password }) => typeof username === 'string' && typeof password === 'string',
    async authenticate({ username = '', password = '' }) {
      // No stored password is that long: refused before any work, for every user alike.
      if (!isPasswordSized(password)) return { kind: 'refused' };
      // No username is that long either: a decoy is verified, as for every unknown name.
      const stored = isNameSized(username) ? await readCredentials(db, casefoldName(username)) : null;
      let startedAt: Date | undefined;
      const onStart = () => {
        startedAt = clock.now();
      };
      const verification = await passwords.verify(password, stored?.password ?? null, onStart);
      if (!verification.ok) return { kind: 'busy', retryAfterSeconds: verification.retryAfterSeconds };
      if (!stored || !verification.matches || !stored.isActive)
        return { kind: 'refused', ...(startedAt ? { startedAt } : {}) };
      const outdated = verification.isOutdated ? { outdatedHash: stored.password } : {};
      return { kind: 'user', user: { id: stored.id, passwordEpoch: stored.passwordEpoch, amr: ['pwd'], ...outdated } };
    },
  };
}
