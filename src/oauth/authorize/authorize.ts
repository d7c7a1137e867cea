import { createHash } from 'node:crypto';
import { OAuthError } from '../../platform/http/index.ts';
import type { LiveSession } from '../../sessions/index.ts';
import { loadAskingClient, type Origin } from '../documents/asking-client.ts';
import { isOfDocument } from '../documents/url.ts';
import { enforceRateLimit } from '../rate-limit.ts';
import { refused } from './answer.ts';
import type { AnsweredRequests } from './code.ts';
import { agree, complete } from './complete.ts';
import { type Decided, decide, type Shown } from './decide.ts';
import { createParameters, type Pairs, type Parameters, parseParameters } from './parameters.ts';
import { denied, type RepeatedAnswer, repeatAnswer } from './repeat.ts';
import {
  type AuthorizationRequest,
  type AuthorizeEndpoint,
  checkRequest,
  isSilent,
  type Opened,
  openRequest,
} from './request.ts';
import {
  type Begun,
  consumeRequests,
  findPushed,
  type Interaction,
  isPushedUri,
  openInteraction,
  storeInteraction,
  type Visitor,
} from './stored-request.ts';

/** What the browser does next. */
export type Next =
  | { readonly kind: 'interaction'; readonly secret: string }
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | Shown
  | RepeatedAnswer;

/** What a request waits for. */
type Waiting =
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | Shown
  | { readonly kind: 'refused'; readonly opened: Opened; readonly error: OAuthError };

/**
 * The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): answered at once where nothing has to be asked, else kept until its
 * user has logged in and agreed. `session`: null for nobody; undefined where the request says nothing about who is signed in, as a
 * POST from another site does. OAuthError is for the user to read.
 */
export async function authorize(
  endpoint: AuthorizeEndpoint,
  pairs: Pairs,
  session: LiveSession | null | undefined,
  from: Origin,
): Promise<Next> {
  const now = endpoint.clock.now();
  const { opened, pushed } = await openAsked(endpoint, parseParameters(pairs), from, now);
  const used = pushed ? [pushed] : [];
  const waiting = await see(endpoint, opened, session, { at: now, session: session?.id ?? null }, now);
  if (waiting.kind === 'refused') return refuse(endpoint, waiting.opened, waiting.error, used, now);
  const keep = () => keepRequest(endpoint, opened, pushed, from, now);
  if (waiting.kind !== 'code') return keep();
  const next = await complete(endpoint, waiting, { digests: used, interaction: null }, now);
  return next.kind === 'login' ? keep() : next;
}

/**
 * For its user to log in and agree. Where their network has too many waiting it is they who hear it, and may reload in a moment: clients
 * tend to answer an error by sending the browser here again.
 */
async function keepRequest(
  endpoint: AuthorizeEndpoint,
  opened: Opened,
  pushed: Buffer | null,
  { ip, isSeen }: Origin,
  now: Date,
): Promise<Next> {
  // Whoever is shown it in passing logs in nowhere, and would use up the room of those who do.
  if (!isSeen) throw new OAuthError('invalid_request', 'Open this address in a window of its own, not inside a page.');
  await enforceRateLimit(endpoint, { kind: 'interaction', ip }, now);
  return { kind: 'interaction', secret: await storeInteraction(endpoint.db, opened.client, opened.given, pushed, now) };
}

/** The request as it came, or as it was pushed: then nothing that stands beside it counts (RFC 9126 §4). */
async function openAsked(
  endpoint: AuthorizeEndpoint,
  given: Parameters,
  from: Origin,
  now: Date,
): Promise<{ opened: Opened; pushed: Buffer | null }> {
  const { client_id: clientId, request_uri: uri } = given.values;
  const stored = uri === undefined || !isPushedUri(uri) ? undefined : await findPushed(endpoint.db, uri, now);
  // RFC 9126 §2.2: unknown, expired, used and another client's are one answer.
  if (stored === null || (stored && (stored.clientId !== clientId || given.faults.has('client_id')))) throw usedUp();
  const asked = stored ? createParameters(stored.values) : given;
  const by = { ...from, isSeen: from.isSeen && !isSilent(asked) };
  const client = clientId === undefined ? null : await loadAskingClient(endpoint, clientId, by, now);
  return { opened: openRequest(client, asked, stored !== undefined), pushed: stored?.digest ?? null };
}

function usedUp(): OAuthError {
  return new OAuthError('invalid_request_uri', 'This request was used, has expired, or is of another client.');
}

/** How things stand with a request for who is signed in; where that is not known, whether there is anything wrong with it. */
async function see(
  endpoint: AuthorizeEndpoint,
  opened: Opened,
  session: LiveSession | null | undefined,
  begun: Begun,
  now: Date,
): Promise<Waiting> {
  try {
    const request = await checkRequest(endpoint, opened);
    if (session === undefined) return { kind: 'login', request };
    const decision = await decide(endpoint, request, session, begun, now);
    if (decision.kind === 'login') return { kind: 'login', request };
    return { ...decision, request, shown: shownTo(request, decision) };
  } catch (error) {
    // What is not the client's fault or the user's is no answer to the client.
    if (error instanceof OAuthError && error.status < 500) return { kind: 'refused', opened, error };
    throw error;
  }
}

/** Names what a consent page says, and to whom: an answer counts for nothing else. */
function shownTo({ client, api }: AuthorizationRequest, { session, asked, wanted }: Decided): string {
  const { scopes, permissions } = wanted;
  const isEverything = asked.permissions === null;
  const said = JSON.stringify([session.user.id, client.name, api?.id ?? null, scopes, isEverything, permissions]);
  return createHash('sha256').update(said).digest('base64url');
}

/** Who stands before an interaction. */
export interface Present extends Origin {
  /** The secret of the browser. */
  readonly browser: string;
  readonly session: LiveSession | null;
}

function currentVisitor({ browser, session, ip, isSeen }: Present): Visitor & Origin {
  return { browser, session: session?.id ?? null, ip, isSeen };
}

type Seen = { readonly interaction: Interaction; readonly waiting: Waiting };

async function look(endpoint: AuthorizeEndpoint, secret: string, who: Present, now: Date): Promise<Seen | null> {
  const interaction = await openInteraction(endpoint.db, secret, currentVisitor(who), now);
  if (!interaction) return null;
  const client = await loadAskingClient(endpoint, interaction.clientId, who, now);
  const opened = openRequest(client, createParameters(interaction.values), interaction.pushed !== null);
  return { interaction, waiting: await see(endpoint, opened, who.session, interaction.begun, now) };
}

/** What an interaction waits for, and nothing is done about it: for the page that somebody logs in at. */
export async function loadInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  who: Present,
): Promise<{ readonly isLogin: boolean; readonly request: AuthorizationRequest } | null> {
  const waiting = (await look(endpoint, secret, who, endpoint.clock.now()))?.waiting;
  return !waiting || waiting.kind === 'refused'
    ? null
    : { isLogin: waiting.kind === 'login', request: waiting.request };
}

/** Goes on with an interaction for who is signed in now. */
export async function continueInteraction(endpoint: AuthorizeEndpoint, secret: string, who: Present): Promise<Next> {
  const now = endpoint.clock.now();
  const again = () => repeatAnswer(endpoint, secret, currentVisitor(who), 'allow', now);
  const seen = await look(endpoint, secret, who, now);
  if (!seen) return again();
  const { waiting } = seen;
  if (waiting.kind === 'refused') return refuse(endpoint, waiting.opened, waiting.error, usedBy(seen.interaction), now);
  if (waiting.kind !== 'code') return waiting;
  const next = await complete(endpoint, waiting, answeredBy(seen.interaction), now);
  return next.kind === 'gone' ? again() : next;
}

/** What somebody has answered, and to which page. */
export interface Answered {
  readonly decision: string | undefined;
  readonly shown: string | undefined;
}

/** The user allows or denies (RFC 6749 §4.1.1). What was not shown to this user is shown again, and so is what is not answered. */
export async function answerInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  who: Present,
  { decision, shown }: Answered,
): Promise<Next> {
  const now = endpoint.clock.now();
  const again = () => repeatAnswer(endpoint, secret, currentVisitor(who), decision, now);
  const seen = await look(endpoint, secret, who, now);
  if (!seen) return again();
  const { interaction, waiting } = seen;
  const used = usedBy(interaction);
  if (waiting.kind === 'refused') return refuse(endpoint, waiting.opened, waiting.error, used, now);
  const { request } = waiting;
  if (decision === 'deny') {
    const next = await refuse(endpoint, request, denied(), used, now);
    return next.kind === 'gone' ? again() : next;
  }
  if (waiting.kind === 'login') return waiting;
  if (waiting.kind === 'consent' && (decision !== 'allow' || shown !== waiting.shown)) return waiting;
  // What is agreed to is the document as it is now, which only who sees it has looked up.
  if (isOfDocument(request.client) && !who.isSeen) return waiting;
  const next = await (waiting.kind === 'consent'
    ? agree(endpoint, waiting, answeredBy(interaction), who.ip, now)
    : complete(endpoint, waiting, answeredBy(interaction), now));
  return next.kind === 'gone' ? again() : next;
}

function usedBy({ digest, pushed }: Interaction): Buffer[] {
  return pushed ? [digest, pushed] : [digest];
}

function answeredBy(interaction: Interaction): AnsweredRequests {
  return { digests: usedBy(interaction), interaction: interaction.digest };
}

async function refuse(
  { db, issuer }: AuthorizeEndpoint,
  { to, client }: Opened,
  error: OAuthError,
  used: readonly Buffer[],
  now: Date,
): Promise<Next> {
  if (!(await consumeRequests(db, used, now))) return { kind: 'gone' };
  return { kind: 'answer', answer: refused(issuer, to, client, error) };
}
