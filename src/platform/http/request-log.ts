import type { FastifyBaseLogger } from 'fastify';

/**
 * A request's log, bound to its id. The child logger is created at the first entry: most requests log nothing, and creating one costs as
 * much as reading a session.
 */
export class RequestLog {
  readonly #parent: FastifyBaseLogger;
  readonly #bindings: Record<string, unknown>;
  #child: FastifyBaseLogger | undefined;

  constructor(parent: FastifyBaseLogger, bindings: Record<string, unknown>) {
    this.#parent = parent;
    this.#bindings = bindings;
  }

  get level(): string {
    return this.#parent.level;
  }

  child(...parameters: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.#childLog().child(...parameters);
  }

  fatal(...parameters: unknown[]): void {
    this.#write('fatal', parameters);
  }
  error(...parameters: unknown[]): void {
    this.#write('error', parameters);
  }
  warn(...parameters: unknown[]): void {
    this.#write('warn', parameters);
  }
  info(...parameters: unknown[]): void {
    this.#write('info', parameters);
  }
  debug(...parameters: unknown[]): void {
    this.#write('debug', parameters);
  }
  trace(...parameters: unknown[]): void {
    this.#write('trace', parameters);
  }
  silent(): void {}

  #childLog(): FastifyBaseLogger {
    this.#child ??= this.#parent.child(this.#bindings);
    return this.#child;
  }

  #write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', parameters: unknown[]): void {
    const log = this.#childLog();
    (log[level] as (...all: unknown[]) => void)(...parameters);
  }
}
