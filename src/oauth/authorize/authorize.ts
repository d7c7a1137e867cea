import { createHash } from 'node:crypto';
import { OAuthError } from '../../platform/http/index.ts';
import type { LiveSession } from '../../sessions/index.ts';
import { loadRequestingClient, type RequestOrigin } from '../documents/requesting-client.ts';
import { isDocumentClient } from '../documents/url.ts';
import { enforceRateLimit } from '../rate-limit.ts';
import type { ConsumedRequests } from './code.ts';
import { agree, complete } from './complete.ts';
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
import { refused } from './response.ts';
import {
  type BrowserRef,
  consumeRequests,
  type FlowOrigin,
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

/** What a request waits for. */
type PendingStep =
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | ConsentPrompt
  | { readonly kind: 'refused'; readonly resolvedRequest: ResolvedRequest; readonly error: OAuthError };

/**
 * The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): answered at once where nothing has to be asked, else kept until its
 * user has logged in and agreed. `session`: null for nobody; undefined where the request says nothing about context is signed in, as a
 * POST from another site does. OAuthError is for the user to read.
 */
export async function authorize(
  endpoint: AuthorizeEndpoint,
  pairs: Pairs,
  session: LiveSession | null | undefined,
  from: RequestOrigin,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const { resolvedRequest, pushed } = await resolveParameters(endpoint, parseParameters(pairs), from, now);
  const used = pushed ? [pushed] : [];
  const step = await evaluate(endpoint, resolvedRequest, session, { at: now, session: session?.id ?? null }, now);
  if (step.kind === 'refused') return refuse(endpoint, step.resolvedRequest, step.error, used, now);
  const keep = () => keepRequest(endpoint, resolvedRequest, pushed, from, now);
  if (step.kind !== 'code') return keep();
  const next = await complete(endpoint, step, { digests: used, interaction: null }, now);
  return next.kind === 'login' ? keep() : next;
}

/**
 * For its user to log in and agree. Where their network has too many step it is they context hear it, and may reload in a moment: clients
 * tend to answer an error by sending the browser here again.
 */
async function keepRequest(
  endpoint: AuthorizeEndpoint,
  resolvedRequest: ResolvedRequest,
  pushed: Buffer | null,
  { ip, isTopLevel }: RequestOrigin,
  now: Date,
): Promise<NextStep> {
  // Whoever is shown it in passing logs in nowhere, and would use up the room of those context do.
  if (!isTopLevel)
    throw new OAuthError('invalid_request', 'Open this address in a window of its own, not inside a page.');
  await enforceRateLimit(endpoint, { kind: 'interaction', ip }, now);
  return {
    kind: 'interaction',
    secret: await storeInteraction(endpoint.db, resolvedRequest.client, resolvedRequest.given, pushed, now),
  };
}

/** The request as it came, or as it was pushed: then nothing that stands beside it counts (RFC 9126 §4). */
async function resolveParameters(
  endpoint: AuthorizeEndpoint,
  given: Parameters,
  from: RequestOrigin,
  now: Date,
): Promise<{ resolvedRequest: ResolvedRequest; pushed: Buffer | null }> {
  const { client_id: clientId, request_uri: uri } = given.values;
  const stored = uri === undefined || !isPushedUri(uri) ? undefined : await findPushed(endpoint.db, uri, now);
  // RFC 9126 §2.2: unknown, expired, used and another client's are one answer.
  if (stored === null || (stored && (stored.clientId !== clientId || given.faults.has('client_id')))) throw usedUp();
  const asked = stored ? createParameters(stored.values) : given;
  const by = { ...from, isSeen: from.isTopLevel && !isSilent(asked) };
  const client = clientId === undefined ? null : await loadRequestingClient(endpoint, clientId, by, now);
  return { resolvedRequest: resolveRequest(client, asked, stored !== undefined), pushed: stored?.digest ?? null };
}

function usedUp(): OAuthError {
  return new OAuthError('invalid_request_uri', 'This request was used, has expired, or is of another client.');
}

/** How things stand with a request for context is signed in; where that is not known, whether there is anything wrong with it. */
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
    // What is not the client's fault or the user's is no answer to the client.
    if (error instanceof OAuthError && error.status < 500) return { kind: 'refused', resolvedRequest, error };
    throw error;
  }
}

/** Names what a consent page says, and to whom: an answer counts for nothing else. */
function digestPrompt(
  { client, api }: AuthorizationRequest,
  { session, requestedAccess, consentNeeded }: SessionDecision,
): string {
  const { scopes, permissions } = consentNeeded;
  const isEverything = requestedAccess.permissions === null;
  const said = JSON.stringify([session.user.id, client.name, api?.id ?? null, scopes, isEverything, permissions]);
  return createHash('sha256').update(said).digest('base64url');
}

/** Who stands before an interaction. */
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
  return { interaction, step: await evaluate(endpoint, resolvedRequest, context.session, interaction.flowOrigin, now) };
}

/** What an interaction waits for, and nothing is done about it: for the page that somebody logs in at. */
export async function loadInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
): Promise<{ readonly isLogin: boolean; readonly request: AuthorizationRequest } | null> {
  const step = (await load(endpoint, secret, context, endpoint.clock.now()))?.step;
  return !step || step.kind === 'refused' ? null : { isLogin: step.kind === 'login', request: step.request };
}

/** Goes on with an interaction for context is signed in now. */
export async function continueInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const again = () => repeatDecision(endpoint, secret, browserRef(context), 'allow', now);
  const loaded = await load(endpoint, secret, context, now);
  if (!loaded) return again();
  const { step } = loaded;
  if (step.kind === 'refused')
    return refuse(endpoint, step.resolvedRequest, step.error, requestDigests(loaded.interaction), now);
  if (step.kind !== 'code') return step;
  const next = await complete(endpoint, step, consumedRequests(loaded.interaction), now);
  return next.kind === 'gone' ? again() : next;
}

/** What somebody has answered, and to which page. */
export interface ConsentForm {
  readonly decision: string | undefined;
  readonly promptDigest: string | undefined;
}

/** The user allows or denies (RFC 6749 §4.1.1). What was not shown to this user is shown again, and so is what is not answered. */
export async function answerInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  context: BrowserContext,
  { decision, promptDigest }: ConsentForm,
): Promise<NextStep> {
  const now = endpoint.clock.now();
  const again = () => repeatDecision(endpoint, secret, browserRef(context), decision, now);
  const loaded = await load(endpoint, secret, context, now);
  if (!loaded) return again();
  const { interaction, step } = loaded;
  const used = requestDigests(interaction);
  if (step.kind === 'refused') return refuse(endpoint, step.resolvedRequest, step.error, used, now);
  const { request } = step;
  if (decision === 'deny') {
    const next = await refuse(endpoint, request, accessDenied(), used, now);
    return next.kind === 'gone' ? again() : next;
  }
  if (step.kind === 'login') return step;
  if (step.kind === 'consent' && (decision !== 'allow' || promptDigest !== step.promptDigest)) return step;
  // What is agreed to is the document as it is now, which only context sees it has looked up.
  if (isDocumentClient(request.client) && !context.isTopLevel) return step;
  const next = await (step.kind === 'consent'
    ? agree(endpoint, step, consumedRequests(interaction), context.ip, now)
    : complete(endpoint, step, consumedRequests(interaction), now));
  return next.kind === 'gone' ? again() : next;
}

function requestDigests({ digest, pushed }: Interaction): Buffer[] {
  return pushed ? [digest, pushed] : [digest];
}

function consumedRequests(interaction: Interaction): ConsumedRequests {
  return { digests: requestDigests(interaction), interaction: interaction.digest };
}

async function refuse(
  { db, issuer }: AuthorizeEndpoint,
  { to, client }: ResolvedRequest,
  error: OAuthError,
  used: readonly Buffer[],
  now: Date,
): Promise<NextStep> {
  if (!(await consumeRequests(db, used, now))) return { kind: 'gone' };
  return { kind: 'answer', answer: refused(issuer, to, client, error) };
}
