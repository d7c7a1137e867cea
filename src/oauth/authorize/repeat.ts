import type { Database, Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { plusSeconds } from '../../platform/time.ts';
import { REPEAT_SECONDS } from '../../signin/index.ts';
import { loadRequestingClient, type RequestOrigin } from '../documents/requesting-client.ts';
import { CODE_SECONDS, isSessionLiveAt } from './code.ts';
import { createParameters } from './parameters.ts';
import { type AuthorizeEndpoint, type ResolvedRequest, resolveRequest } from './request.ts';
import { type Answer, granted, refused } from './response.ts';
import { type BrowserRef, readStored } from './stored-request.ts';

/** What an interaction comes to that was answered before. */
export type RepeatResult =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** By this browser, a moment ago, and its code is redeemed: there is nothing left to do. */
  | { readonly kind: 'redeemed'; readonly resolvedRequest: ResolvedRequest }
  /** Unknown, expired, used up for nothing, or another browser's. */
  | { readonly kind: 'gone' };

export function accessDenied(): OAuthError {
  return new OAuthError('access_denied', 'The user has said no.');
}

/**
 * A form that was sent twice, or a page that was resolvedRequest again, a moment after it was answered (`docs/decisions/0014-repeated-posts.md`):
 * the same decision again. Another decision than the first is none.
 */
export async function repeatDecision(
  endpoint: AuthorizeEndpoint,
  secret: string,
  browserRef: BrowserRef & RequestOrigin,
  decision: string | undefined,
  now: Date,
): Promise<RepeatResult> {
  const { db, issuer } = endpoint;
  const by = { interaction: digest(secret), browser: digest(browserRef.browser), session: browserRef.session };
  if (decision === 'deny') {
    const found = await findRefused(db, by, now);
    if (!found) return { kind: 'gone' };
    const { to, client } = await openAnswered(endpoint, found, browserRef, now);
    return { kind: 'answer', answer: refused(issuer, to, client, accessDenied()) };
  }
  const found = decision === 'allow' ? await reissueCode(db, by, now) : null;
  if (!found) return { kind: 'gone' };
  const resolvedRequest = await openAnswered(endpoint, found, browserRef, now);
  return found.code === null
    ? { kind: 'redeemed', resolvedRequest }
    : { kind: 'answer', answer: granted(issuer, resolvedRequest.to, found.code) };
}

async function openAnswered(
  endpoint: AuthorizeEndpoint,
  { clientId, parameters }: Answered,
  from: RequestOrigin,
  now: Date,
): Promise<ResolvedRequest> {
  const { values, pushed } = readStored(parameters);
  const client = await loadRequestingClient(endpoint, clientId, from, now);
  return resolveRequest(client, createParameters(values), pushed !== null);
}

/** Whose interaction was answered. */
interface By {
  readonly interaction: Buffer;
  readonly browser: Buffer;
  readonly session: string | null;
}

/** As it was stored. */
interface Answered {
  readonly parameters: string;
  readonly clientId: string;
}

/** An interaction of this browser that was answered a moment ago; a refused document is no client. $1 interaction, $2 browser, $3 since. */
const answered = `select r.digest, r.parameters::text as parameters, coalesce(x.client_id, r.parameters ->> 'client_id') as client_id
    from oauth_request r left join oauth_client x on x.id = r.client_id
    where r.digest = $1::bytea and r.kind = 'interaction' and r.browser_digest = $2::bytea and r.consumed_at > $3::timestamptz`;

const refusedOnce: Statement = {
  name: 'oauth-request-refused',
  text: `${answered} and not exists (select from oauth_code c where c.request_digest = r.digest)`,
};

async function findRefused(db: Database, { interaction, browser }: By, now: Date): Promise<Answered | null> {
  const [row] = await db.query<Row>(refusedOnce, [interaction, browser, plusSeconds(now, -REPEAT_SECONDS)]);
  return row ? { parameters: row.parameters, clientId: row.client_id } : null;
}

/**
 * The code of an interaction takes another digest while it is not redeemed: the first dies in the moment in which the second is born, and
 * there is one all the time. Redeeming holds the row too: of a redemption and a repeat that come at once, the second finds nothing. Only
 * for the browser of the interaction, and for the live session that the code was issued to.
 *
 * $1 to $3 as above, $4 session, $5 digest, $6 now, $7 until.
 */
const reissue: Statement = {
  name: 'oauth-code-reissue',
  text: `with decided as materialized (
      ${answered}
    ), who as materialized (
      select s.id from sessions_session s join users_user u on u.id = s.user_id
      where s.id = $4::uuid and ${isSessionLiveAt('$6::timestamptz')}
    ), moved as (
      update oauth_code c set digest = $5::bytea, expires_at = $7::timestamptz from decided d, who w
      where c.request_digest = d.digest and c.session_id = w.id and c.consumed_at is null and c.expires_at > $6::timestamptz returning 1
    ) select d.parameters, d.client_id, exists (select from moved) as is_moved, c.grant_id is not null as is_redeemed
    from decided d join oauth_code c on c.request_digest = d.digest join who w on w.id = c.session_id`,
};

interface Row {
  parameters: string;
  client_id: string;
}

interface Reissued extends Row {
  is_moved: boolean;
  is_redeemed: boolean;
}

/** `code`: another for the first one; null: the first was redeemed. One that was burnt, or is too old, gave nothing: there is no answer. */
async function reissueCode(
  db: Database,
  { interaction, browser, session }: By,
  now: Date,
): Promise<(Answered & { readonly code: string | null }) | null> {
  const code = newSecret();
  const until = plusSeconds(now, CODE_SECONDS);
  const values = [interaction, browser, plusSeconds(now, -REPEAT_SECONDS), session, digest(code), now, until];
  const ask = async () => (await db.query<Reissued>(reissue, values))[0];
  const isOver = (row: Reissued) => row.is_moved || row.is_redeemed;
  let row = await ask();
  // A redemption that was under way is over by now: that statement waited for it, and did not see what it gave.
  if (row && !isOver(row)) row = await ask();
  if (!row || !isOver(row)) return null;
  return { parameters: row.parameters, clientId: row.client_id, code: row.is_moved ? code : null };
}
