import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from '../../platform/database/index.ts';
import { StoredRequest } from '../authorization-entities.ts';
import { saveConsent } from '../consent/consent.ts';
import { storeConsentedClient } from '../documents/store-client.ts';
import { isDocumentClient } from '../documents/url.ts';
import { type ConsumedRequests, issueCode } from './code.ts';
import type { ConsentPrompt } from './decide.ts';
import type { AuthorizationRequest, AuthorizeEndpoint } from './request.ts';
import { type AuthorizationResponse, successResponse } from './response.ts';

type CompletionResult =
  | { readonly kind: 'response'; readonly response: AuthorizationResponse }
  /** The session has ended meanwhile: the user signs in again. */
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  /** Another call has consumed the request. */
  | { readonly kind: 'gone' };

/** Issues the code of a request, once. Pass a unit of work when inside its transaction. */
export async function complete(
  { db, issuer }: { readonly db: Database | SqlEntityManager; readonly issuer: string },
  { request, session, requestedAccess }: ConsentPrompt,
  consumed: ConsumedRequests,
  now: Date,
): Promise<CompletionResult> {
  const { client, api, sentRedirectUri, codeChallenge, nonce, claims, dpopJkt } = request;
  const newCode = {
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
  const issued = await issueCode(db, newCode, consumed, now);
  if (issued === 'consumed') return { kind: 'gone' };
  if (issued === 'ended') return { kind: 'login', request };
  return { kind: 'response', response: successResponse(issuer, request.responseTarget, issued.code) };
}

/**
 * Stores the client (if it has only a metadata document so far), the code and the consent of a user who has allowed a request, in one
 * transaction.
 */
export async function completeWithConsent(
  { db, issuer }: AuthorizeEndpoint,
  prompt: ConsentPrompt,
  consumed: ConsumedRequests,
  ip: string,
  now: Date,
): Promise<CompletionResult> {
  const { request, session, consentNeeded } = prompt;
  const api = request.api?.id ?? null;
  try {
    return await db.fork().transactional(async (tx) => {
      const id = await ensureClient(tx, prompt, consumed, now);
      const stored = { ...prompt, request: { ...request, client: { ...request.client, id } } };
      const completed = await complete({ db: tx, issuer }, stored, consumed, now);
      if (completed.kind !== 'response') throw new CodeNotIssued(completed.kind);
      await saveConsent(tx, { user: session.user.id, client: id, api, ip }, consentNeeded, now);
      return completed;
    });
  } catch (error) {
    if (!(error instanceof CodeNotIssued)) throw error;
    return error.kind === 'login' ? { kind: 'login', request } : { kind: 'gone' };
  }
}

/** Rolls the transaction back. */
class CodeNotIssued extends Error {
  readonly kind: 'login' | 'gone';

  constructor(kind: CodeNotIssued['kind']) {
    super(kind);
    this.kind = kind;
  }
}

/** Returns the id of the client's principal. Stores a client that has only a metadata document so far. */
async function ensureClient(
  tx: SqlEntityManager,
  { request: { client, api }, session: { user } }: ConsentPrompt,
  { digests }: ConsumedRequests,
  now: Date,
): Promise<string> {
  if (!isDocumentClient(client)) return client.id;
  const id = await storeConsentedClient(tx, client, { user, api: api?.id ?? null }, now);
  // The request was stored without a client; a repeated form looks the client up here.
  await tx.nativeUpdate(StoredRequest, { digest: { $in: [...digests] } }, { client: id });
  return id;
}
