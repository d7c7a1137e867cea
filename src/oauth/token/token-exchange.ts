import { recordEvent } from '../../audit/index.ts';
import { findSourceId } from '../../imports/index.ts';
import type { Database } from '../../platform/database/index.ts';
import type { OAuthError } from '../../platform/http/index.ts';
import {
  type AccessToken,
  type Actor,
  allocateExchangedIndex,
  type DelegationChain,
  hasUserActor,
  isStillExchangeable,
  NO_API,
  readStatusOwner,
  type StatusOwner,
} from '../../tokens/index.ts';
import { type ActiveToken, findActiveToken, type TokenReader, type UserToken } from '../active-token.ts';
import { grantNames } from '../client-settings/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { validateScope } from '../consent/requested-access.ts';
import { oauthError } from '../errors.ts';
import { maySee } from '../introspect.ts';
import { type RightsLimit, readLimitedRights } from '../limit-rights.ts';
import { narrowScope } from '../requested-scope.ts';
import {
  ACCESS_TOKEN,
  ACCESS_TOKEN_ISSUED,
  type GrantRequest,
  type GrantResult,
  type GrantType,
  JWT,
} from './grant-type.ts';
import { type ImpersonationDeps, impersonate } from './impersonation.ts';

export type ExchangeDeps = TokenReader & ImpersonationDeps;

/**
 * The token exchange grant (RFC 8693): a service that was called with a user's token gets a token for the next service.
 * It names the actor, has no more rights than the subject token, expires no later, and ends with the same session or
 * grant. It has a status index of its own, because it also ends with its actors.
 */
export function tokenExchangeGrant(deps: ExchangeDeps): GrantType {
  return {
    type: grantNames['token-exchange'],
    needsConfidentialClient: true,
    async authorize(request) {
      const { form } = request;
      requireTypes(form);
      const subject = await requireActiveToken(deps, request, 'subject_token');
      if (!isUserToken(subject)) throw oauthError('subject_token_of_client');
      if (form['requested_subject'] !== undefined) return impersonate(deps, request, subject);
      // RFC 8693 §4.1: without an actor token, the client is the actor.
      const actor = form['actor_token'] === undefined ? null : await requireActiveToken(deps, request, 'actor_token');
      return exchange(deps, request, subject, actor);
    },
  };
}

/** RFC 8693 §2.1. */
function requireTypes(form: GrantRequest['form']): void {
  for (const name of ['subject_token', 'subject_token_type'])
    if (!form[name]) throw oauthError('parameter_missing', { name });
  if ((form['actor_token'] === undefined) !== (form['actor_token_type'] === undefined))
    throw oauthError('actor_token_incomplete');
  for (const name of ['subject_token_type', 'actor_token_type'])
    if (![undefined, ACCESS_TOKEN, JWT].includes(form[name])) throw oauthError('token_type_unsupported', { name });
  if (![undefined, ACCESS_TOKEN].includes(form['requested_token_type']))
    throw oauthError('requested_token_type_unsupported');
}

/**
 * RFC 8693 §2.2.2: one error for a token that is unknown, ended, of another kind, bound to another key, or not visible
 * to this client.
 */
async function requireActiveToken(
  deps: ExchangeDeps,
  { client, form, jkt, now }: GrantRequest,
  name: 'subject_token' | 'actor_token',
): Promise<ActiveToken> {
  const token = await findActiveToken(deps, form[name] as string, now, {
    use: name === 'subject_token' ? 'exchange' : undefined,
  });
  if (!token || !maySee(client, token)) throw invalidToken(name);
  // RFC 9449: a bound token is useless without its key.
  if (token.claims.cnf && token.claims.cnf.jkt !== jkt) throw invalidToken(name);
  return token;
}

function isUserToken(token: ActiveToken): token is UserToken {
  return token.user !== null;
}

async function exchange(
  deps: ExchangeDeps,
  request: GrantRequest,
  subject: UserToken,
  actor: ActiveToken | null,
): Promise<GrantResult | 'stale'> {
  const { db, access } = deps;
  const { client, form, now } = request;
  const { claims, principal, user } = subject;
  const act = createActor(client, subject, actor);
  const api = await findExchangeTarget(request, subject);
  const scope = narrowScope(claims.scope, form['scope'], subject.api);
  if (form['scope'] !== undefined) await validateScope(db, client, api, form['scope']);
  // As for impersonation; the subject token may come from one.
  if (api.isBuiltin && hasUserActor(act)) throw oauthError('target_own_api');
  const owner = await findOwner(deps, subject, api.id);
  const limit = createLimit(client, subject);
  // The status index is allocated before the rights are read: see `grantTokens`.
  const allocated = await allocateExchangedIndex(db, owner, delegationChain(client, subject, actor), now);
  if (!allocated) throw invalidToken('subject_token');
  // If it was revoked meanwhile, the next attempt throws.
  if (allocated === 'stale' || !(await isStillExchangeable(db, deps.issuer, claims))) return 'stale';
  const rights = await readLimitedRights(db, await access.rights(principal, api, now), api, limit);
  const { sid, auth_time: authTime, amr = [], acr } = claims;
  return {
    api,
    subject: limit ? { ...user, isStaff: false } : user,
    sourceId: api.withSourceId ? await findSourceId(db, api.audience, user.id) : undefined,
    principal: { ...principal, version: allocated.version },
    rights,
    session:
      sid === undefined || authTime === undefined
        ? null
        : { id: sid, authTime: new Date(authTime * 1000), amr, ...(acr === undefined ? {} : { acr }) },
    scope,
    act,
    // Expires no later than the presented tokens.
    until: new Date(Math.min(claims.exp, actor?.claims.exp ?? claims.exp) * 1000),
    owner,
    statusIndex: allocated.statusIndex,
    finish: async (token) => {
      if (hasUserActor(act)) await recordImpersonation(db, user.id, act, token, now);
      return ACCESS_TOKEN_ISSUED;
    },
  };
}

/** An exchange of an impersonation token is in the user's history too. */
async function recordImpersonation(
  db: Database,
  user: string,
  act: Actor,
  { claims }: AccessToken,
  now: Date,
): Promise<void> {
  const em = db.fork();
  recordEvent(em, now, { kind: 'impersonated', userId: user, detail: { act, audience: claims.aud, jti: claims.jti } });
  await em.flush();
}

/**
 * RFC 8693 §4.1: the current actor, and nested in it the earlier ones. If the actor is not the client, the client is
 * named too: its boundary limits every later exchange of the token.
 */
function createActor(client: LiveClient, { claims }: UserToken, actor: ActiveToken | null): Actor {
  const before = claims.act ? { act: claims.act } : {};
  if (!actor) return { sub: client.clientId, ...before };
  if (actor.claims.act) throw oauthError('actor_token_delegated');
  return { sub: actor.claims.sub, client_id: client.clientId, ...before };
}

/** RFC 8693 §2.1, RFC 8707 §2: returns the API that the client asks for; by default that of the subject token. */
async function findExchangeTarget({ client, form, target }: GrantRequest, { api }: UserToken) {
  // A token for userinfo only: the user has consented to no API.
  if (api.id === NO_API) throw oauthError('subject_token_for_userinfo');
  if (form['resource'] !== undefined || form['audience'] !== undefined) return target();
  if (!client.requests.includes(api.id)) throw oauthError('target_not_allowed');
  return api;
}

/**
 * Returns the session, grant or principal that the subject token belongs to. At another API it has a status index of
 * its own.
 */
async function findOwner(
  { db, issuer }: ExchangeDeps,
  { claims, principal, rightsLimit }: UserToken,
  api: string,
): Promise<StatusOwner> {
  const owner = await readStatusOwner(db, issuer, claims, { principal: principal.id, api });
  // An operator's token for a client that is not first-party belongs to no grant, so the limit by the client would be
  // lost.
  if (!owner || (owner.kind === 'principal' && rightsLimit)) throw invalidToken('subject_token');
  return owner;
}

/** The earlier actors, the current actor, and the client of the exchange. */
function delegationChain(client: LiveClient, subject: UserToken, actor: ActiveToken | null): DelegationChain {
  const actors: [string, number][] = actor ? [[actor.principal.id, actor.principal.version]] : [];
  return new Map([...subject.delegation, ...actors, [client.id, client.version]]);
}

/** The limit of the subject token, and the client's own boundary. */
function createLimit(client: LiveClient, subject: UserToken): RightsLimit | null {
  if (client.isFirstParty) return subject.rightsLimit;
  return {
    clients: [...(subject.rightsLimit?.clients ?? []), client.id],
    permissions: subject.rightsLimit?.permissions ?? null,
  };
}

function invalidToken(name: 'subject_token' | 'actor_token'): OAuthError {
  return oauthError('exchanged_token_invalid', { name });
}
