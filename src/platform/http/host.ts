import type { FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

/**
 * For Node's server: a field that may stand there once (`Host`, `Content-Type`, `Authorization`, …) and stands there twice is
 * joined, and so refused by whoever reads it; left alone, Node keeps the first and says nothing. And a request without a `Host`
 * comes to `checkHost`.
 */
export const readsEveryHost = { joinDuplicateHeaders: true, requireHostHeader: false } as const;

/** A name, an IPv4 or an IPv6 address, and perhaps a port (RFC 3986 §3.2.2, as DNS has names). */
const hostField = /^(?:\[[\da-f:.]{2,45}\]|[\w.~-]{1,255})(?::\d{0,5})?$/i;

/** RFC 9112 §3.2: one `Host` that can be read, 400 otherwise. HTTP/1.0 knew none. */
export function checkHost({ headers: { host }, raw }: FastifyRequest): void {
  if (host === undefined ? raw.httpVersion === '1.0' : hostField.test(host)) return;
  throw new Problem('bad_request', { detail: 'Send one Host field: a name or an address, and the port.' });
}
