import type { FastifyRequest } from 'fastify';
import type { OAuthError, OAuthErrorCode } from './oauth-errors.ts';

/** What a request says of its client, whatever that is worth. */
export interface AskedAs {
  readonly authorization: string | undefined;
  readonly fields: Readonly<Record<string, string>>;
}

export interface RefusalNote {
  readonly client: { readonly id: string; readonly name?: string } | null;
  /** What the client's developer, or the operator, can do about it. */
  readonly remedy: string | null;
  /** Pages and clients have it too. */
  readonly isShown: boolean;
}

/** Port: what the log says of a refusal beside its code and reason. `client`: where the request does not name it. */
export type NoteRefusal = (
  error: OAuthError,
  asked: AskedAs,
  client: { readonly clientId: string } | undefined,
) => RefusalNote;

declare module 'fastify' {
  interface FastifyInstance {
    noteRefusal: NoteRefusal;
  }
}

/** Steps of a flow that goes well. */
const steps: readonly OAuthErrorCode[] = ['authorization_pending', 'slow_down', 'use_dpop_nonce'];

/** The one line of the log about a refusal of OAuth: which client, why, and what to do. Every refusal comes by here, however it is answered. */
export function logOAuthRefusal(
  request: FastifyRequest,
  error: OAuthError,
  client?: { clientId: string },
): RefusalNote {
  const note = request.server.noteRefusal(error, askedAs(request), client);
  const line = { code: error.code, reason: error.message, client: note.client, remedy: note.remedy };
  if (steps.includes(error.code)) request.log.debug(line, 'refused');
  else request.log.info(line, 'refused');
  return note;
}

const NAMES = ['client_id', 'client_assertion', 'client_assertion_type'];

function askedAs({ headers, query, body }: FastifyRequest): AskedAs {
  const form = typeof body === 'string' ? Object.fromEntries(new URLSearchParams(body)) : body;
  const all = { ...(query as object), ...(form as object | undefined) } as Record<string, unknown>;
  const fields = NAMES.flatMap((name) => (typeof all[name] === 'string' ? [[name, all[name]]] : []));
  return { authorization: headers.authorization, fields: Object.fromEntries(fields) };
}
