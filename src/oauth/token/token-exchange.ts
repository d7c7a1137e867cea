import { recordEvent } from '../../audit/index.ts';
import { findSourceId } from '../../imports/index.ts';
import type { Database } from '../../platform/database/index.ts';
import { OAuthError } from '../../platform/http/index.ts';
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
import type { LiveClient } from '../clients/cache.ts';
import { grantNames } from '../clients/presets.ts';
import { validateScope } from '../consent/requested-access.ts';
import { maySee } from '../introspect.ts';
import { type RightsLimit, readLimitedRights } from '../limit-rights.ts';
import { narrowScope } from '../requested-scope.ts';
import type { GrantRequest, GrantResult, GrantType } from './grant-type.ts';
import { type ImpersonationDeps, impersonate } from './impersonation.ts';
import { ACCESS_TOKEN, issued, JWT } from './token-types.ts';

export type ExchangeDeps = TokenReader & ImpersonationDeps;

/**
 * Token exchange (RFC 8693): a service that was called with a user's token gets one to call the next with. It says who acts, carries no
 * more than the token that was shown, ends no later, and ends with it: they live by the same session or grant. It stands at a place of its
 * own, because it ends with whoever acts, too.
 */
export function tokenExchangeGrant(deps: ExchangeDeps): GrantType {
  return {
    type: grantNames['token-exchange'],
    needsConfidentialClient: true,
    async authorize(request) {
      const { form } = request;
      requireTypes(form);
      const subject = await shownToken(deps, request, 'subject_token');
      if (!isOfUser(subject)) throw unfit('subject_token is the own token of a client: that one asks for itself.');
      if (form['requested_subject'] !== undefined) return impersonate(deps, request, subject);
      // RFC 8693 §4.1: without another actor it is the client that acts.
      const actor = form['actor_token'] === undefined ? null : await shownToken(deps, request, 'actor_token');
      return exchange(deps, request, subject, actor);
    },
  };
}

/** RFC 8693 §2.1. */
function requireTypes(form: GrantRequest['form']): void {
  const invalid = (description: string) => new OAuthError('invalid_request', description);
  if (!form['subject_token']) throw invalid('subject_token is missing.');
  if (!form['subject_token_type']) throw invalid('subject_token_type is missing.');
  if ((form['actor_token'] === undefined) !== (form['actor_token_type'] === undefined))
    throw invalid('actor_token and actor_token_type go together.');
  for (const name of ['subject_token_type', 'actor_token_type'])
    if (![undefined, ACCESS_TOKEN, JWT].includes(form[name]))
      throw invalid(`${name} is not taken: send access tokens.`);
  if (![undefined, ACCESS_TOKEN].includes(form['requested_token_type']))
    throw invalid('requested_token_type is not given: ask for an access token.');
}

/**
 * RFC 8693 §2.2.2: a token that is unknown, ended, of another kind, bound to another key, or not for this client to see is one and the
 * same refusal.
 */
async function shownToken(
  deps: ExchangeDeps,
  { client, form, jkt, now }: GrantRequest,
  name: 'subject_token' | 'actor_token',
): Promise<ActiveToken> {
  const token = await findActiveToken(deps, form[name] as string, now, {
    use: name === 'subject_token' ? 'exchange' : undefined,
  });
  if (!token || !maySee(client, token)) throw unfit(`${name} is not good here.`);
  // RFC 9449: whoever has a bound token and not its key has nothing.
  if (token.claims.cnf && token.claims.cnf.jkt !== jkt) throw unfit(`${name} is not good here.`);
  return token;
}

function isOfUser(token: ActiveToken): token is UserToken {
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
  const act = actingNow(client, subject, actor);
  const api = await findExchangeTarget(request, subject);
  const scope = narrowScope(claims.scope, form['scope'], subject.api);
  if (form['scope'] !== undefined) await validateScope(db, client, api, form['scope']);
  // As an impersonation: whatever has been made of its token since.
  if (api.isBuiltin && hasUserActor(act))
    throw new OAuthError('invalid_target', 'Nobody acts for a user at Signet itself.');
  const owner = await statusOwner(deps, subject, api.id);
  const by = cutFor(client, subject);
  // The place comes first, and then what may change with whom it came through: see `grantTokens`.
  const taken = await allocateExchangedIndex(db, owner, delegationChain(client, subject, actor), now);
  if (!taken) throw unfit('subject_token is not good here.');
  // Revoked meanwhile: the next attempt is told so.
  if (taken === 'stale' || !(await isStillExchangeable(db, deps.issuer, claims))) return 'stale';
  const rights = await readLimitedRights(db, await access.rights(principal, api, now), api, by);
  const { sid, auth_time: authTime, amr = [], acr } = claims;
  return {
    api,
    subject: by ? { ...user, isStaff: false } : user,
    sourceId: api.withSourceId ? await findSourceId(db, api.audience, user.id) : undefined,
    principal: { ...principal, version: taken.version },
    rights,
    session:
      sid === undefined || authTime === undefined
        ? null
        : { id: sid, authTime: new Date(authTime * 1000), amr, ...(acr === undefined ? {} : { acr }) },
    scope,
    act,
    // Not a second longer than what was shown.
    until: new Date(Math.min(claims.exp, actor?.claims.exp ?? claims.exp) * 1000),
    owner,
    statusIndex: taken.statusIndex,
    finish: async (token) => {
      if (hasUserActor(act)) await recordActing(db, user.id, act, token, now);
      return issued;
    },
  };
}

/** Wherever a user acts for another goes on, the user's history says so. */
async function recordActing(db: Database, user: string, act: Actor, { claims }: AccessToken, now: Date): Promise<void> {
  const em = db.fork();
  recordEvent(em, now, { kind: 'impersonated', userId: user, detail: { act, audience: claims.aud, jti: claims.jti } });
  await em.flush();
}

/**
 * RFC 8693 §4.1: who acts now, and inside, who acted before. Where another than the client acts, the client is named too: what it may
 * carry at most holds for whatever is made of the token later.
 */
function actingNow(client: LiveClient, { claims }: UserToken, actor: ActiveToken | null): Actor {
  const before = claims.act ? { act: claims.act } : {};
  if (!actor) return { sub: client.clientId, ...before };
  if (actor.claims.act) throw unfit('actor_token is itself one of somebody who acts for another.');
  return { sub: actor.claims.sub, client_id: client.clientId, ...before };
}

/** RFC 8693 §2.1, RFC 8707 §2: an API that the client may ask for; none named is that of the token. */
async function findExchangeTarget({ client, form, target }: GrantRequest, { api }: UserToken) {
  // It was given for userinfo alone: nobody has let anybody do anything with it.
  if (api.id === NO_API) throw new OAuthError('invalid_target', 'subject_token is for userinfo alone.');
  if (form['resource'] !== undefined || form['audience'] !== undefined) return target();
  if (!client.requests.includes(api.id))
    throw new OAuthError('invalid_target', 'This client may not ask for tokens of that API.');
  return api;
}

/** The session, the grant or the principal that the subject's token lives by; at another API it has a place of its own. */
async function statusOwner(
  { db, issuer }: ExchangeDeps,
  { claims, principal, rightsLimit }: UserToken,
  api: string,
): Promise<StatusOwner> {
  const owner = await readStatusOwner(db, issuer, claims, { principal: principal.id, api });
  // What an operator has issued for a client that is not first-party belongs to no grant, which would remember the client.
  if (!owner || (owner.kind === 'principal' && rightsLimit)) throw unfit('subject_token is not good here.');
  return owner;
}

/** Who acted before, who acts now, and the client whose exchange it is. */
function delegationChain(client: LiveClient, subject: UserToken, actor: ActiveToken | null): DelegationChain {
  const who: [string, number][] = actor ? [[actor.principal.id, actor.principal.version]] : [];
  return new Map([...subject.delegation, ...who, [client.id, client.version]]);
}

/** Everything that cuts the subject's token, and the client's own ceiling. */
function cutFor(client: LiveClient, subject: UserToken): RightsLimit | null {
  if (client.isFirstParty) return subject.rightsLimit;
  return {
    clients: [...(subject.rightsLimit?.clients ?? []), client.id],
    consented: subject.rightsLimit?.consented ?? null,
  };
}

function unfit(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
