import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyBaseLogger } from 'fastify';
import { Problem } from './problems.ts';

/** So long the answer may take to be read: to close at once would throw away what is still on its way (RFC 9112 §9.6). */
const FAREWELL_MS = 1000;

/**
 * What is no request: no route, no hook and no reply ever sees it, so that its problem document is written to the socket itself, and
 * the connection ends (RFC 9112 §2.2, §3). Each further byte of it comes here again, and is answered no second time.
 */
export function answerClientErrors(log: FastifyBaseLogger) {
  return (error: Error & { code?: string }, socket: Duplex): void => {
    if (socket.destroyed || socket.writableEnded) return;
    if (error.code === 'ECONNRESET' || !socket.writable || isBeingAnswered(socket)) return void socket.destroy();
    const problem = toProblem(error.code);
    // Never the bytes: what is secret may stand in them.
    log.info({ code: problem.code, reason: error.code }, 'refused');
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
    socket.on('error', () => socket.destroy());
    socket.end(written(problem));
  };
}

/** What Node's parser refuses, by the code of its error. */
function toProblem(code: string | undefined): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') return new Problem('headers_too_large');
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new Problem('too_large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request_timeout');
  return new Problem('bad_request');
}

/** Whether these bytes follow a request that came whole, or the head of its answer: more would be read as a part of that answer. */
function isBeingAnswered(socket: Duplex): boolean {
  // Node's own handler looks there too, and there is no public word for it.
  const { _httpMessage: answer } = socket as Duplex & { readonly _httpMessage?: ServerResponse | null };
  return answer ? answer.headersSent || answer.req.complete : false;
}

function written(problem: Problem): string {
  const body = JSON.stringify(problem.body());
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
