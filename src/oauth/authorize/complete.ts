import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from '../../platform/database/index.ts';
import { StoredRequest } from '../authorization-entities.ts';
import { saveConsent } from '../consent/consent.ts';
import { storeConsentedClient } from '../documents/store-client.ts';
import { isDocumentClient } from '../documents/url.ts';
import { type ConsumedRequests, issueCode } from './code.ts';
import type { ConsentPrompt } from './decide.ts';
import type { AuthorizationRequest, AuthorizeEndpoint } from './request.ts';
import { type Answer, granted } from './response.ts';

/** What a request comes to that nothing stands in the way of. */
type Completed =
  | { readonly kind: 'answer'; readonly answer: Answer }
  /** Its session has ended meanwhile: whoever is there logs in again. */
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  /** It was used up meanwhile. */
  | { readonly kind: 'gone' };

/** The code, once. Pass a unit of work when inside its transaction. */
export async function complete(
  { db, issuer }: { readonly db: Database | SqlEntityManager; readonly issuer: string },
  { request, session, requestedAccess }: ConsentPrompt,
  answered: ConsumedRequests,
  now: Date,
): Promise<Completed> {
  const { client, api, sentRedirectUri, codeChallenge, nonce, claims, dpopJkt } = request;
  const given = {
    client: client.id,
    session: session.id,
    api: api?.id ?? null,
    scope: requestedAccess.scope,
    permissions: requestedAccess.permissions?.map((one) => one.id) ?? null,
    isOffline: requestedAccess.isOffline,
    redirectUri: sentRedirectUri,
    codeChallenge,
    nonce,
    claims,
    dpopJkt,
  };
  const issued = await issueCode(db, given, answered, now);
  if (issued === 'used') return { kind: 'gone' };
  if (issued === 'ended') return { kind: 'login', request };
  return { kind: 'answer', answer: granted(issuer, request.to, issued.code) };
}

/**
 * What follows from a user's yes, all of it or nothing: the client where it is known by its document alone, the code, and what is remembered of
 * the consent.
 */
export async function agree(
  { db, issuer }: AuthorizeEndpoint,
  waiting: ConsentPrompt,
  answered: ConsumedRequests,
  ip: string,
  now: Date,
): Promise<Completed> {
  const { request, session, consentNeeded } = waiting;
  const api = request.api?.id ?? null;
  try {
    return await db.fork().transactional(async (tx) => {
      const id = await ensureClient(tx, waiting, answered, now);
      const agreed = { ...waiting, request: { ...request, client: { ...request.client, id } } };
      const completed = await complete({ db: tx, issuer }, agreed, answered, now);
      if (completed.kind !== 'answer') throw new NotIssued(completed.kind);
      await saveConsent(tx, { user: session.user.id, client: id, api, ip }, consentNeeded, now);
      return completed;
    });
  } catch (error) {
    if (!(error instanceof NotIssued)) throw error;
    return error.kind === 'login' ? { kind: 'login', request } : { kind: 'gone' };
  }
}

/** Takes everything back that the transaction has written. */
class NotIssued extends Error {
  readonly kind: 'login' | 'gone';

  constructor(kind: NotIssued['kind']) {
    super(kind);
    this.kind = kind;
  }
}

/** The principal of the client. One that is known by its document is written down. */
async function ensureClient(
  tx: SqlEntityManager,
  { request: { client, api }, session: { user } }: ConsentPrompt,
  { digests }: ConsumedRequests,
  now: Date,
): Promise<string> {
  if (!isDocumentClient(client)) return client.id;
  const id = await storeConsentedClient(tx, client, { user, api: api?.id ?? null }, now);
  // The request that waited without a client has one: a repeated form finds it.
  await tx.nativeUpdate(StoredRequest, { digest: { $in: [...digests] } }, { client: id });
  return id;
}
