import type { FastifyRequest } from 'fastify';
import { Problem } from './problems.ts';

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The one cross-origin rule, for everything that takes authority from the cookie. A request that changes something is refused
 * when the browser says that it comes from elsewhere: by `Sec-Fetch-Site`, else by `Origin`. Neither header: no browser.
 */
export function sameOrigin(origin: string, trusted: readonly string[]) {
  return async (request: FastifyRequest): Promise<void> => {
    if (harmless.includes(request.method)) return;
    const from = request.headers.origin;
    if (from !== undefined && trusted.includes(from)) return;
    const site = request.headers['sec-fetch-site'];
    const isForeign =
      site === undefined ? from !== undefined && from !== origin : site !== 'same-origin' && site !== 'none';
    if (isForeign)
      throw new Problem('cross_origin', {
        detail: `Only pages of ${origin} may do this. Others are allowed by SIGNET_TRUSTED_ORIGINS.`,
      });
  };
}
