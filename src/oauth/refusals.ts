import type { DescribeRefusal, OAuthError } from '../platform/http/index.ts';
import { decodeJsonPart } from '../platform/jws.ts';
import { readAssertion } from './assertion/assertions.ts';
import { basicClientId } from './client-auth.ts';
import type { ClientCache, LiveClient } from './clients/cache.ts';

/** A remedy may contain registered URIs of a client. */
const MAX_REMEDY_LENGTH = 2048;

/** The form of client ids: any other value may be a secret in the wrong field. */
const CLIENT_ID = /^(?:c_[\w-]{1,64}|https:\/\/[\w.:/~-]{1,200})$/;

/** Port: returns what an operator or the client's developer can do about a refusal; null if its description says all. */
export type FindRemedy = (error: Pick<OAuthError, 'code' | 'reason'>, client: LiveClient | null) => string | null;

/** What the log adds to a refusal: the client and a remedy. Reads cached clients only. */
export function createDescribeRefusal(
  clients: Pick<ClientCache, 'peek'>,
  findRemedy: FindRemedy,
  isDevelopment: boolean,
): DescribeRefusal {
  return (error, request, knownClient) => {
    const id = knownClient?.clientId ?? readClientId(request);
    const client = id === null ? null : ((knownClient as LiveClient | undefined) ?? clients.peek(id) ?? null);
    const remedy = findRemedy(error, client);
    return {
      client: client ? { id: client.clientId, name: client.name } : id === null ? null : { id },
      remedy: remedy?.slice(0, MAX_REMEDY_LENGTH) ?? null,
      isShown: isDevelopment,
    };
  };
}

/** The client id of a request, by whichever method it is sent. */
function readClientId({ authorization, fields }: Parameters<DescribeRefusal>[1]): string | null {
  const sent = fields['client_id'] ?? basicClientId(authorization) ?? bearerClientId(authorization);
  const id = sent ?? readAssertion(fields)?.clientId;
  return id !== undefined && CLIENT_ID.test(id) ? id : null;
}

/** From an unverified token: it only selects what the log shows. */
function bearerClientId(authorization: string | undefined): string | undefined {
  const [, payload] = /^(?:Bearer|DPoP) +[\w-]+\.([\w-]{1,16384})\./i.exec(authorization ?? '') ?? [];
  const id = payload === undefined ? undefined : decodeJsonPart(payload)?.['client_id'];
  return typeof id === 'string' ? id : undefined;
}
