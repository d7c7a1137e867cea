import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { Problem, type ProblemWords } from './problems.ts';

/** How long the response may take to be read: closing at once would discard data in transit (RFC 9112 §9.6). */
const LINGER_MS = 1000;

/**
 * Handles input that is not a valid request: no route, hook or reply sees it, so the problem document is written to the socket itself, and
 * the connection closes (RFC 9112 §2.2, §3). Further bytes trigger this handler again and get no second response.
 */
export function handleClientErrors(log: FastifyBaseLogger, words: ProblemWords) {
  return (error: Error & { code?: string }, socket: Duplex): void => {
    if (socket.destroyed || socket.writableEnded) return;
    if (error.code === 'ECONNRESET' || !socket.writable || hasResponse(socket)) return void socket.destroy();
    const problem = toProblem(error.code);
    // Never logs the bytes: they may contain a secret.
    log.info({ code: problem.code, reason: error.code }, 'refused');
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    socket.on('error', () => socket.destroy());
    socket.end(httpMessage(problem, words));
  };
}

/** Maps the error codes of Node's parser. */
function toProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('headers_too_large');
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Problem('too_large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout');
  return new Problem('bad_request');
}

/** Returns whether these bytes follow a complete request, or the response's headers were sent: more output would be read as part of that response. */
function hasResponse(socket: Duplex): boolean {
  // Node's own handler reads this property too; there is no public one.
  const { _httpMessage: response } = socket as Duplex & { readonly _httpMessage?: ServerResponse | null };
  return response ? response.headersSent || response.req.complete : false;
}

function httpMessage(problem: Problem, words: ProblemWords): string {
  const body = JSON.stringify(problem.body(words));
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    'Referrer-Policy: no-referrer',
    '',
    body,
  ].join('\r\n');
}
