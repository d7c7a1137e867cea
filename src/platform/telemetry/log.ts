import { writeSync } from 'node:fs';
import { type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';
import { DomainError, type Explain } from '../errors.ts';

/** Fields that the log redacts at any depth up to two. */
const secret = [
  'password',
  'new_password',
  'current_password',
  'token',
  'access_token',
  'mfa_token',
  'secret',
  'client_secret',
  'authorization',
  'cookie',
];

/**
 * Creates the log: JSON lines on stderr, because stdout carries a command's output. Requests are logged without headers and bodies; secret
 * fields are redacted all the same. The message of a refusal is its words, if `explain` is given.
 */
export function createLog(level: string, explain?: Explain): Logger {
  return pino(logOptions(level, explain), { write: (line) => writeLine(2, line) });
}

/** A line that cannot be written is dropped: a full disk or a closed pipe must not stop the server. */
function writeLine(file: number, line: string): void {
  for (let rest = Buffer.from(line); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      // The pipe is full: its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    }
  }
}

const BUSY_MS = 10;

export function logOptions(level: string, explain?: Explain): LoggerOptions {
  const paths = secret.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return {
    level,
    base: null,
    redact: { paths, censor: '[secret]' },
    serializers: { err: (error: Error) => serializeError(error, explain), req: requestLine },
    hooks: {
      // Without a message, pino would log the error's message, which bypasses the serializer.
      logMethod(parameters, method) {
        if (parameters.length === 1 && typeof parameters[0] === 'object') (parameters as unknown[]).push('');
        method.apply(this, parameters);
      },
    },
  };
}

/** The code and the parameters of a refusal stay beside its words. */
function serializeError(error: Error, explain?: Explain) {
  const safe = safeError(error);
  return error instanceof DomainError && explain ? { ...safe, message: explain(error) } : safe;
}

/**
 * Serializes an error for the log. A database error is reduced to class, code and constraint: the ORM's message and PostgreSQL's detail
 * contain the statement's values.
 */
export function safeError(error: Error) {
  const { code, constraint, table } = error as { code?: string; constraint?: string; table?: string };
  const isFromDatabase = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
  if (!isFromDatabase) return stdSerializers.err(error);
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
  return {
    type: error.name,
    message: `the database refused a statement (${code})`,
    code,
    constraint,
    table,
    stack: frames,
  };
}

function requestLine(request: { id?: unknown; method?: string; url?: string }) {
  return { id: request.id, method: request.method, path: request.url?.split('?')[0] };
}
