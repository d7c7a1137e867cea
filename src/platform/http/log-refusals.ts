import type { FastifyRequest } from 'fastify';
import { quote } from '../text.ts';
import { OAuthError, type OAuthErrorCode } from './oauth-errors.ts';
import { Problem } from './problems.ts';

/** What a request says of its client, whatever that is worth. */
export interface ClientParameters {
  readonly authorization: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

export interface RefusalDetails {
  readonly client: { readonly id: string; readonly name?: string } | null;
  /** What the client's developer, or the operator, can do about it. */
  readonly remedy: string | null;
  /** Pages and clients have it too. */
  readonly isShown: boolean;
}

/** Port: what the log says of a refusal beside its code and reason. `client`: where the request does not name it. */
export type DescribeRefusal = (
  error: OAuthError,
  asked: ClientParameters,
  client: { readonly clientId: string } | undefined,
) => RefusalDetails;

declare module 'fastify' {
  interface FastifyInstance {
    describeRefusal: DescribeRefusal;
  }
}

/** Steps of a flow that goes well. */
const steps: readonly OAuthErrorCode[] = ['authorization_pending', 'slow_down', 'use_dpop_nonce'];

/** The one line of the log about a refusal of OAuth: which client, why, and what to do. Every refusal comes by here, however it is answered. */
export function logOAuthRefusal(
  request: FastifyRequest,
  error: OAuthError,
  client?: { clientId: string },
): RefusalDetails {
  const note = request.server.describeRefusal(error, askedAs(request), client);
  const line = { code: error.code, reason: error.message, client: note.client, remedy: note.remedy };
  if (steps.includes(error.code)) request.log.debug(line, 'refused');
  else request.log.info(line, 'refused');
  return note;
}

const NAMES = ['client_id', 'client_assertion', 'client_assertion_type'];

function askedAs({ headers, query, body }: FastifyRequest): ClientParameters {
  const form = typeof body === 'string' ? Object.fromEntries(new URLSearchParams(body)) : body;
  const all = { ...(query as object), ...(form as object | undefined) } as Record<string, unknown>;
  const fields = NAMES.flatMap((name) => (typeof all[name] === 'string' ? [[name, all[name]]] : []));
  return { authorization: headers.authorization, fields: Object.fromEntries(fields) };
}

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
