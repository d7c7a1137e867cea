/** One reason why a password may not be set. */
export interface PasswordFailure {
  /** Stable, for programs; the first four are Django's own. */
  readonly code:
    | 'password_too_similar'
    | 'password_too_short'
    | 'password_too_common'
    | 'password_entirely_numeric'
    | 'password_too_long';
  /** One sentence for people. */
  readonly detail: string;
  /** What the sentence speaks of, for those who word or translate it themselves. */
  readonly params?: Readonly<Record<string, string | number>>;
}

/** What a person is known by; absent and empty ones are passed over. */
export interface UserAttributes {
  readonly username?: string | null;
  readonly firstName?: string | null;
  readonly lastName?: string | null;
  readonly email?: string | null;
}
