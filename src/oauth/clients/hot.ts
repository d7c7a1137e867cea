import type { Database, Statement } from '../../platform/database/index.ts';
import type { Client } from '../entities.ts';

/** A client as a request needs it. */
export interface LiveClient {
  /** Its principal's id. */
  readonly id: string;
  readonly clientId: string;
  readonly isActive: boolean;
  readonly authMethod: Client['authMethod'];
  readonly grantTypes: readonly string[];
  /** SHA-256 of each secret that is good now, hex. */
  readonly secretDigests: readonly string[];
  /** Ids of APIs. */
  readonly requests: readonly string[];
  readonly serves: readonly string[];
}

const byClientId: Statement = {
  name: 'oauth-client',
  text: `select c.id, c.client_id, c.is_active, c.auth_method, c.grant_types,
    array(select encode(s.digest, 'hex') from oauth_client_secret s where s.client_id = c.id and (s.expires_at is null or s.expires_at > $2::timestamptz)) as secrets,
    array(select x.api_id::text from oauth_client_api x where x.client_id = c.id and x.role = 'requests') as requests,
    array(select x.api_id::text from oauth_client_api x where x.client_id = c.id and x.role = 'serves') as serves
    from oauth_client c where c.client_id = $1`,
};

interface Row {
  id: string;
  client_id: string;
  is_active: boolean;
  auth_method: Client['authMethod'];
  grant_types: string[];
  secrets: string[];
  requests: string[];
  serves: string[];
}

/** The client of an id, active or not; null when there is none. */
export async function findClient(db: Database, clientId: string, now: Date): Promise<LiveClient | null> {
  const [row] = await db.query<Row>(byClientId, [clientId, now]);
  if (!row) return null;
  return {
    id: row.id,
    clientId: row.client_id,
    isActive: row.is_active,
    authMethod: row.auth_method,
    grantTypes: row.grant_types,
    secretDigests: row.secrets,
    requests: row.requests,
    serves: row.serves,
  };
}
