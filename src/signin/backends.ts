import type { Passwords } from '../passwords/index.ts';
import { isPasswordSized } from '../passwords/index.ts';
import { casefoldName, isNameSized } from '../platform/casefold.ts';
import { type Database, hotSelect } from '../platform/database/index.ts';
import type { Clock } from '../platform/time.ts';

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** Backends of other kinds take other credentials. */
  readonly [kind: string]: unknown;
}

/** The user that a backend vouches for, as much as a login needs of it. */
export interface AuthenticatedUser {
  readonly id: string;
  readonly passwordEpoch: number;
  /** RFC 8176 names of how. */
  readonly amr: readonly string[];
  /** The stored password that was right and should be hashed anew. */
  readonly outdated?: string;
}

/**
 * `refused` = this backend knows nobody by these credentials, ask the next; `veto` = nobody shall, ask no more.
 * `since` = when the verification began: how long it waited for its place says nothing about the user.
 */
export type BackendResult =
  | { readonly kind: 'user'; readonly user: AuthenticatedUser }
  | { readonly kind: 'refused'; readonly since?: Date }
  | { readonly kind: 'veto' }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number };

/** A way to authenticate. It says who somebody is, never what they may do: rights come from Signet alone. */
export interface Backend {
  readonly name: string;
  /** Whether it can take these credentials at all; one that cannot is skipped. */
  takes(credentials: Credentials): boolean;
  authenticate(credentials: Credentials, now: Date): Promise<BackendResult>;
}

/** Django's `authenticate`: backends in order, the first user wins, a veto ends it with nobody. */
export async function tryBackends(
  backends: readonly Backend[],
  credentials: Credentials,
  now: Date,
): Promise<BackendResult> {
  let refusal: BackendResult = { kind: 'refused' };
  for (const backend of backends) {
    if (!backend.takes(credentials)) continue;
    const answer = await backend.authenticate(credentials, now);
    if (answer.kind !== 'refused') return answer;
    refusal = answer;
  }
  return refusal;
}

/** A username first; a verified e-mail address where no username is spelled so. */
const byName = hotSelect(
  'signin-user-by-name',
  `select id, password, password_epoch::int as password_epoch, is_active from users_user where username_key = $1
    union all
    select id, password, password_epoch::int, is_active from users_user where email_key = $1 and email_verified_at is not null
      and not exists (select from users_user where username_key = $1)`,
);

interface Row {
  id: string;
  password: string;
  password_epoch: number;
  is_active: boolean;
}

/** Username (or verified e-mail address) and password, kept by Signet. Exactly one verification, whoever asks. */
export function passwordBackend(db: Database, passwords: Passwords, clock: Clock): Backend {
  return {
    name: 'password',
    takes: ({ username, password }) => typeof username === 'string' && typeof password === 'string',
    async authenticate({ username = '', password = '' }) {
      // Nobody's password is that long, whoever it is: refused before any work.
      if (!isPasswordSized(password)) return { kind: 'refused' };
      // Nobody's name is that long either: a decoy is verified, as for every other name that nobody has.
      const [row] = isNameSized(username) ? await db.query<Row>(byName, [casefoldName(username)]) : [];
      let since: Date | undefined;
      const started = () => {
        since = clock.now();
      };
      const checked = await passwords.verify(password, row?.password ?? null, started);
      if (!checked.ok) return { kind: 'busy', retryAfterSeconds: checked.retryAfterSeconds };
      if (!row || !checked.matches || !row.is_active) return { kind: 'refused', ...(since ? { since } : {}) };
      const outdated = checked.isOutdated ? { outdated: row.password } : {};
      return { kind: 'user', user: { id: row.id, passwordEpoch: row.password_epoch, amr: ['pwd'], ...outdated } };
    },
  };
}
