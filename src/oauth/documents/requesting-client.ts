import type { PermissionCache } from '../../permissions/index.ts';
import type { Statement } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { clientSite } from '../../signin/index.ts';
import { NO_API } from '../../tokens/index.ts';
import type { ClientCache, LiveClient } from '../clients/cache.ts';
import { clientSettings } from '../clients/settings.ts';
import { enforceRateLimit, type RateLimitDeps } from '../rate-limit.ts';
import type { ClientDocuments } from './documents.ts';
import { DOCUMENT_PRESET } from './read-document.ts';
import { isDocumentClient } from './url.ts';

/** What it takes to know the client of an authorization request. */
export interface RequestingClientDeps extends RateLimitDeps {
  readonly clients: ClientCache;
  readonly access: PermissionCache;
  readonly documents: ClientDocuments;
  /** SIGNET_CLIENT_METADATA_APIS: audiences that clients of documents may ask for; `*` for every one but Signet's own. */
  readonly documentApis: readonly string[];
}

/** Where a request comes from. */
export interface RequestOrigin {
  /** What is kept, and what is fetched, counts for its network. */
  readonly ip: string;
  /** Somebody sees the answer: it is for a window of its own. An image of another site's page is asked for as well. */
  readonly isTopLevel: boolean;
}

/** The principal of a client that nobody has agreed to yet: it is nobody's, so that nothing is found under it. */
export const NO_PRINCIPAL = NO_API;

/**
 * The client of an authorization request, as of now; null when there is none. One that is known by its document is what the document
 * says now, under the row that it has once somebody agreed; until then it has no row. Only for somebody who sees the answer anything is
 * fetched: for everybody else it is what is kept of it, or was agreed to last. OAuthError: there is no such document, or none without a fetch.
 */
export async function loadRequestingClient(
  endpoint: RequestingClientDeps,
  clientId: string,
  from: RequestOrigin,
  now: Date,
): Promise<LiveClient | null> {
  const { clients, documents, access } = endpoint;
  const stored = await clients.load(clientId);
  if (!isDocumentClient({ clientId })) return stored;
  // Audiences and client ids share one namespace. An operator's row of that name was disabled: it stays so.
  if (!documents.admits(clientId) || stored?.isActive === false || (await access.api(clientId))) return null;
  const requester = {
    network: clientSite(from.ip),
    beforeFetch: () => enforceRateLimit(endpoint, { kind: 'document', ip: from.ip }, now),
  };
  const document = from.isTopLevel
    ? await documents.load(clientId, now, requester)
    : (documents.peek(clientId, now) ?? stored);
  if (!document) throw windowRequired();
  const { name, redirectUris, grantTypes } = document;
  return {
    ...(stored ?? unsavedClient(clientId)),
    name,
    redirectUris,
    grantTypes,
    requests: await readApis(endpoint),
  };
}

/** Not sent on to the client, whose addresses are in the document. */
function windowRequired(): OAuthError {
  const text =
    'This application has to be looked up first. Open this address in a window of its own, without prompt=none.';
  return new OAuthError('interaction_required', text, { status: 400 });
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
  text: 'select a.id::text as id from permissions_api a where not a.is_builtin order by a.id',
};

/** Ids of the APIs that a client of a document may ask for. */
async function readApis({ db, access, documentApis }: RequestingClientDeps): Promise<string[]> {
  if (documentApis.includes('*')) return (await db.query<{ id: string }>(apisStatement, [])).map((one) => one.id);
  const apis = await Promise.all(documentApis.map((audience) => access.api(audience)));
  return apis.flatMap((api) => (api && !api.isBuiltin ? [api.id] : []));
}
