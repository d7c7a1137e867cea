import type { FastifyRequest } from 'fastify';
import { OAuthError } from './oauth-errors.ts';
import { Problem } from './problems.ts';

/**
 * The one line about a request that was not answered as it was asked. Only a fault of ours is an error, with its stack. What a
 * caller does wrong, or asks of us in vain (501), is for those who look closely; that this server cannot answer just now is a
 * warning. Anybody can cause these: they are short, and bounded by what they say of us.
 */
export function logRefusal(request: FastifyRequest, status: number, code: string, error: Error): void {
  const { log } = request;
  if (status < 500 || status === 501) log.info({ code, reason: error.message }, 'refused');
  else if (error instanceof Problem || error instanceof OAuthError)
    log.warn({ code, reason: error.message }, 'not answered just now');
  else log.error({ err: error, code }, 'a request failed');
}
