import type { Database, Statement } from '../../platform/database/index.ts';
import { digest, newSecret } from '../../platform/digest.ts';
import { plusSeconds } from '../../platform/time.ts';
import { liveSession, REPEAT_SECONDS, sessionView } from '../../sessions/index.ts';
import { userView } from '../../users/index.ts';
import { loadRequestingClient, type RequestOrigin } from '../documents/requesting-client.ts';
import { oauthError } from '../errors.ts';
import { CODE_SECONDS } from './code.ts';
import { createParameters } from './parameters.ts';
import { type AuthorizeEndpoint, type ResolvedRequest, resolveRequest } from './request.ts';
import { type AuthorizationResponse, errorResponse, successResponse } from './response.ts';
import { type BrowserRef, parseStoredParameters } from './stored-request.ts';

/** The outcome of an interaction that was answered before. */
export type RepeatResult =
  | { readonly kind: 'response'; readonly response: AuthorizationResponse }
  /** This browser has answered it a moment ago, and its code is redeemed: nothing is left to do. */
  | { readonly kind: 'redeemed'; readonly resolvedRequest: ResolvedRequest }
  /** Unknown, expired, consumed without a code, or another browser's. */
  | { readonly kind: 'gone' };

/**
 * Repeats the decision of an interaction for a form that was sent twice, or a page that was reloaded, a moment after the first decision
 * (`docs/decisions/0014-repeated-posts.md`). A decision other than the first has no effect.
 */
export async function repeatDecision(
  endpoint: AuthorizeEndpoint,
  secret: string,
  browserRef: BrowserRef & RequestOrigin,
  decision: string | undefined,
  now: Date,
): Promise<RepeatResult> {
  const { db, issuer } = endpoint;
  const ref = { interaction: digest(secret), browser: digest(browserRef.browser), session: browserRef.session };
  if (decision === 'deny') {
    const denied = await findDenied(db, ref, now);
    if (!denied) return { kind: 'gone' };
    const { responseTarget, client } = await resolveConsumed(endpoint, denied, browserRef, now);
    return { kind: 'response', response: errorResponse(issuer, responseTarget, client, oauthError('user_denied')) };
  }
  const reissued = decision === 'allow' ? await reissueCode(db, ref, now) : null;
  if (!reissued) return { kind: 'gone' };
  const resolvedRequest = await resolveConsumed(endpoint, reissued, browserRef, now);
  return reissued.code === null
    ? { kind: 'redeemed', resolvedRequest }
    : { kind: 'response', response: successResponse(issuer, resolvedRequest.responseTarget, reissued.code) };
}

async function resolveConsumed(
  endpoint: AuthorizeEndpoint,
  { clientId, parameters }: ConsumedInteraction,
  from: RequestOrigin,
  now: Date,
): Promise<ResolvedRequest> {
  const { values, pushed } = parseStoredParameters(parameters);
  const client = await loadRequestingClient(endpoint, clientId, from, now);
  return resolveRequest(client, createParameters(values), pushed !== null);
}

/** Digests of an interaction and of its browser, and the session in it. */
interface InteractionRef {
  readonly interaction: Buffer;
  readonly browser: Buffer;
  readonly session: string | null;
}

/** The stored request of a consumed interaction. */
interface ConsumedInteraction {
  readonly parameters: string;
  readonly clientId: string;
}

/**
 * An interaction of this browser that was consumed a moment ago. The client id comes from the parameters if a metadata document was
 * refused, which is stored as no client. $1 interaction, $2 browser, $3 since.
 */
const consumedInteraction = `select r.digest, r.parameters::text as parameters, coalesce(x.client_id, r.parameters ->> 'client_id') as client_id
    from oauth_request r left join oauth_client x on x.id = r.client_id
    where r.digest = $1::bytea and r.kind = 'interaction' and r.browser_digest = $2::bytea and r.consumed_at > $3::timestamptz`;

const deniedInteraction: Statement = {
  name: 'oauth-request-deny',
  text: `${consumedInteraction} and not exists (select from oauth_code c where c.request_digest = r.digest)`,
};

async function findDenied(
  db: Database,
  { interaction, browser }: InteractionRef,
  now: Date,
): Promise<ConsumedInteraction | null> {
  const [row] = await db.query<Row>(deniedInteraction, [interaction, browser, plusSeconds(now, -REPEAT_SECONDS)]);
  return row ? { parameters: row.parameters, clientId: row.client_id } : null;
}

/**
 * Gives the unredeemed code of an interaction another digest: the first code becomes invalid in the moment in which the
 * second becomes valid. Redeeming locks the row too: of a redemption and a repeat at once, the second finds no code.
 * Only for the browser of the interaction, and for the live session that the code was issued to.
 *
 * $1 to $3 as above, $4 session, $5 digest, $6 now, $7 until.
 */
const replaceCode: Statement = {
  name: 'oauth-code-reissue',
  text: `with decided as materialized (
      ${consumedInteraction}
    ), who as materialized (
      select s.id from ${sessionView('s')} join ${userView('u')} on u.id = s.user_id
      where s.id = $4::uuid and ${liveSession('$6::timestamptz')}
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

interface ReissuedRow extends Row {
  is_moved: boolean;
  is_redeemed: boolean;
}

/**
 * Returns a code that replaces the first; `code: null` if the first is redeemed. Null if the first was invalidated or
 * has expired.
 */
async function reissueCode(
  db: Database,
  { interaction, browser, session }: InteractionRef,
  now: Date,
): Promise<(ConsumedInteraction & { readonly code: string | null }) | null> {
  const code = newSecret();
  const until = plusSeconds(now, CODE_SECONDS);
  const values = [interaction, browser, plusSeconds(now, -REPEAT_SECONDS), session, digest(code), now, until];
  const replace = async () => (await db.query<ReissuedRow>(replaceCode, values))[0];
  const isSettled = (row: ReissuedRow) => row.is_moved || row.is_redeemed;
  let row = await replace();
  // A concurrent redemption has finished by now: the statement waited for it, but did not see its grant.
  if (row && !isSettled(row)) row = await replace();
  if (!row || !isSettled(row)) return null;
  return { parameters: row.parameters, clientId: row.client_id, code: row.is_moved ? code : null };
}
