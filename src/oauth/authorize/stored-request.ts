import type { Database, Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import { NO_PRINCIPAL } from '../documents/requesting-client.ts';
import type { Parameters } from './parameters.ts';

/** RFC 9126 §2.2: the client's browser is on its way already. */
export const PUSHED_SECONDS = 90;

/** How long somebody may take to log in and to decide. */
const INTERACTION_SECONDS = 30 * 60;

/** RFC 9126 §2.2, with the secret behind it. */
const URN = 'urn:ietf:params:oauth:request_uri:';

/** Names that no request has: what Signet itself keeps beside the parameters. */
const PUSHED = 'signet:pushed';
const SESSION = 'signet:session';

/** An authorization request that was stored, found again by its secret. */
export interface Stored {
  readonly digest: Buffer;
  readonly values: Parameters['values'];
  readonly clientId: string;
  /** The pushed request that it came from, which is used up with it. */
  readonly pushed: Buffer | null;
}

/** One that waits for its user. */
export interface Interaction extends Stored {
  readonly secret: string;
  readonly flowOrigin: FlowOrigin;
}

/** What a login is known by that a request has led to. */
export interface FlowOrigin {
  /** When the request came. */
  readonly at: Date;
  /** The session that its browser had then; null for none. */
  readonly session: string | null;
}

/** $1 digest, $2 kind, $3 client, $4 parameters, $5 now, $6 until. */
const store: Statement = {
  name: 'oauth-request-store',
  text: `insert into oauth_request (digest, kind, client_id, parameters, created_at, expires_at)
    values ($1::bytea, $2::text, $3::uuid, $4::jsonb, $5::timestamptz, $6::timestamptz)`,
};

/** Keeps a request until its user has decided; answers the secret that names it. */
export async function storeInteraction(
  db: Database,
  client: { readonly id: string },
  { values }: Parameters,
  pushed: Buffer | null,
  now: Date,
): Promise<string> {
  const secret = newSecret();
  const kept = JSON.stringify({ ...values, ...(pushed ? { [PUSHED]: pushed.toString('hex') } : {}) });
  const until = plusSeconds(now, INTERACTION_SECONDS);
  await db.query(store, [
    digest(secret),
    'interaction',
    client.id === NO_PRINCIPAL ? null : client.id,
    kept,
    now,
    until,
  ]);
  return secret;
}

/** RFC 9126 §2.1: keeps what a client has pushed; answers its `request_uri`. */
export async function storePushed(
  db: Database,
  client: { readonly id: string },
  { values }: Parameters,
  now: Date,
): Promise<string> {
  const secret = newSecret();
  const until = plusSeconds(now, PUSHED_SECONDS);
  await db.query(store, [digest(secret), 'pushed', client.id, JSON.stringify(values), now, until]);
  return `${URN}${secret}`;
}

/** $1 digest, $2 kind, $3 now. */
const find: Statement = {
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

function readStoredRow(key: Buffer, row: Row): Stored & { readonly flowOrigin: FlowOrigin } {
  const { values, pushed, session } = readStored(row.parameters);
  const flowOrigin = { at: new Date(row.created_at * 1000), session };
  return { digest: key, values, clientId: row.client_id, pushed, flowOrigin };
}

/** The parameters of a row, and what Signet keeps beside them. */
export function readStored(parameters: string): Pick<Stored, 'values' | 'pushed'> & Pick<FlowOrigin, 'session'> {
  const { [PUSHED]: pushed, [SESSION]: session, ...values } = JSON.parse(parameters) as Record<string, string>;
  return { values, pushed: pushed === undefined ? null : Buffer.from(pushed, 'hex'), session: session || null };
}

/** Whether a `request_uri` is of a pushed request, as far as can be seen. */
export function isPushedUri(uri: string): boolean {
  return uri.startsWith(URN);
}

/** The request behind a `request_uri` of ours. Null: there is none any more. */
export async function findPushed(db: Database, uri: string, now: Date): Promise<Stored | null> {
  const key = digest(uri.slice(URN.length));
  const [row] = await db.query<Row>(find, [key, 'pushed', now]);
  return row ? readStoredRow(key, row) : null;
}

/** $1 digest, $2 browser, $3 session, $4 now. */
const bind: Statement = {
  name: 'oauth-request-bind',
  text: `update oauth_request set browser_digest = $2::bytea, parameters = parameters || jsonb_build_object('${SESSION}', $3::text)
    where digest = $1::bytea and kind = 'interaction' and browser_digest is null and consumed_at is null and expires_at > $4::timestamptz
    returning 1 as bound`,
};

/** Who comes to an interaction. */
export interface BrowserRef {
  /** The secret of its browser. */
  readonly browser: string;
  readonly session: string | null;
}

/**
 * The interaction of a secret, for the browser that it belongs to: the first that comes, which is the one that was sent there a
 * moment ago. Null: unknown, expired, used up, or another browser's, all alike.
 */
export async function openInteraction(
  db: Database,
  secret: string,
  browserRef: BrowserRef,
  now: Date,
): Promise<Interaction | null> {
  const key = digest(secret);
  const browser = digest(browserRef.browser);
  let [row] = await db.query<Row>(find, [key, 'interaction', now]);
  if (row && row.browser === null) {
    await db.query(bind, [key, browser, browserRef.session ?? '', now]);
    // Of two browsers that come at once one has it.
    [row] = await db.query<Row>(find, [key, 'interaction', now]);
  }
  if (row?.browser !== browser.toString('hex')) return null;
  return { ...readStoredRow(key, row), secret };
}

/** $1 digests, $2 now. */
const consume: Statement = {
  name: 'oauth-request-consume',
  text: 'update oauth_request set consumed_at = $2::timestamptz where digest = any($1::bytea[]) and consumed_at is null returning 1 as consumed',
};

/** Uses requests up, once: of many that complete at the same time one does. */
export async function consumeRequests(db: Database, digests: readonly Buffer[], now: Date): Promise<boolean> {
  if (digests.length === 0) return true;
  return (await db.query(consume, [digests, now])).length === digests.length;
}
