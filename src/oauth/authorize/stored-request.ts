import type { Database, Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import type { FlowOrigin } from '../../signin/index.ts';
import { NO_PRINCIPAL } from '../documents/requesting-client.ts';
import type { Parameters } from './parameters.ts';

/** RFC 9126 §2.2: the client sends the browser at once. */
export const PUSHED_SECONDS = 90;

/** Time to sign in and to decide. */
const INTERACTION_SECONDS = 30 * 60;

/** RFC 9126 §2.2: prefix of a `request_uri`, before its secret. */
const URN = 'urn:ietf:params:oauth:request_uri:';

/** Names that no request can have: Signet's own fields among the stored parameters. */
const PUSHED = 'signet:pushed';
const SESSION = 'signet:session';

/** A stored authorization request, found by its secret. */
export interface StoredParameters {
  readonly digest: Buffer;
  readonly values: Parameters['values'];
  readonly clientId: string;
  /** Digest of the pushed request that it came from, which is consumed with it. */
  readonly pushed: Buffer | null;
}

/** A stored request that waits for its user. */
export interface Interaction extends StoredParameters {
  readonly secret: string;
  readonly flowOrigin: FlowOrigin;
}

/** $1 digest, $2 kind, $3 client, $4 parameters, $5 now, $6 until. */
const insertRequest: Statement = {
  name: 'oauth-request-store',
  text: `insert into oauth_request (digest, kind, client_id, parameters, created_at, expires_at)
    values ($1::bytea, $2::text, $3::uuid, $4::jsonb, $5::timestamptz, $6::timestamptz)`,
};

/** Stores a request until its user has decided. Returns the secret that identifies it. */
export async function storeInteraction(
  db: Database,
  client: { readonly id: string },
  { values }: Parameters,
  pushed: Buffer | null,
  now: Date,
): Promise<string> {
  const secret = newSecret();
  const stored = JSON.stringify({ ...values, ...(pushed ? { [PUSHED]: pushed.toString('hex') } : {}) });
  const until = plusSeconds(now, INTERACTION_SECONDS);
  await db.query(insertRequest, [
    digest(secret),
    'interaction',
    client.id === NO_PRINCIPAL ? null : client.id,
    stored,
    now,
    until,
  ]);
  return secret;
}

/** RFC 9126 §2.1: stores a pushed request. Returns its `request_uri`. */
export async function storePushed(
  db: Database,
  client: { readonly id: string },
  { values }: Parameters,
  now: Date,
): Promise<string> {
  const secret = newSecret();
  const until = plusSeconds(now, PUSHED_SECONDS);
  await db.query(insertRequest, [digest(secret), 'pushed', client.id, JSON.stringify(values), now, until]);
  return `${URN}${secret}`;
}

/** $1 digest, $2 kind, $3 now. */
const selectRequest: Statement = {
  name: 'oauth-request',
  text: `select r.parameters::text as parameters, encode(r.browser_digest, 'hex') as browser,
      coalesce(c.client_id, r.parameters ->> 'client_id') as client_id,
      extract(epoch from r.created_at)::float8 as created_at
    from oauth_request r left join oauth_client c on c.id = r.client_id
    where r.digest = $1::bytea and r.kind = $2::text and r.consumed_at is null and r.expires_at > $3::timestamptz`,
};

interface Row {
  parameters: string;
  browser: string | null;
  client_id: string;
  created_at: number;
}

function parseRow(key: Buffer, row: Row): StoredParameters & { readonly flowOrigin: FlowOrigin } {
  const { values, pushed, session } = parseStoredParameters(row.parameters);
  const flowOrigin = { at: new Date(row.created_at * 1000), session };
  return { digest: key, values, clientId: row.client_id, pushed, flowOrigin };
}

/** Returns the parameters of a row apart from Signet's own fields. */
export function parseStoredParameters(
  parameters: string,
): Pick<StoredParameters, 'values' | 'pushed'> & Pick<FlowOrigin, 'session'> {
  const { [PUSHED]: pushed, [SESSION]: session, ...values } = JSON.parse(parameters) as Record<string, string>;
  return { values, pushed: pushed === undefined ? null : Buffer.from(pushed, 'hex'), session: session || null };
}

/** Whether a `request_uri` has the form of a pushed request. */
export function isPushedUri(uri: string): boolean {
  return uri.startsWith(URN);
}

/** Returns the request of a `request_uri`. Null: unknown, expired or consumed. */
export async function findPushed(db: Database, uri: string, now: Date): Promise<StoredParameters | null> {
  const key = digest(uri.slice(URN.length));
  const [row] = await db.query<Row>(selectRequest, [key, 'pushed', now]);
  return row ? parseRow(key, row) : null;
}

/** $1 digest, $2 browser, $3 session, $4 now. */
const bindBrowser: Statement = {
  name: 'oauth-request-bind',
  text: `update oauth_request set browser_digest = $2::bytea, parameters = parameters || jsonb_build_object('${SESSION}', $3::text)
    where digest = $1::bytea and kind = 'interaction' and browser_digest is null and consumed_at is null and expires_at > $4::timestamptz
    returning 1 as bound`,
};

/** The browser of an interaction, and the session in it. */
export interface BrowserRef {
  /** The secret of the browser. */
  readonly browser: string;
  readonly session: string | null;
}

/**
 * Returns the interaction of a secret, for its browser: the first one that opens it, which was redirected there a
 * moment ago. Null: unknown, expired, consumed, or another browser's.
 */
export async function openInteraction(
  db: Database,
  secret: string,
  browserRef: BrowserRef,
  now: Date,
): Promise<Interaction | null> {
  const key = digest(secret);
  const browser = digest(browserRef.browser);
  let [row] = await db.query<Row>(selectRequest, [key, 'interaction', now]);
  if (row && row.browser === null) {
    await db.query(bindBrowser, [key, browser, browserRef.session ?? '', now]);
    // Of two browsers at once, one is bound.
    [row] = await db.query<Row>(selectRequest, [key, 'interaction', now]);
  }
  if (row?.browser !== browser.toString('hex')) return null;
  return { ...parseRow(key, row), secret };
}

/** $1 digests, $2 now. */
const consumeStatement: Statement = {
  name: 'oauth-request-consume',
  text: 'update oauth_request set consumed_at = $2::timestamptz where digest = any($1::bytea[]) and consumed_at is null returning 1 as consumed',
};

/** Consumes requests, once. Of concurrent calls one returns true. */
export async function consumeRequests(db: Database, digests: readonly Buffer[], now: Date): Promise<boolean> {
  if (digests.length === 0) return true;
  return (await db.query(consumeStatement, [digests, now])).length === digests.length;
}
