import type { KnownAccess } from '../../access/index.ts';
import type { Statement } from '../../platform/database/index.ts';
import { NO_API } from '../../tokens/index.ts';
import type { KnownClients, LiveClient } from '../clients/hot.ts';
import { settingsOf } from '../clients/settings.ts';
import { enforceRateLimit, type RateLimited } from '../rate-limit.ts';
import type { ClientDocuments } from './documents.ts';
import { DOCUMENT_PRESET } from './read-document.ts';
import { isOfDocument } from './url.ts';

/** What it takes to know the client of an authorization request. */
export interface AskingClients extends RateLimited {
  readonly clients: KnownClients;
  readonly access: KnownAccess;
  readonly documents: ClientDocuments;
  /** SIGNET_CLIENT_METADATA_APIS: audiences that clients of documents may ask for; `*` for every one but Signet's own. */
  readonly documentApis: readonly string[];
}

/** The principal of a client that nobody has agreed to yet: it is nobody's, so that nothing is found under it. */
export const NO_PRINCIPAL = NO_API;

/**
 * The client of an authorization request, as of now; null when there is none. One that is known by its document is what the document
 * says now, under the row that it has once somebody agreed; until then it has no row. OAuthError: there is no such document.
 */
export async function loadAskingClient(
  endpoint: AskingClients,
  clientId: string,
  ip: string,
  now: Date,
): Promise<LiveClient | null> {
  const { clients, documents, access } = endpoint;
  const stored = await clients.load(clientId);
  if (!isOfDocument({ clientId })) return stored;
  // Audiences and client ids share one namespace. An operator's row of that name was disabled: it stays so.
  if (!documents.admits(clientId) || stored?.isActive === false || (await access.api(clientId))) return null;
  const mayFetch = () => enforceRateLimit(endpoint, { kind: 'document', ip }, now);
  const { name, redirectUris, grantTypes } = await documents.of(clientId, now, mayFetch);
  return {
    ...(stored ?? unstored(clientId)),
    name,
    redirectUris,
    grantTypes,
    requests: await apisOf(endpoint),
  };
}

function unstored(clientId: string): LiveClient {
  return {
    id: NO_PRINCIPAL,
    clientId,
    name: '',
    isActive: true,
    isFirstParty: false,
    isDynamic: true,
    authMethod: 'none',
    grantTypes: [],
    preset: DOCUMENT_PRESET,
    redirectUris: [],
    settings: settingsOf({ settings: {} }),
    secrets: [],
    requests: [],
    serves: [],
    version: 0,
  };
}

const everyApi: Statement = {
  name: 'oauth-apis-of-documents',
  text: 'select a.id::text as id from access_api a where not a.is_builtin order by a.id',
};

/** Ids of the APIs that a client of a document may ask for. */
async function apisOf({ db, access, documentApis }: AskingClients): Promise<string[]> {
  if (documentApis.includes('*')) return (await db.query<{ id: string }>(everyApi, [])).map((one) => one.id);
  const apis = await Promise.all(documentApis.map((audience) => access.api(audience)));
  return apis.flatMap((api) => (api && !api.isBuiltin ? [api.id] : []));
}
