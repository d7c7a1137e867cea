import { digest } from '../../platform/digest.ts';
import { OAuthError } from '../../platform/http/index.ts';
import type { LiveSession } from '../../sessions/index.ts';
import type { FlowOrigin } from '../../signin/index.ts';
import { loadRequestingClient, type RequestOrigin } from '../documents/requesting-client.ts';
import { isDocumentClient } from '../documents/url.ts';
import { enforceRateLimit } from '../rate-limit.ts';
import type { ConsumedRequests } from './code.ts';
import { complete, completeWithConsent } from './complete.ts';
import { type ConsentPrompt, decide, type SessionDecision } from './decide.ts';
import { createParameters, type Pairs, type Parameters, parseParameters } from './parameters.ts';
import { accessDenied, type RepeatResult, repeatDecision } from './repeat.ts';
import {
  type AuthorizationRequest,
  type AuthorizeEndpoint,
  checkRequest,
  isSilent,
  type ResolvedRequest,
  resolveRequest,
} from './request.ts';
import { errorResponse } from './response.ts';
import {
  type BrowserRef,
  consumeRequests,
  findPushed,
  type Interaction,
  isPushedUri,
  openInteraction,
  storeInteraction,
} from './stored-request.ts';

/** What the browser does next. */
export type NextStep =
  | { readonly kind: 'interaction'; readonly secret: string }
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | ConsentPrompt
  | RepeatResult;

/** The step that a request waits for. */
type PendingStep =
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | ConsentPrompt
  | { readonly kind: 'error'; readonly resolvedRequest: ResolvedRequest; readonly error: OAuthError };

/**
 * The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2). Responds at once if the user need not be asked; otherwise stores the
 * request until the user has signed in and consented. `session`: null if nobody is signed in; undefined if the request cannot tell, as
 * a POST from another site. Throws an OAuthError for the user to read.
 */
export async function authorize(
  endpoint: AuthorizeEndpoint,
  pairs: Pairs,
  session: LiveSession | null | undefined,
  from: RequestOrigin,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const { resolvedRequest, pushed } = await resolveParameters(endpoint, parseParameters(pairs), from, now);
  const digests = pushed ? [pushed] : [];
  const step = await evaluate(endpoint, resolvedRequest, session, { at: now, session: session?.id ?? null }, now);
  if (step.kind === 'error') return refuse(endpoint, step.resolvedRequest, step.error, digests, now);
  const startInteraction = () => createInteraction(endpoint, resolvedRequest, pushed, from, now);
  if (step.kind !== 'code') return startInteraction();
  const next = await complete(endpoint, step, { digests, interaction: null }, now);
  return next.kind === 'login' ? startInteraction() : next;
}

/**
 * Stores a request until its user has signed in and consented. If too many requests of the network wait, the user sees the error and
 * can reload in a moment: clients tend to handle an error by sending the browser here again.
 */
async function createInteraction(
  endpoint: AuthorizeEndpoint,
  { client, parameters }: ResolvedRequest,
  pushed: Buffer | null,
  { ip, isTopLevel }: RequestOrigin,
  now: Date,
): Promise<NextStep> {
  // A page inside another page cannot sign in, and would take room from those that can.
  if (!isTopLevel)
    throw new OAuthError('invalid_request', 'Open this address in a window of its own, not inside a page.');
  await enforceRateLimit(endpoint, { kind: 'interaction', ip }, now);
  return { kind: 'interaction', secret: await storeInteraction(endpoint.db, client, parameters, pushed, now) };
}

/** Resolves the parameters as sent, or as pushed: then the other parameters do not count (RFC 9126 §4). */
async function resolveParameters(
  endpoint: AuthorizeEndpoint,
  sent: Parameters,
  from: RequestOrigin,
  now: Date,
): Promise<{ resolvedRequest: ResolvedRequest; pushed: Buffer | null }> {
  const { client_id: clientId, request_uri: uri } = sent.values;
  const stored = uri === undefined || !isPushedUri(uri) ? undefined : await findPushed(endpoint.db, uri, now);
  // RFC 9126 §2.2: the same error for a request_uri that is unknown, expired, used or another client's.
  if (stored === null || (stored && (stored.clientId !== clientId || sent.faults.has('client_id'))))
    throw invalidRequestUri();
  const parameters = stored ? createParameters(stored.values) : sent;
  const origin = { ...from, isTopLevel: from.isTopLevel && !isSilent(parameters) };
  const client = clientId === undefined ? null : await loadRequestingClient(endpoint, clientId, origin, now);
  return {
    resolvedRequest: resolveRequest(client, parameters, stored !== undefined),
    pushed: stored?.digest ?? null,
  };
}

function invalidRequestUri(): OAuthError {
  return new OAuthError('invalid_request_uri', 'This request was used, has expired, or is of another client.');
}

/** Returns the next step of a request for the signed-in user. Where the session is undefined, the request itself is checked. */
async function evaluate(
  endpoint: AuthorizeEndpoint,
  resolvedRequest: ResolvedRequest,
  session: LiveSession | null | undefined,
  flowOrigin: FlowOrigin,
  now: Date,
): Promise<PendingStep> {
  try {
    const request = await checkRequest(endpoint, resolvedRequest);
    if (session === undefined) return { kind: 'login', request };
    const decision = await decide(endpoint, request, session, flowOrigin, now);
    if (decision.kind === 'login') return { kind: 'login', request };
    return { ...decision, request, promptDigest: digestPrompt(request, decision) };
  } catch (error) {
    // The client hears of errors that it or the user caused, not of the server's own.
    if (error instanceof OAuthError && error.status < 500) return { kind: 'error', resolvedRequest, error };
    throw error;
  }
}

/** Identifies the content of a consent page and its user: the form of the page counts for nothing else. */
function digestPrompt(
  { client, api }: AuthorizationRequest,
  { session, requestedAccess, consentNeeded }: SessionDecision,
): string {
  const { scopes, permissions } = consentNeeded;
  const isEverything = requestedAccess.permissions === null;
  const content = JSON.stringify([session.user.id, client.name, api?.id ?? null, scopes, isEverything, permissions]);
  return digest(content).toString('base64url');
}

/** The browser that shows an interaction, and the session in it. */
export interface BrowserContext extends RequestOrigin {
  /** The secret of the browser. */
  readonly browser: string;
  readonly session: LiveSession | null;
}

function browserRef({ browser, session, ip, isTopLevel }: BrowserContext): BrowserRef & RequestOrigin {
  return { browser, session: session?.id ?? null, ip, isTopLevel };
}

type LoadedInteraction = { readonly interaction: Interaction; readonly step: PendingStep };

async function load(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
  now: Date,
): Promise<LoadedInteraction | null> {
  const interaction = await openInteraction(endpoint.db, secret, browserRef(context), now);
  if (!interaction) return null;
  const client = await loadRequestingClient(endpoint, interaction.clientId, context, now);
  const resolvedRequest = resolveRequest(client, createParameters(interaction.values), interaction.pushed !== null);
  return {
    interaction,
    step: await evaluate(endpoint, resolvedRequest, context.session, interaction.flowOrigin, now),
  };
}

/** Returns what an interaction waits for without changing it, for the login page. Null: not found, or refused. */
export async function loadInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
): Promise<{ readonly isLogin: boolean; readonly request: AuthorizationRequest } | null> {
  const step = (await load(endpoint, secret, context, endpoint.clock.now()))?.step;
  return !step || step.kind === 'error' ? null : { isLogin: step.kind === 'login', request: step.request };
}

/** Continues an interaction for the signed-in user. */
export async function continueInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const repeat = () => repeatDecision(endpoint, secret, browserRef(context), 'allow', now);
  const loaded = await load(endpoint, secret, context, now);
  if (!loaded) return repeat();
  const { interaction, step } = loaded;
  if (step.kind === 'error')
    return refuse(endpoint, step.resolvedRequest, step.error, requestDigests(interaction), now);
  if (step.kind !== 'code') return step;
  const next = await complete(endpoint, step, consumedRequests(interaction), now);
  return next.kind === 'gone' ? repeat() : next;
}

/** The decision of a user, and the consent page that it is about. */
export interface ConsentForm {
  readonly decision: string | undefined;
  readonly promptDigest: string | undefined;
}

/**
 * The user allows or denies (RFC 6749 §4.1.1). Returns the consent page again if the form has no decision, or is about a page that this
 * user has not seen.
 */
export async function answerInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
  { decision, promptDigest }: ConsentForm,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const repeat = () => repeatDecision(endpoint, secret, browserRef(context), decision, now);
  const loaded = await load(endpoint, secret, context, now);
  if (!loaded) return repeat();
  const { interaction, step } = loaded;
  const digests = requestDigests(interaction);
  if (step.kind === 'error') return refuse(endpoint, step.resolvedRequest, step.error, digests, now);
  const { request } = step;
  if (decision === 'deny') {
    const next = await refuse(endpoint, request, accessDenied(), digests, now);
    return next.kind === 'gone' ? repeat() : next;
  }
  if (step.kind === 'login') return step;
  if (step.kind === 'consent' && (decision !== 'allow' || promptDigest !== step.promptDigest)) return step;
  // Consent is to the document as it is now, which is fetched only for a visible page.
  if (isDocumentClient(request.client) && !context.isTopLevel) return step;
  const next = await (step.kind === 'consent'
    ? completeWithConsent(endpoint, step, consumedRequests(interaction), context.ip, now)
    : complete(endpoint, step, consumedRequests(interaction), now));
  return next.kind === 'gone' ? repeat() : next;
}

function requestDigests({ digest, pushed }: Interaction): Buffer[] {
  return pushed ? [digest, pushed] : [digest];
}

function consumedRequests(interaction: Interaction): ConsumedRequests {
  return { digests: requestDigests(interaction), interaction: interaction.digest };
}

async function refuse(
  { db, issuer }: AuthorizeEndpoint,
  { responseTarget, client }: ResolvedRequest,
  error: OAuthError,
  digests: readonly Buffer[],
  now: Date,
): Promise<NextStep> {
  if (!(await consumeRequests(db, digests, now))) return { kind: 'gone' };
  return { kind: 'response', response: errorResponse(issuer, responseTarget, client, error) };
}
