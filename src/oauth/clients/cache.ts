import { type PrincipalRef, principalView } from '../../permissions/index.ts';
import { type Database, hotSelect } from '../../platform/database/index.ts';
import { createLru } from '../../platform/lru.ts';
import type { Assertions } from '../assertion/assertions.ts';
import { type ClientSettings, clientSettings } from '../client-settings/index.ts';
import type { Client } from '../entities.ts';

/** A client as requests use it. */
export interface LiveClient {
  /** Its principal's id. */
  readonly id: string;
  readonly clientId: string;
  readonly name: string;
  readonly isActive: boolean;
  /** Carries all permissions of its users. */
  readonly isFirstParty: boolean;
  /** Registered itself: its metadata, the name too, is unverified. */
  readonly isDynamic: boolean;
  readonly authMethod: Client['authMethod'];
  readonly grantTypes: readonly string[];
  readonly preset: Client['preset'];
  readonly redirectUris: readonly string[];
  readonly settings: ClientSettings;
  readonly secrets: readonly { readonly digest: Buffer; readonly endsAtMs: number }[];
  /** Ids of APIs that it may request. */
  readonly requests: readonly string[];
  readonly serves: readonly string[];
  /** Grows with every change of the client and of its permissions. */
  readonly version: number;
}

/** Condition: the client `c` is enabled. */
export const activeClient = (c = 'c') => `${c}.is_active`;

const byClientId = hotSelect(
  'oauth-client',
  `select c.id, c.client_id, c.name, c.is_active, c.is_first_party, c.is_dynamic, c.auth_method, c.grant_types, c.preset, c.redirect_uris, c.settings::text as settings,
    array(select encode(s.digest, 'hex') || ' ' || coalesce(extract(epoch from s.expires_at)::float8::text, '') from oauth_client_secret s where s.client_id = c.id) as secrets,
    array(select x.api_id::text from oauth_client_api x where x.client_id = c.id and x.role = 'requests') as requests,
    array(select x.api_id::text from oauth_client_api x where x.client_id = c.id and x.role = 'serves') as serves,
    p.perms_version::int as version
    from oauth_client c join ${principalView('p')} on p.id = c.id where c.client_id = $1`,
);

interface Row {
  id: string;
  client_id: string;
  name: string;
  is_active: boolean;
  is_first_party: boolean;
  is_dynamic: boolean;
  auth_method: Client['authMethod'];
  grant_types: string[];
  preset: Client['preset'];
  redirect_uris: string[];
  settings: string;
  secrets: string[];
  requests: string[];
  serves: string[];
  version: number;
}

/** Reads a client by its id, active or not; null when there is none. */
async function findClient(db: Database, clientId: string): Promise<LiveClient | null> {
  const [row] = await db.query<Row>(byClientId, [clientId]);
  if (!row) return null;
  return {
    id: row.id,
    clientId: row.client_id,
    name: row.name,
    isActive: row.is_active,
    isFirstParty: row.is_first_party,
    isDynamic: row.is_dynamic,
    authMethod: row.auth_method,
    grantTypes: row.grant_types,
    preset: row.preset,
    redirectUris: row.redirect_uris,
    settings: clientSettings({ settings: JSON.parse(row.settings) as Partial<ClientSettings> }),
    secrets: row.secrets.map(readSecret),
    requests: row.requests,
    serves: row.serves,
    version: row.version,
  };
}

function readSecret(text: string): LiveClient['secrets'][number] {
  const [digest, ends] = text.split(' ') as [string, string];
  return { digest: Buffer.from(digest, 'hex'), endsAtMs: ends === '' ? Number.POSITIVE_INFINITY : Number(ends) * 1000 };
}

/** The clients cached by a process; an entry is used only if its version equals the one that the request has read. */
export interface ClientCache {
  /** Verifies client assertions; null where clients do not authenticate. */
  readonly assertions: Assertions | null;
  /** Returns the cached entry, possibly stale. */
  peek(clientId: string): LiveClient | undefined;
  /**
   * Returns the current client: the cached entry if it has this version, else by reading it. Null when there is none.
   */
  load(clientId: string, version?: ClientVersion): Promise<LiveClient | null>;
}

/**
 * A client's version, as read by this request. The URL of a metadata document may be the id of one client after
 * another, so the principal is part of it.
 */
export type ClientVersion = Pick<LiveClient, 'id' | 'version'>;

const CACHE_ENTRIES = 10_000;

export function createClientCache(db: Database, assertions: Assertions | null = null): ClientCache {
  const cache = createLru<LiveClient>(CACHE_ENTRIES);
  return {
    assertions,
    peek: (clientId) => cache.get(clientId),
    async load(clientId, version) {
      const cached = cache.get(clientId);
      if (cached && cached.id === version?.id && cached.version === version.version) return cached;
      const client = await findClient(db, clientId);
      if (client) cache.set(clientId, client);
      else cache.delete(clientId);
      return client;
    },
  };
}

/** The client's principal. */
export function clientPrincipal(
  client: Pick<LiveClient, 'id' | 'isActive' | 'version'>,
): PrincipalRef & { version: number } {
  const { id, isActive, version } = client;
  return { kind: 'client', id, isActive, isSuperuser: false, version };
}
