/** Exit codes of the `signet` command, one per kind of failure. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, conflict: 4, noConnection: 5 } as const;

export type FailureKind = Exclude<keyof typeof EXIT, 'done'>;

/**
 * An error that a person can fix: `message` says what is wrong and names the remedy. The command line turns `kind` into an exit code, a
 * route turns it into a status.
 */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Machine-readable details for `--json`, without secrets. */
  readonly details: Record<string, unknown> | undefined;

  constructor(kind: FailureKind, message: string, details?: Record<string, unknown>) {
    super(message);
    this.name = 'Failure';
    this.kind = kind;
    this.details = details;
  }
}

/** A resource that will be available in a moment. A route returns 503 with `Retry-After`. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** Process event: standard output is closed. A server drains before it exits. */
export const OUTPUT_CLOSED = 'signet:output-lost';
