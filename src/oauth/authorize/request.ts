import type { ApiSnapshot } from '../../permissions/index.ts';
import { OAuthError, type RefusalReason } from '../../platform/http/index.ts';
import { quote } from '../../platform/text.ts';
import type { Clock } from '../../platform/time.ts';
import { ACR_VALUES, type KeyRing, type RequestedClaims, readIdTokenHint } from '../../tokens/index.ts';
import { hasJwtTypApi } from '../api-rules/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { validateScope } from '../consent/requested-access.ts';
import type { RequestingClientDeps } from '../documents/requesting-client.ts';
import { findDefaultTarget } from '../token/target.ts';
import { hasRightsClaim } from '../user-claims.ts';
import type { Parameters } from './parameters.ts';
import { acceptsForms, isRegistered } from './redirect-uri.ts';
import { readResponseHints } from './request-object.ts';
import { readClaimsParameter } from './requested-claims.ts';
import type { ResponseTarget } from './response.ts';

/** What authorization requests are answered with. */
export interface AuthorizeEndpoint extends RequestingClientDeps {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly clock: Clock;
}

export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const;
export type Prompt = (typeof PROMPTS)[number];

/** A request whose client is known, and where its answer may go: from here on refusals are the client's to hear. */
export interface ResolvedRequest {
  readonly client: LiveClient;
  readonly to: ResponseTarget;
  /** Null when there was none, and the client has one only. */
  readonly sentRedirectUri: string | null;
  readonly given: Parameters;
  /** It was pushed by the client (RFC 9126). */
  readonly isPushed: boolean;
}

/** What a client asks for, checked. */
export interface AuthorizationRequest extends ResolvedRequest {
  readonly api: ApiSnapshot | null;
  readonly scope: string | undefined;
  readonly nonce: string | null;
  readonly codeChallenge: string | null;
  readonly dpopJkt: string | null;
  readonly claims: RequestedClaims | null;
  readonly prompts: ReadonlySet<Prompt>;
  /** Seconds since the user was last authenticated, at the most. */
  readonly maxAge: number | null;
  /** Classes of authentication of which one must be reached; null: any. */
  readonly acr: readonly string[] | null;
  /** The user that it can be answered for, by each way of saying so; null: anybody. */
  readonly subjects: readonly string[] | null;
  readonly loginHint: string | null;
}

/**
 * The client of a request, and where its answer goes. OAuthError is for the user to read: nothing is sent to an address that is
 * not known to be the client's (RFC 6749 §4.1.2.1).
 */
export function resolveRequest(client: LiveClient | null, given: Parameters, isPushed: boolean): ResolvedRequest {
  const { values, faults } = given;
  for (const name of ['client_id', 'redirect_uri', 'request_uri'])
    if (faults.has(name)) throw invalid(faults.get(name) as string);
  // Without its `state`, which may stand in a request object, a client cannot tell whose answer it is (RFC 6749 §10.12).
  const lost = values.state === undefined ? ['state', 'request'].find((name) => given.tooLong.has(name)) : undefined;
  if (lost !== undefined) throw invalid(`The parameter ${lost} is too long.`);
  if (!client?.isActive || client.clientId !== values.client_id)
    throw new OAuthError('invalid_client', 'There is no such client. Look at client_id.', {
      status: 400,
      reason: 'client_unknown',
    });
  const wish = readResponseHints(values.request);
  const redirectUri = readRedirectUri(client, given);
  const isForm = (values.response_mode ?? wish.responseMode) === 'form_post' && acceptsForms(redirectUri);
  const to = { redirectUri, mode: isForm ? 'form_post' : 'query', state: values.state ?? wish.state } as const;
  return { client, to, sentRedirectUri: values.redirect_uri ?? null, given, isPushed };
}

/** Of a redirect URI that is refused: whoever has registered another one sees where they differ. */
const LONGEST_SHOWN = 200;

function readRedirectUri(client: LiveClient, { values }: Parameters): string {
  const { redirect_uri: asked } = values;
  if (asked !== undefined) {
    // RFC 9700 §2.1, RFC 6749 §3.1.2.3.
    if (isRegistered(client, asked)) return asked;
    throw new OAuthError(
      'invalid_request',
      `redirect_uri is not registered for this client, and is compared to the letter: ${quote(asked, LONGEST_SHOWN)}`,
      { reason: 'redirect_uri_unregistered' },
    );
  }
  const [only, ...others] = client.redirectUris;
  // RFC 6749 §3.1.2.3; OIDC Core §3.1.2.1 requires it always.
  if (only === undefined || others.length > 0 || readScopes(values.scope).includes('openid'))
    throw new OAuthError('invalid_request', 'redirect_uri is missing.', { reason: 'redirect_uri_missing' });
  return only;
}

function readScopes(scope: string | undefined): string[] {
  return (scope ?? '').split(' ');
}

/** Everything else of a request. OAuthError is for the client to hear. */
export async function checkRequest(
  endpoint: AuthorizeEndpoint,
  resolvedRequest: ResolvedRequest,
): Promise<AuthorizationRequest> {
  const { client, given } = resolvedRequest;
  const { values, faults } = given;
  // RFC 8707 §2.
  for (const [name, reason] of faults)
    throw name === 'resource' ? new OAuthError('invalid_target', reason) : invalid(reason);
  checkKind(resolvedRequest);
  const prompts = readPrompts(values.prompt);
  const asked = readClaimsParameter(values.claims);
  const hinted = subjectOfHint(endpoint, client, values.id_token_hint, prompts);
  const subjects = [hinted, asked.sub].filter((one) => one !== null);
  if (values.dpop_jkt !== undefined && !/^[\w-]{43}$/.test(values.dpop_jkt))
    throw invalid('dpop_jkt is no thumbprint (RFC 9449 10).');
  if (hasRightsClaim(asked.names?.idToken ?? []) && (await hasJwtTypApi(endpoint.access, client)))
    throw invalid(
      'Ask for permissions at userinfo: an API of this client takes tokens of typ JWT, which ID tokens are too.',
    );
  const api = await findDefaultTarget(endpoint.access, client, readTarget(values));
  const request = {
    ...resolvedRequest,
    api,
    scope: values.scope,
    nonce: values.nonce ?? null,
    codeChallenge: readChallenge(client, given),
    dpopJkt: values.dpop_jkt ?? null,
    claims: asked.names,
    prompts,
    maxAge: readMaxAge(values.max_age) ?? client.settings.defaultMaxAge,
    acr: reachable(asked.acr),
    subjects: subjects.length === 0 ? null : subjects,
    loginHint: values.login_hint !== undefined && values.login_hint.length <= 320 ? values.login_hint : null,
  };
  // The last: for permissions it asks the database.
  if (values.scope !== undefined) await validateScope(endpoint.db, client, api, values.scope);
  return request;
}

function readTarget({ resource, audience }: Parameters['values']): Record<string, string> {
  return { ...(resource === undefined ? {} : { resource }), ...(audience === undefined ? {} : { audience }) };
}

/** What kind of request it is, and whether this client may make one. */
function checkKind({ client, to, given: { values }, isPushed }: ResolvedRequest): void {
  // OIDC Core §6, §7.2.1.
  if (values.request !== undefined) throw new OAuthError('request_not_supported', 'Request objects are not taken.');
  if (values.registration !== undefined)
    throw new OAuthError('registration_not_supported', 'The parameter registration is not taken.');
  if (values.request_uri !== undefined)
    throw new OAuthError('request_uri_not_supported', 'Only a request_uri that was pushed here is taken.');
  // RFC 6749 §3.1.1; RFC 9700 §2.1.2: no token comes from this endpoint.
  if (values.response_type === undefined) throw invalid('response_type is missing.');
  if (values.response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'Only response_type=code is offered.');
  // OAuth 2.0 Form Post Response Mode §2.
  if (!['query', 'form_post', undefined].includes(values.response_mode))
    throw invalid('response_mode is query or form_post.');
  if (values.response_mode === 'form_post' && !acceptsForms(to.redirectUri))
    throw invalid('response_mode is query: no form can be posted to that redirect_uri.');
  if (!client.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'This client may not ask for codes.');
  // RFC 9126 §6.
  if (client.settings.requirePushed && !isPushed)
    throw invalid('This client pushes its requests first (RFC 9126).', 'par_required');
}

/** RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1: always for a public client, and by S256 alone. */
function readChallenge(client: LiveClient, { values }: Parameters): string | null {
  const { code_challenge: challenge, code_challenge_method: method } = values;
  if (challenge === undefined) {
    if (method !== undefined) throw invalid('code_challenge is missing.');
    requireProtection(client, values);
    return null;
  }
  if (method !== 'S256') throw invalid('code_challenge_method is S256.');
  if (!/^[\w.~-]{43,128}$/.test(challenge)) throw invalid('code_challenge has 43 to 128 characters (RFC 7636 4.2).');
  return challenge;
}

/** RFC 9700 §2.1.1: a code that no challenge protects is one of a client that may do without, or that checks a nonce in its ID token. */
function requireProtection({ authMethod, settings }: LiveClient, { scope, nonce }: Parameters['values']): void {
  const rule = authMethod === 'none' ? 'on' : settings.pkce;
  if (rule === 'off') return;
  if (rule === 'if-sent' && nonce !== undefined && readScopes(scope).includes('openid')) return;
  const wanted =
    rule === 'on' ? 'this client uses PKCE (RFC 7636)' : 'this client uses PKCE (RFC 7636), or openid with a nonce';
  throw invalid(`code_challenge is missing: ${wanted}.`, 'pkce_missing');
}

/** OIDC Core §3.1.2.1: nothing may be shown, whatever else is wrong with it. */
export function isSilent({ values: { prompt } }: Parameters): boolean {
  return (prompt ?? '').split(' ').includes('none');
}

/** OIDC Core §3.1.2.1. */
function readPrompts(prompt: string | undefined): ReadonlySet<Prompt> {
  const asked = new Set((prompt ?? '').split(' ').filter((one) => one !== ''));
  if (![...asked].every((one) => (PROMPTS as readonly string[]).includes(one)))
    throw invalid(`prompt takes ${PROMPTS.join(', ')}.`);
  if (asked.has('none') && asked.size > 1) throw invalid('prompt=none goes with no other.');
  return asked as ReadonlySet<Prompt>;
}

/** OIDC Core §3.1.2.1. */
function readMaxAge(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw invalid('max_age is a number of seconds.');
  return Number(text);
}

/** OIDC Core §5.5.1.1: what is essential and cannot be reached here is refused; what is only wished for is not. */
function reachable(acr: readonly string[] | null): readonly string[] | null {
  if (acr === null) return null;
  const some = acr.filter((one) => (ACR_VALUES as readonly string[]).includes(one));
  if (some.length > 0) return some;
  throw new OAuthError('unmet_authentication_requirements', 'No acr that was asked for can be reached here.');
}

/** No user has it. */
const NOBODY = '';

/** OIDC Core §3.1.2.1: whom the client means. */
function subjectOfHint(
  { keys, issuer }: AuthorizeEndpoint,
  client: LiveClient,
  hint: string | undefined,
  prompts: ReadonlySet<Prompt>,
): string | null {
  if (hint === undefined) return null;
  const read = readIdTokenHint(keys, issuer, hint);
  // Signed too long ago to be told from a forgery: nobody is taken for its user unasked, and whoever is asked may be.
  if (read === 'unknown_key') return prompts.has('none') ? NOBODY : null;
  if (read?.aud !== client.clientId) throw invalid('id_token_hint is no ID token that this client was given here.');
  return read.sub;
}

function invalid(description: string, reason?: RefusalReason): OAuthError {
  return new OAuthError('invalid_request', description, reason ? { reason } : {});
}
