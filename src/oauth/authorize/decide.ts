import type { LiveSession } from '../../sessions/index.ts';
import { type FlowOrigin, isSufficient, type SignInRequirement } from '../../signin/index.ts';
import { type ConsentNeeded, deriveConsentNeeded, isConsented } from '../consent/consent.ts';
import { type RequestedAccess, resolveRequestedAccess } from '../consent/requested-access.ts';
import { oauthError } from '../errors.ts';
import { isExclusiveRedirect } from './redirect-uri.ts';
import type { AuthorizationRequest, AuthorizeEndpoint } from './request.ts';

/** What a request needs before its code is issued. */
export type AuthorizationDecision =
  | { readonly kind: 'login' }
  | {
      readonly kind: 'consent' | 'code';
      readonly session: LiveSession;
      readonly requestedAccess: RequestedAccess;
      readonly consentNeeded: ConsentNeeded;
    };

export type SessionDecision = Exclude<AuthorizationDecision, { readonly kind: 'login' }>;

/** What a user is asked to consent to, or has consented to before. */
export interface ConsentPrompt extends SessionDecision {
  readonly request: AuthorizationRequest;
  /** Identifies the content of the page and its user. */
  readonly promptDigest: string;
}

/**
 * Returns what a request still needs from the signed-in user. `flowOrigin`: how the request began. Throws an OAuthError
 * if the request cannot be granted, or not without showing a page (`prompt=none`).
 */
export async function decide(
  endpoint: AuthorizeEndpoint,
  request: AuthorizationRequest,
  session: LiveSession | null,
  flowOrigin: FlowOrigin,
  now: Date,
): Promise<AuthorizationDecision> {
  const isSilent = request.prompts.has('none');
  if (!session || !isSufficient(session, signInRequirement(request), flowOrigin, now)) {
    // OIDC Core §3.1.2.6.
    if (isSilent) throw oauthError('sign_in_missing');
    return { kind: 'login' };
  }
  // OIDC Core §3.1.2.1, §5.5.1: the response is about the user that the client means.
  if (request.subjects?.some((one) => one !== session.user.id)) throw oauthError('other_user_signed_in');
  const { client, api, claims } = request;
  const requestedAccess = await resolveRequestedAccess(endpoint.db, client, api, request.scope);
  const consentNeeded = deriveConsentNeeded(requestedAccess, claims);
  const consent = await decideConsent(endpoint, request, session, consentNeeded);
  if (isSilent && consent === 'each_time') throw oauthError('consent_each_time');
  if (isSilent && consent === 'missing') throw oauthError('consent_missing');
  return { kind: consent === 'given' ? 'code' : 'consent', session, requestedAccess, consentNeeded };
}

/** OIDC Core §3.1.2.1, §5.5.1.1: what the request requires of the sign-in. `select_account` shows the form, as `login` does. */
function signInRequirement({ prompts, maxAge, acr }: AuthorizationRequest): SignInRequirement {
  return {
    acr,
    maxAgeSeconds: maxAge,
    mustAuthenticate: prompts.has('login') || prompts.has('select_account'),
  };
}

/** RFC 6749 §10.2: whether the user has consented to this. */
async function decideConsent(
  { db }: AuthorizeEndpoint,
  { client, api, prompts, responseTarget }: AuthorizationRequest,
  session: LiveSession,
  consentNeeded: ConsentNeeded,
): Promise<'given' | 'missing' | 'each_time'> {
  if (prompts.has('consent')) return 'missing';
  // RFC 8252 §8.6: another app may use the same address, and would get what was consented to before, or what a
  // first-party client gets.
  if (!isExclusiveRedirect(client, responseTarget.redirectUri)) return 'each_time';
  if (client.isFirstParty && !client.settings.askConsent) return 'given';
  return (await isConsented(db, session.user.id, client.id, api?.id ?? null, consentNeeded)) ? 'given' : 'missing';
}
