import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The one cross-origin rule, for everything that takes authority from the cookie. A request that changes something is refused
 * when the browser says that it comes from elsewhere.
 */
export function sameOrigin(origin: string, trusted: readonly string[]) {
  return (request: FastifyRequest, _reply: FastifyReply, done: () => void): void => {
    if (!harmless.includes(request.method) && isFromElsewhere(request, origin, trusted))
      throw new Problem('cross_origin', {
        detail: `Only pages of ${origin} may do this. Others are allowed by SIGNET_TRUSTED_ORIGINS.`,
      });
    done();
  };
}

/** By `Sec-Fetch-Site`, else by `Origin`. Neither header: no browser. */
export function isFromElsewhere(request: FastifyRequest, origin: string, trusted: readonly string[] = []): boolean {
  const from = request.headers.origin;
  if (from !== undefined && trusted.includes(from)) return false;
  const site = request.headers['sec-fetch-site'];
  return site === undefined ? from !== undefined && from !== origin : site !== 'same-origin' && site !== 'none';
}
