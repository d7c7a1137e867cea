/** What the verifiers are to notice: a token that is good now, and what becomes of it. */
export interface Watch {
  readonly token: string;
  /** The one that is given or taken away. */
  readonly permission: string;
  readonly kind: 'removal' | 'addition';
  /** By which a client of the user gets its next token. */
  readonly cookie: string;
}

/** When each verifier knew, on the monotonic clock; null: it never did. */
export interface Seen {
  /** Removal: the token was refused. Addition: the answer to a request that lacks the permission was "refresh". */
  readonly known: readonly (number | null)[];
  /** Addition: the next token was accepted with the new permission. */
  readonly works: readonly (number | null)[];
}

export interface VerifiersPlan {
  readonly issuer: string;
  /** Where the clients of these services ask. */
  readonly port: number;
  readonly audience: string;
  /** Where each verifier reaches the issuer. */
  readonly fronts: readonly number[];
}
