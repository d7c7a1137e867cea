import { createHash } from 'node:crypto';
import type { LiveSession } from '../../identity/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
import { StoredRequest } from '../authorization-entities.ts';
import { rememberConsent } from '../consent/consent.ts';
import { loadAskingClient } from '../documents/asking-client.ts';
import { storeAgreedClient } from '../documents/store-client.ts';
import { isOfDocument } from '../documents/url.ts';
import { enforceRateLimit } from '../rate-limit.ts';
import { granted, refused } from './answer.ts';
import { type AnsweredRequests, issueCode } from './code.ts';
import { type Decision, decide } from './decide.ts';
import { type Pairs, type Parameters, parametersOf, sortOut } from './parameters.ts';
import { denied, type RepeatedAnswer, repeatAnswer } from './repeat.ts';
import {
  type AuthorizationRequest,
  type AuthorizeEndpoint,
  checkRequest,
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
} from './stored.ts';

/** What the browser does next. */
export type Next =
  | { readonly kind: 'interaction'; readonly secret: string }
  | { readonly kind: 'login'; readonly request: AuthorizationRequest }
  | Shown
  | RepeatedAnswer;

type Decided = Exclude<Decision, { readonly kind: 'login' }>;

/** What a user is asked to agree to, or has agreed to before. */
export interface Shown extends Decided {
  readonly request: AuthorizationRequest;
  /** Names what is said, and to whom. */
  readonly shown: string;
}

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
  const { opened, pushed } = await openAsked(endpoint, sortOut(pairs), from.ip, now);
  const used = pushed ? [pushed] : [];
  const waiting = await see(endpoint, opened, session, { at: now, session: session?.id ?? null }, now);
  if (waiting.kind === 'refused') return refuse(endpoint, waiting.opened, waiting.error, used, now);
  const keep = () => keepRequest(endpoint, opened, pushed, from, now);
  if (waiting.kind !== 'code') return keep();
  const next = await complete(endpoint, waiting, { digests: used, interaction: null }, now);
  return next.kind === 'login' ? keep() : next;
}

/** Where a request comes from. */
export interface Origin {
  /** What is kept counts for its network. */
  readonly ip: string;
  /** Somebody can see the answer. An image of another site's page is asked for as well. */
  readonly isSeen: boolean;
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
  ip: string,
  now: Date,
): Promise<{ opened: Opened; pushed: Buffer | null }> {
  const { client_id: clientId, request_uri: uri } = given.values;
  const client = clientId === undefined ? null : await loadAskingClient(endpoint, clientId, ip, now);
  if (uri === undefined || !isPushedUri(uri)) return { opened: openRequest(client, given, false), pushed: null };
  const stored = await findPushed(endpoint.db, uri, now);
  // RFC 9126 §2.2: unknown, expired, used and another client's are one answer.
  if (!stored || stored.clientId !== clientId || given.faults.has('client_id')) throw usedUp();
  return { opened: openRequest(client, parametersOf(stored.values), true), pushed: stored.digest };
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
export interface Present {
  /** The secret of the browser. */
  readonly browser: string;
  readonly session: LiveSession | null;
  readonly ip: string;
}

function visitorOf({ browser, session }: Present): Visitor {
  return { browser, session: session?.id ?? null };
}

type Seen = { readonly interaction: Interaction; readonly waiting: Waiting };

async function look(endpoint: AuthorizeEndpoint, secret: string, who: Present, now: Date): Promise<Seen | null> {
  const interaction = await openInteraction(endpoint.db, secret, visitorOf(who), now);
  if (!interaction) return null;
  const client = await loadAskingClient(endpoint, interaction.clientId, who.ip, now);
  const opened = openRequest(client, parametersOf(interaction.values), interaction.pushed !== null);
  return { interaction, waiting: await see(endpoint, opened, who.session, interaction.begun, now) };
}

/** What an interaction waits for, and nothing is done about it: for the page that somebody logs in at. */
export async function lookAtInteraction(
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
  const again = () => repeatAnswer(endpoint, secret, { ...visitorOf(who), ip: who.ip }, 'allow', now);
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
  readonly ip: string;
}

/** The user allows or denies (RFC 6749 §4.1.1). What was not shown to this user is shown again, and so is what is not answered. */
export async function answerInteraction(
  endpoint: AuthorizeEndpoint,
  secret: string,
  who: Present,
  { decision, shown, ip }: Answered,
): Promise<Next> {
  const now = endpoint.clock.now();
  const again = () => repeatAnswer(endpoint, secret, { ...visitorOf(who), ip }, decision, now);
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
  if (isOfDocument(request.client)) {
    const next = await agreeToDocument(endpoint, waiting, answeredBy(interaction), ip, now);
    return next.kind === 'gone' ? again() : next;
  }
  const next = await complete(endpoint, waiting, answeredBy(interaction), now);
  if (next.kind === 'gone') return again();
  if (next.kind === 'answer' && waiting.kind === 'consent') {
    const given = { user: waiting.session.user.id, client: request.client.id, api: request.api?.id ?? null, ip };
    await endpoint.db.fork().transactional((tx) => rememberConsent(tx, given, waiting.wanted, now));
  }
  return next;
}

/** One that is known by its document becomes a client as its user agrees: the code that follows points at it. */
async function agreeToDocument(
  endpoint: AuthorizeEndpoint,
  waiting: Shown,
  used: AnsweredRequests,
  ip: string,
  now: Date,
): Promise<Next> {
  const { request, session, wanted } = waiting;
  const api = request.api?.id ?? null;
  const client = await endpoint.db.fork().transactional(async (tx) => {
    const id = await storeAgreedClient(tx, request.client, { user: session.user, api }, now);
    await rememberConsent(tx, { user: session.user.id, client: id, api, ip }, wanted, now);
    // The request that waited without a client has one: a repeated form finds it.
    await tx.nativeUpdate(StoredRequest, { digest: { $in: [...used.digests] } }, { client: id });
    return { ...request.client, id };
  });
  return complete(endpoint, { ...waiting, request: { ...request, client } }, used, now);
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

/** The code, once. */
async function complete(
  { db, issuer }: AuthorizeEndpoint,
  { request, session, asked }: Shown,
  answered: AnsweredRequests,
  now: Date,
): Promise<Next> {
  const { client, api, sentRedirectUri, codeChallenge, nonce, claims, dpopJkt } = request;
  const given = {
    client: client.id,
    session: session.id,
    api: api?.id ?? null,
    scope: asked.scope,
    permissions: asked.permissions?.map((one) => one.id) ?? null,
    isOffline: asked.isOffline,
    redirectUri: sentRedirectUri,
    codeChallenge,
    nonce,
    claims,
    dpopJkt,
  };
  const issued = await issueCode(db, given, answered, now);
  if (issued === 'used') return { kind: 'gone' };
  // The session has ended between the two: whoever is there logs in again.
  if (issued === 'ended') return { kind: 'login', request };
  return { kind: 'answer', answer: granted(issuer, request.to, issued.code) };
}
