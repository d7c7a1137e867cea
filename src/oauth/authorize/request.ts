import type { ApiSnapshot } from '../../permissions/index.ts';
import type { OAuthError } from '../../platform/http/index.ts';
import type { Clock } from '../../platform/time.ts';
import { ACR_VALUES } from '../../signin/index.ts';
import { type KeyRing, type RequestedClaims, readIdTokenHint } from '../../tokens/index.ts';
import { hasJwtTypApi } from '../api-rules/index.ts';
import type { LiveClient } from '../clients/cache.ts';
import { validateScope } from '../consent/requested-access.ts';
import type { RequestingClientDeps } from '../documents/requesting-client.ts';
import { oauthError } from '../errors.ts';
import { findDefaultTarget } from '../token/target.ts';
import { hasRightsClaim } from '../user-claims.ts';
import { type ParameterFault, type Parameters, readResponseHints } from './parameters.ts';
import { acceptsForms, isRegistered } from './redirect-uri.ts';
import { readClaimsParameter } from './requested-claims.ts';
import type { ResponseTarget } from './response.ts';

/** The dependencies of the authorization endpoint. */
export interface AuthorizeEndpoint extends RequestingClientDeps {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly clock: Clock;
}

export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const;
export type Prompt = (typeof PROMPTS)[number];

/** A request whose client and response target are valid: from here on, errors go to the client. */
export interface ResolvedRequest {
  readonly client: LiveClient;
  readonly responseTarget: ResponseTarget;
  /** Null if absent; the client then has one registered URI only. */
  readonly sentRedirectUri: string | null;
  readonly parameters: Parameters;
  /** Whether the client has pushed the request (RFC 9126). */
  readonly isPushed: boolean;
}

/** A request with validated parameters. */
export interface AuthorizationRequest extends ResolvedRequest {
  readonly api: ApiSnapshot | null;
  readonly scope: string | undefined;
  readonly nonce: string | null;
  readonly codeChallenge: string | null;
  readonly dpopJkt: string | null;
  readonly claims: RequestedClaims | null;
  readonly prompts: ReadonlySet<Prompt>;
  /** Most seconds since the user last authenticated. */
  readonly maxAge: number | null;
  /** Authentication contexts of which one is required; null: any. */
  readonly acr: readonly string[] | null;
  /** Ids of the user that the client names by a hint or a claim; null: any user. */
  readonly subjects: readonly string[] | null;
  readonly loginHint: string | null;
}

/**
 * Resolves the client and the response target of a request. Throws an OAuthError for the user to read: nothing is sent
 * to an address that is not known to be the client's (RFC 6749 §4.1.2.1).
 */
export function resolveRequest(client: LiveClient | null, parameters: Parameters, isPushed: boolean): ResolvedRequest {
  const { values, faults, tooLong } = parameters;
  for (const name of ['client_id', 'redirect_uri', 'request_uri']) {
    const fault = faults.get(name);
    if (fault !== undefined) throw parameterError(name, fault);
  }
  // Without `state`, which may be in a request object, a client cannot match the response to its request (RFC 6749
  // §10.12).
  const lost = values.state === undefined ? ['state', 'request'].find((name) => tooLong.has(name)) : undefined;
  if (lost !== undefined) throw oauthError('parameter_too_long', { name: lost });
  if (!client?.isActive || client.clientId !== values.client_id) throw oauthError('client_unknown', { status: 400 });
  const hints = readResponseHints(values.request);
  const redirectUri = readRedirectUri(client, parameters);
  const isForm = (values.response_mode ?? hints.responseMode) === 'form_post' && acceptsForms(redirectUri);
  const mode = isForm ? 'form_post' : 'query';
  const responseTarget = { redirectUri, mode, state: values.state ?? hints.state } as const;
  return { client, responseTarget, sentRedirectUri: values.redirect_uri ?? null, parameters, isPushed };
}

/** RFC 8707 §2: `resource` has an error of that standard. */
function parameterError(name: string, fault: ParameterFault): OAuthError {
  if (name === 'resource') return oauthError(fault === 'repeated' ? 'resource_repeated' : 'resource_too_long');
  if (fault === 'repeated') return oauthError('parameter_repeated', { name });
  return oauthError(fault === 'too_long' ? 'parameter_too_long' : 'parameters_too_long', { name });
}

function readRedirectUri(client: LiveClient, { values }: Parameters): string {
  const { redirect_uri: requested } = values;
  if (requested !== undefined) {
    // RFC 9700 §2.1, RFC 6749 §3.1.2.3.
    if (isRegistered(client, requested)) return requested;
    throw oauthError('redirect_uri_unregistered', { uri: requested });
  }
  const [only, ...others] = client.redirectUris;
  // RFC 6749 §3.1.2.3; OIDC Core §3.1.2.1 always requires it.
  if (only === undefined || others.length > 0 || readScopes(values.scope).includes('openid'))
    throw oauthError('redirect_uri_missing');
  return only;
}

function readScopes(scope: string | undefined): string[] {
  return (scope ?? '').split(' ');
}

/** Validates the other parameters of a request. Throws an OAuthError for the client. */
export async function checkRequest(
  endpoint: AuthorizeEndpoint,
  resolvedRequest: ResolvedRequest,
): Promise<AuthorizationRequest> {
  const { client, parameters } = resolvedRequest;
  const { values, faults } = parameters;
  for (const [name, fault] of faults) throw parameterError(name, fault);
  checkKind(resolvedRequest);
  const prompts = readPrompts(values.prompt);
  const claims = readClaimsParameter(values.claims);
  const hintedSubject = readHintSubject(endpoint, client, values.id_token_hint, prompts);
  const subjects = [hintedSubject, claims.sub].filter((one) => one !== null);
  if (values.dpop_jkt !== undefined && !/^[\w-]{43}$/.test(values.dpop_jkt)) throw oauthError('dpop_jkt_invalid');
  if (hasRightsClaim(claims.names?.idToken ?? []) && (await hasJwtTypApi(endpoint.access, client)))
    throw oauthError('id_token_permissions_refused');
  const api = await findDefaultTarget(endpoint.access, client, readTarget(values));
  const request = {
    ...resolvedRequest,
    api,
    scope: values.scope,
    nonce: values.nonce ?? null,
    codeChallenge: readChallenge(client, parameters),
    dpopJkt: values.dpop_jkt ?? null,
    claims: claims.names,
    prompts,
    maxAge: readMaxAge(values.max_age) ?? client.settings.defaultMaxAge,
    acr: requireReachable(claims.acr),
    subjects: subjects.length === 0 ? null : subjects,
    loginHint: values.login_hint !== undefined && values.login_hint.length <= 320 ? values.login_hint : null,
  };
  // The last check: for permissions it queries the database.
  if (values.scope !== undefined) await validateScope(endpoint.db, client, api, values.scope);
  return request;
}

function readTarget({ resource, audience }: Parameters['values']): Record<string, string> {
  return { ...(resource === undefined ? {} : { resource }), ...(audience === undefined ? {} : { audience }) };
}

/** Checks the kind of request, and whether this client may make one. */
function checkKind({ client, responseTarget, parameters: { values }, isPushed }: ResolvedRequest): void {
  // OIDC Core §6, §7.2.1.
  if (values.request !== undefined) throw oauthError('request_object_unsupported');
  if (values.registration !== undefined) throw oauthError('registration_unsupported');
  if (values.request_uri !== undefined) throw oauthError('request_uri_not_pushed');
  // RFC 6749 §3.1.1; RFC 9700 §2.1.2: this endpoint issues no tokens.
  if (values.response_type === undefined) throw oauthError('parameter_missing', { name: 'response_type' });
  if (values.response_type !== 'code') throw oauthError('response_type_unsupported');
  // OAuth 2.0 Form Post Response Mode §2.
  if (!['query', 'form_post', undefined].includes(values.response_mode)) throw oauthError('response_mode_invalid');
  if (values.response_mode === 'form_post' && !acceptsForms(responseTarget.redirectUri))
    throw oauthError('response_mode_not_postable');
  if (!client.grantTypes.includes('authorization_code')) throw oauthError('code_flow_not_allowed');
  // RFC 9126 §6.
  if (client.settings.requirePushed && !isPushed) throw oauthError('par_required');
}

/** RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1: required of public clients, and by S256 only. */
function readChallenge(client: LiveClient, { values }: Parameters): string | null {
  const { code_challenge: challenge, code_challenge_method: method } = values;
  if (challenge === undefined) {
    if (method !== undefined) throw oauthError('parameter_missing', { name: 'code_challenge' });
    requireProtection(client, values);
    return null;
  }
  if (method !== 'S256') throw oauthError('code_challenge_method_invalid');
  if (!/^[\w.~-]{43,128}$/.test(challenge)) throw oauthError('code_challenge_invalid');
  return challenge;
}

/**
 * RFC 9700 §2.1.1: a request without a challenge needs a client that may do without PKCE, or that checks a nonce in its
 * ID token.
 */
function requireProtection({ authMethod, settings }: LiveClient, { scope, nonce }: Parameters['values']): void {
  const rule = authMethod === 'none' ? 'on' : settings.pkce;
  if (rule === 'off') return;
  if (rule === 'if-sent' && nonce !== undefined && readScopes(scope).includes('openid')) return;
  throw oauthError(rule === 'on' ? 'pkce_missing' : 'pkce_or_nonce_missing');
}

/** OIDC Core §3.1.2.1: no page may be shown, even if the request has other faults. */
export function isSilent({ values: { prompt } }: Parameters): boolean {
  return (prompt ?? '').split(' ').includes('none');
}

/** OIDC Core §3.1.2.1. */
function readPrompts(prompt: string | undefined): ReadonlySet<Prompt> {
  const prompts = new Set((prompt ?? '').split(' ').filter((one) => one !== ''));
  if (![...prompts].every((one) => (PROMPTS as readonly string[]).includes(one)))
    throw oauthError('prompt_invalid', { choices: PROMPTS });
  if (prompts.has('none') && prompts.size > 1) throw oauthError('prompt_none_combined');
  return prompts as ReadonlySet<Prompt>;
}

/** OIDC Core §3.1.2.1. */
function readMaxAge(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (!/^\d{1,9}$/.test(text)) throw oauthError('max_age_invalid');
  return Number(text);
}

/** OIDC Core §5.5.1.1: an essential context that cannot be reached is an error; a voluntary one is ignored. */
function requireReachable(acr: readonly string[] | null): readonly string[] | null {
  if (acr === null) return null;
  const reachable = acr.filter((one) => (ACR_VALUES as readonly string[]).includes(one));
  if (reachable.length > 0) return reachable;
  throw oauthError('acr_unsupported');
}

/** The id of no user. */
const NO_SUBJECT = '';

/** OIDC Core §3.1.2.1: returns the user that `id_token_hint` names. */
function readHintSubject(
  { keys, issuer }: AuthorizeEndpoint,
  client: LiveClient,
  hint: string | undefined,
  prompts: ReadonlySet<Prompt>,
): string | null {
  if (hint === undefined) return null;
  const token = readIdTokenHint(keys, issuer, hint);
  // A token whose key is gone cannot be told from a forgery: with `prompt=none` it fits no user, and otherwise the user
  // is asked.
  if (token === 'unknown_key') return prompts.has('none') ? NO_SUBJECT : null;
  if (token?.aud !== client.clientId) throw oauthError('id_token_hint_invalid');
  return token.sub;
}
