import { apiView, type PermissionCache } from '../../permissions/index.ts';
import type { Statement } from '../../platform/database/index.ts';
import { clientSite } from '../../signin/index.ts';
import { NO_API } from '../../tokens/index.ts';
import { clientSettings } from '../client-settings/index.ts';
import type { ClientCache, LiveClient } from '../clients/cache.ts';
import { oauthError } from '../errors.ts';
import { enforceRateLimit, type RateLimitDeps } from '../rate-limit.ts';
import type { ClientDocuments } from './documents.ts';
import { DOCUMENT_PRESET } from './read-document.ts';
import { isDocumentClient } from './url.ts';

/** Dependencies for loading the client of an authorization request. */
export interface RequestingClientDeps extends RateLimitDeps {
  readonly clients: ClientCache;
  readonly access: PermissionCache;
  readonly documents: ClientDocuments;
  /**
   * SIGNET_CLIENT_METADATA_APIS: audiences that clients of metadata documents may request; `*` for all but Signet's
   * own.
   */
  readonly documentApis: readonly string[];
}

/** The origin of an authorization request. */
export interface RequestOrigin {
  /** Stored rows and fetches count against its network. */
  readonly ip: string;
  /** Whether the request is a top-level navigation. An image in a page of another site causes requests as well. */
  readonly isTopLevel: boolean;
}

/** The principal of a client to which no user has consented yet; no row has this id. */
export const NO_PRINCIPAL = NO_API;

/**
 * Returns the current client of an authorization request; null when there is none. A client of a metadata document has
 * the values of the document, and the stored row once a user has consented. The document is fetched only for a
 * top-level navigation; otherwise its cached or last stored version is used. OAuthError: no usable document, or none
 * without a fetch.
 */
export async function loadRequestingClient(
  endpoint: RequestingClientDeps,
  clientId: string,
  origin: RequestOrigin,
  now: Date,
): Promise<LiveClient | null> {
  const { clients, documents, access } = endpoint;
  const stored = await clients.load(clientId);
  if (!isDocumentClient({ clientId })) return stored;
  // Audiences and client ids share one namespace. A stored client that an operator disabled stays disabled.
  if (!documents.admits(clientId) || stored?.isActive === false || (await access.api(clientId))) return null;
  const requester = {
    network: clientSite(origin.ip),
    beforeFetch: () => enforceRateLimit(endpoint, { kind: 'document', ip: origin.ip }, now),
  };
  const document = origin.isTopLevel
    ? await documents.load(clientId, now, requester)
    : (documents.peek(clientId, now) ?? stored);
  // On a page, not to the client: its redirect URIs are in the document.
  if (!document) throw oauthError('document_not_loaded', { status: 400 });
  const { name, redirectUris, grantTypes } = document;
  return {
    ...(stored ?? unsavedClient(clientId)),
    name,
    redirectUris,
    grantTypes,
    requests: await readApis(endpoint),
  };
}

function unsavedClient(clientId: string): LiveClient {
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
    settings: clientSettings({ settings: {} }),
    secrets: [],
    requests: [],
    serves: [],
    version: 0,
  };
}

const apisStatement: Statement = {
  name: 'oauth-apis-of-documents',
  text: `select a.id::text as id from ${apiView('a')} where not a.is_builtin order by a.id`,
};

/** Returns the ids of the APIs that a client of a document may request. */
async function readApis({ db, access, documentApis }: RequestingClientDeps): Promise<string[]> {
  if (documentApis.includes('*')) return (await db.query<{ id: string }>(apisStatement, [])).map((one) => one.id);
  const apis = await Promise.all(documentApis.map((audience) => access.api(audience)));
  return apis.flatMap((api) => (api && !api.isBuiltin ? [api.id] : []));
}
