import type { FastifyRequest } from 'fastify';
import { quote } from '../text.ts';
import { OAuthError, type OAuthErrorCode } from './oauth-errors.ts';
import { Problem } from './problems.ts';

/** The client parameters of a request, unverified. */
export interface ClientParameters {
  readonly authorization: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

export interface RefusalDetails {
  readonly client: { readonly id: string; readonly name?: string } | null;
  /** What the client's developer or the operator can do about it. */
  readonly remedy: string | null;
  /** Whether pages and clients get the remedy too. */
  readonly isShown: boolean;
}

/** Port: describes a refusal for the log, beyond its code and reason. `client`: if the request does not name it. */
export type DescribeRefusal = (
  error: OAuthError,
  parameters: ClientParameters,
  client: { readonly clientId: string } | undefined,
) => RefusalDetails;

declare module 'fastify' {
  interface FastifyInstance {
    describeRefusal: DescribeRefusal;
  }
}

/** Codes that are normal steps of a flow. */
const flowSteps: readonly OAuthErrorCode[] = ['authorization_pending', 'slow_down', 'use_dpop_nonce'];

/** Logs an OAuth refusal: the client, the reason and the remedy. Every refusal is logged here, however it is sent. */
export function logOAuthRefusal(
  request: FastifyRequest,
  error: OAuthError,
  client?: { clientId: string },
): RefusalDetails {
  const details = request.server.describeRefusal(error, clientParameters(request), client);
  const line = { code: error.code, reason: error.message, client: details.client, remedy: details.remedy };
  if (flowSteps.includes(error.code)) request.log.debug(line, 'refused');
  else request.log.info(line, 'refused');
  return details;
}

const CLIENT_FIELDS = ['client_id', 'client_assertion', 'client_assertion_type'];

function clientParameters({ headers, query, body }: FastifyRequest): ClientParameters {
  const form = typeof body === 'string' ? Object.fromEntries(new URLSearchParams(body)) : body;
  const all = { ...(query as object), ...(form as object | undefined) } as Record<string, unknown>;
  const fields = CLIENT_FIELDS.flatMap((name) => (typeof all[name] === 'string' ? [[name, all[name]]] : []));
  return { authorization: headers.authorization, fields: Object.fromEntries(fields) };
}

/** Limit of a reason: the framework's message may repeat a header. */
const MAX_REASON_LENGTH = 512;

/**
 * Logs a request that failed. Only a fault of Signet is an error, with its stack. Client errors and unsupported requests (501) are info;
 * temporary unavailability is a warning. Any caller can cause these lines, so they are short.
 */
export function logRefusal(request: FastifyRequest, status: number, code: string, error: Error): void {
  const { log, server } = request;
  const reason = error instanceof Problem ? error.reason(server.problemWords) : quote(error.message, MAX_REASON_LENGTH);
  if (status < 500 || status === 501) log.info({ code, reason }, 'refused');
  else if (error instanceof Problem || error instanceof OAuthError) log.warn({ code, reason }, 'not answered just now');
  else log.error({ err: error, code }, 'a request failed');
}
