import type { FastifyRequest } from 'fastify';
import { quote } from '../quote.ts';
import { OAuthError } from './oauth-errors.ts';
import { Problem } from './problems.ts';

/** Of a reason: what the framework says may repeat a header. */
const LONGEST = 512;

/**
 * The one line about a request that was not answered as it was asked. Only a fault of ours is an error, with its stack. What a
 * caller does wrong, or asks of us in vain (501), is for those who look closely; that this server cannot answer just now is a
 * warning. Anybody can cause these: they are short, and bounded by what they say of us.
 */
export function logRefusal(request: FastifyRequest, status: number, code: string, error: Error): void {
  const { log } = request;
  const reason = quote(error.message, LONGEST);
  if (status < 500 || status === 501) log.info({ code, reason }, 'refused');
  else if (error instanceof Problem || error instanceof OAuthError) log.warn({ code, reason }, 'not answered just now');
  else log.error({ err: error, code }, 'a request failed');
}
