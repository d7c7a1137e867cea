/**
 * http: what holds for every route, whoever mounts it.
 * Owns: the server, strict reading of bodies and queries, the one cross-origin rule, the session cookie's form, the family of problems (RFC 9457).
 * Does not own: any route.
 * Standards: RFC 6265bis, 8259, 9110, 9457; Fetch Metadata.
 */
export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify';
export { type SessionCookie, sessionCookie } from './cookie.ts';
export { acceptForms } from './input.ts';
export { type FieldProblem, Problem, type ProblemCode, tryLater } from './problems.ts';
export { sameOrigin } from './same-origin.ts';
export { type App, createServer, type ServerOptions } from './server.ts';
