import type { DescribeRefusal } from '../platform/http/index.ts';
import { readAssertion } from './assertion/assertions.ts';
import { basicClientId } from './client-auth.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';
import { REMEDIES } from './remedies.ts';

/** Of a remedy: it may repeat addresses that a client has registered. */
const MAX_REMEDY_LENGTH = 2048;

/** What a client id looks like: anything else in its place may be a secret in the wrong field. */
const CLIENT_ID = /^(?:c_[\w-]{1,64}|https:\/\/[\w.:/~-]{1,200})$/;

/** What the log says of a refusal beside its reason: which client, and what can be done. Only what is kept of clients is asked. */
export function createRefusalNotes(clients: Pick<ClientCache, 'peek'>, isDevelopment: boolean): DescribeRefusal {
  return (error, asked, named) => {
    const id = named?.clientId ?? readClientId(asked);
    const client = id === null ? null : ((named as LiveClient | undefined) ?? clients.peek(id) ?? null);
    const remedy = REMEDIES[error.reason ?? error.code];
    return {
      client: client ? { id: client.clientId, name: client.name } : id === null ? null : { id },
      remedy: (typeof remedy === 'function' ? remedy(client) : remedy)?.slice(0, MAX_REMEDY_LENGTH) ?? null,
      isShown: isDevelopment,
    };
  };
}

/** The client that a request names, in whichever way it does. */
function readClientId({ authorization, fields }: Parameters<DescribeRefusal>[1]): string | null {
  const named = fields['client_id'] ?? basicClientId(authorization) ?? bearerClientId(authorization);
  const id = named ?? readAssertion(fields)?.clientId;
  return id !== undefined && CLIENT_ID.test(id) ? id : null;
}

/** Of an unverified token: it chooses what is looked up for the log, and nothing else. */
function bearerClientId(authorization: string | undefined): string | undefined {
  const [, payload] = /^(?:Bearer|DPoP) +[\w-]+\.([\w-]{1,16384})\./i.exec(authorization ?? '') ?? [];
  if (payload === undefined) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { client_id?: unknown } | null;
    return typeof claims?.client_id === 'string' ? claims.client_id : undefined;
  } catch {
    return undefined;
  }
}
