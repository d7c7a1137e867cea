import type { FastifyReply, FastifyRequest } from 'fastify';

/** The DPoP proof of a request (RFC 9449 §4.1). Two headers are one text to Node, and no proof. */
export function dpopHeader({ headers }: FastifyRequest): string | undefined {
  return headers['dpop'] as string | undefined;
}

/** RFC 9449 §8.2: whoever sends a proof is told what the next one may hold. A hook for `onRequest`. */
export function offerNonce(nonce: () => string) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    if (dpopHeader(request) !== undefined) void reply.header('dpop-nonce', nonce());
    done();
  };
}
