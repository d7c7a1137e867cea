/** Exit codes of the `signet` command, one per kind of failure. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, conflict: 4, noConnection: 5 } as const;

export type FailureKind = Exclude<keyof typeof EXIT, 'done'>;

/** An error of a command: `message` says what is wrong and names the remedy; `kind` becomes the exit code. */
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

/** What a message about an error may name. */
export type ErrorParams = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** Of an error whose message names nothing. */
export type NoParams = Record<never, never>;

/**
 * A refusal of the domain: a code, and what a message about it names. The domain has no sentences; the edge has them (docs/architecture.md,
 * "Errors").
 */
export class DomainError<Code extends string = string> extends Error {
  override readonly name = 'DomainError';
  readonly code: Code;
  readonly params: ErrorParams;

  constructor(code: Code, params: ErrorParams = {}) {
    super(`${code} ${JSON.stringify(params)}`);
    this.code = code;
    this.params = params;
  }
}

/** Returns the function that makes the errors of a room, from its table of codes with their parameters. */
export function domainErrors<Table extends { readonly [Code in keyof Table]: ErrorParams }>() {
  return <Code extends keyof Table & string>(
    code: Code,
    ...[params]: NoParams extends Table[Code] ? [params?: Table[Code]] : [params: Table[Code]]
  ): DomainError<Code> => new DomainError(code, params);
}

/** Returns whether an error is the one of this code. */
export function isDomainError<Code extends string>(error: unknown, code: Code): error is DomainError<Code> {
  return error instanceof DomainError && error.code === code;
}

/** Returns the words for a refusal. Only the edge has them: a server gets this function from the command that starts it. */
export type Explain = (error: DomainError) => string;

/** A resource that will be available in a moment. A route returns 503 with `Retry-After`. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** Process event: standard output is closed. A server drains before it exits. */
export const OUTPUT_CLOSED = 'signet:output-lost';
