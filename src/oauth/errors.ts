import type { FetchErrorCode } from '../platform/fetch/index.ts';
import { OAuthError, type OAuthErrorCode, type RepeatedNameError } from '../platform/http/index.ts';
import { quote } from '../platform/text.ts';
import type { MetadataError } from './clients/errors.ts';
import { metadataText } from './metadata-errors.ts';

type Named = { readonly name: string };
type Refused = { readonly error: MetadataError };
type Malformed = { readonly member: string; readonly detail: string };
type Excess = { readonly bytes: number; readonly permissions: number; readonly budget: number };

/** Limit of a redirect URI in a description, so that a developer sees the difference. */
const MAX_URI_LENGTH = 200;

const document = (fault: string) => `The metadata document of this client cannot be used: ${fault}`;
const proof = (fault: string) => `The DPoP proof is invalid: ${fault}`;
const excess = (token: string, { bytes, permissions, budget }: Excess) =>
  `The ${token} would have ${bytes} bytes with ${permissions} permissions, and the budget of this API is ${budget}.`;
const malformed = ({ member, detail }: Malformed) => `${member === '' ? 'The metadata' : member} ${detail}.`;

/** The same for every target, so that a client cannot probe addresses or services through Signet. */
const fetchFaults: Readonly<Record<FetchErrorCode, string>> = {
  bad_url: 'its address is not an absolute https URL.',
  not_https: 'its address is not an https URL.',
  forbidden_target: 'its address is not a public one.',
  unresolvable: 'its host name has no address.',
  unreachable: 'its host cannot be reached.',
  tls: 'the certificate of its host is not valid.',
  redirect: 'its address answers with a redirect.',
  timeout: 'its host did not answer in time.',
  too_large: 'it is too large.',
  bad_answer: 'the answer of its host is not valid HTTP.',
};

/**
 * Every refusal of OAuth's endpoints: the error for programs, and under it each reason with its description for
 * developers (RFC 6749 §5.2: ASCII). What happened, then what to do. Statuses and headers are given where it is thrown;
 * `ui/remedies.ts` has what an operator can do.
 */
export const DESCRIPTIONS = {
  invalid_request: {
    parameter_missing: ({ name }: Named) => `${name} is missing.`,
    parameter_repeated: ({ name }: Named) => `The parameter ${quote(name)} is repeated. Send it once.`,
    parameter_too_long: ({ name }: Named) => `The parameter ${name} is too long.`,
    parameters_too_long: ({ name }: Named) => `The parameters are too long together. Shorten ${name}.`,
    client_methods_mixed: 'Authenticate the client by one method only.',
    client_ids_differ: 'The client_id of the form is not the client of the Authorization header.',
    redirect_uri_missing: 'redirect_uri is missing.',
    redirect_uri_required: 'redirect_uri is missing. This client must send it with every request.',
    redirect_uri_unregistered: ({ uri }: { readonly uri: string }) =>
      `redirect_uri is not registered for this client, and must match exactly: ${quote(uri, MAX_URI_LENGTH)}`,
    response_mode_invalid: 'response_mode must be query or form_post.',
    response_mode_not_postable: 'response_mode must be query: a form cannot be posted to this redirect_uri.',
    par_required: 'This client must push its requests first (RFC 9126).',
    request_uri_pushed: 'request_uri cannot be pushed.',
    pkce_missing: 'code_challenge is missing. This client must use PKCE (RFC 7636).',
    pkce_or_nonce_missing:
      'code_challenge is missing. This client must use PKCE (RFC 7636), or the scope openid with a nonce.',
    code_challenge_method_invalid: 'code_challenge_method must be S256.',
    code_challenge_invalid: 'code_challenge must have 43 to 128 characters (RFC 7636 4.2).',
    prompt_invalid: ({ choices }: { readonly choices: readonly string[] }) =>
      `prompt can only have ${choices.join(', ')}.`,
    prompt_none_combined: 'prompt=none cannot be combined with another prompt.',
    max_age_invalid: 'max_age must be a whole number of seconds.',
    dpop_jkt_invalid: 'dpop_jkt must be the thumbprint of a key (RFC 9449 10).',
    claims_invalid: 'claims is not in the form of OpenID Connect Core 5.5.',
    id_token_permissions_refused:
      'Request the permissions at userinfo: an API of this client accepts tokens of typ JWT, and ID tokens have that typ too.',
    id_token_hint_invalid: 'id_token_hint is not an ID token that this server has issued to this client.',
    logout_hint_invalid: 'id_token_hint is not an ID token of this server.',
    logout_hint_of_other_client: 'id_token_hint was issued to another client than client_id.',
    logout_client_missing: 'post_logout_redirect_uri needs a client. Send id_token_hint or client_id.',
    logout_uri_unregistered: 'post_logout_redirect_uri is not registered for this client.',
    page_embedded: 'Open this address in a separate window, not inside another page.',
    access_token_repeated: 'The access token is sent twice. Send it in the Authorization header only.',
    dpop_required: 'The tokens of this client are bound to its key. Send a DPoP proof.',
    subject_token_of_client:
      'subject_token is the token of a client, not of a user. Let that client request a token itself.',
    actor_token_incomplete: 'Send actor_token and actor_token_type together.',
    actor_token_delegated: 'actor_token already acts for another user. Send the own token of the actor.',
    actor_token_unexpected: 'Send no actor_token with requested_subject: subject_token is the actor.',
    token_type_unsupported: ({ name }: Named) => `${name} is not supported. Send access tokens.`,
    requested_token_type_unsupported: 'requested_token_type is not supported. Request an access token.',
    exchanged_token_invalid: ({ name }: Named) => `${name} is invalid, has ended, or is not for this client.`,
    reason_invalid: ({ max }: { readonly max: number }) => `reason must have 1 to ${max} characters.`,
  },
  invalid_client: {
    client_unknown: 'There is no such client. Check client_id.',
    client_authentication_missing: 'Authenticate the client.',
    client_authentication_failed: 'Client authentication failed.',
    assertion_audience_invalid: ({ audiences }: { readonly audiences: readonly string[] }) =>
      `The aud of client_assertion must be ${audiences.join(' or ')}, as a single string.`,
    document_unreachable: ({ fault }: { readonly fault: FetchErrorCode }) => document(fetchFaults[fault]),
    document_status: ({ status }: { readonly status: number }) => document(`its address answers ${status}.`),
    document_type: document('it is not served as application/json.'),
    document_not_json: document('it is not a JSON object.'),
    document_of_other_client: document('its client_id is not the address that it was read from.'),
    document_with_secret: document('it has a client_secret.'),
    document_malformed: (fault: Malformed) => document(malformed(fault)),
    document_method: document('its token_endpoint_auth_method is not none.'),
    document_redirect_uris_missing: document('it has no redirect_uris.'),
    document_grant_types: document('its grant_types and response_types do not include authorization_code and code.'),
    document_refused: ({ error }: Refused) => document(metadataText(error)),
  },
  unauthorized_client: {
    grant_type_not_allowed: 'This client may not use this grant_type.',
    code_flow_not_allowed: 'This client may not use the authorization code flow.',
    device_flow_not_allowed: 'This client may not use the device flow.',
    impersonation_not_allowed: 'This client may not act for another user.',
  },
  invalid_grant: {
    code_invalid: 'The code is invalid or has expired.',
    code_bound_to_other_key: 'The code is bound to another key.',
    redirect_uri_differs: 'redirect_uri is not the one of the authorization request.',
    verifier_mismatch: 'code_verifier does not match this code.',
    verifier_unexpected: 'code_verifier does not match this code.',
    refresh_token_invalid: 'The refresh token is invalid or has expired. Let the user sign in again.',
    grant_ended: 'The grant has ended. Let the user sign in again.',
    subject_ended: 'The user, client or session has ended.',
  },
  invalid_scope: {
    scope_not_allowed: 'None of the requested scopes exists and is allowed for this client.',
    scope_not_granted: 'The scope has more than was granted. Request less.',
  },
  unsupported_grant_type: { grant_type_unsupported: 'This grant_type is not supported.' },
  invalid_target: {
    resource_repeated: 'A token is for one API. Send resource once.',
    resource_too_long: 'The parameter resource is too long.',
    resource_invalid: 'resource must be an absolute URI without a fragment. Send a short name as audience.',
    targets_differ: 'resource and audience name different APIs. A token is for one.',
    target_missing: 'Name the API of the token by audience or resource.',
    target_not_allowed: 'This client may not request tokens for this API.',
    target_not_granted: 'This grant does not allow tokens for this API.',
    target_own_api: "Tokens for Signet's own API cannot act for another user.",
    subject_token_for_userinfo: 'subject_token is for userinfo only and cannot be exchanged.',
    impersonation_refused: 'The actor may not act for this user.',
    token_too_large: (token: Excess) =>
      `${excess('token', token)} Raise it, let its tokens carry a bitmap, or give the client fewer permissions.`,
    id_token_too_large: (token: Excess) =>
      `${excess('ID token', token)} Raise it, read the permissions at userinfo, or give the client fewer permissions.`,
  },
  access_denied: {
    user_denied: 'The user has denied the request.',
    registration_off: 'Registration is off. An operator can turn it on: SIGNET_REGISTRATION=token.',
  },
  unsupported_response_type: { response_type_unsupported: 'response_type must be code.' },
  login_required: {
    sign_in_missing: 'No user is signed in as this request requires.',
    other_user_signed_in: 'Another user is signed in.',
  },
  consent_required: { consent_missing: 'The user has not consented to all of this request.' },
  interaction_required: {
    consent_each_time: 'Users of this client must consent each time.',
    document_not_loaded:
      'The metadata document of this application must be read first. Open this address in a separate window, without prompt=none.',
  },
  unmet_authentication_requirements: { acr_unsupported: 'None of the essential acr values is supported.' },
  request_not_supported: { request_object_unsupported: 'Request objects are not supported.' },
  request_uri_not_supported: { request_uri_not_pushed: 'request_uri must be one that was pushed to this server.' },
  registration_not_supported: { registration_unsupported: 'The parameter registration is not supported.' },
  invalid_request_uri: {
    request_uri_invalid: 'The request_uri was used, has expired, or belongs to another client.',
  },
  authorization_pending: { decision_pending: 'The user has not decided yet.' },
  slow_down: { poll_too_soon: 'Wait five seconds longer between two polls.' },
  expired_token: { device_code_expired: 'The device code has expired. Start again.' },
  invalid_dpop_proof: {
    proof_missing: 'The DPoP proof is missing.',
    proof_not_a_jwt: proof('it is not a JWT of typ dpop+jwt with a supported algorithm.'),
    proof_key_invalid: proof('its header has no public key for its algorithm.'),
    proof_signature_invalid: proof('its signature is wrong.'),
    proof_htm_invalid: proof('its htm is not the method of this request.'),
    proof_htu_invalid: proof('its htu is not the address of this request.'),
    proof_ath_invalid: proof('its ath is not the digest of the access token.'),
    proof_iat_invalid: proof('its iat is not the current time.'),
    proof_jti_invalid: proof('its jti is missing or too long.'),
    proof_used: proof('it was used before.'),
    proof_of_other_key: proof('dpop_jkt names another key.'),
  },
  use_dpop_nonce: { nonce_required: 'Make the proof again with the nonce of the header DPoP-Nonce.' },
  invalid_redirect_uri: {
    redirect_uris_missing: 'The grant type authorization_code needs redirect_uris.',
    redirect_uris_malformed: malformed,
    redirect_uris_refused: ({ error }: Refused) => metadataText(error),
  },
  invalid_client_metadata: {
    metadata_malformed: malformed,
    metadata_refused: ({ error }: Refused) => metadataText(error),
    metadata_unsupported: ({ member, choices }: { readonly member: string; readonly choices: readonly string[] }) =>
      `${member} must be one of ${choices.join(', ')}.`,
    grant_types_unsupported: ({ choices }: { readonly choices: readonly string[] }) =>
      `grant_types can only have ${choices.join(', ')}.`,
    response_types_unsupported: 'response_types can only have code.',
    response_types_inconsistent: 'response_types must have code exactly if grant_types has authorization_code.',
  },
  invalid_token: {
    access_token_missing: 'Send an access token.',
    access_token_malformed: 'The Authorization header has no access token.',
    access_token_inactive: 'This token is not active.',
    access_token_unbound: 'This token is not bound to a key. Send it as a bearer token.',
    access_token_bound: 'This token is bound to a key. Send a DPoP proof.',
    access_token_of_other_key: 'The token is bound to another key.',
    registration_token_missing: 'Send a registration token as a bearer token.',
    registration_token_malformed: 'The bearer token is not a registration token.',
    registration_token_invalid:
      'The registration token is invalid, used up or expired. Ask an administrator for another.',
  },
  insufficient_scope: { openid_missing: 'The token needs the scope openid.' },
  temporarily_unavailable: {
    requests_of_network: ({ seconds }: { readonly seconds: number }) =>
      `Too many requests from this network. Try again in ${seconds} seconds.`,
    requests_of_client: ({ seconds }: { readonly seconds: number }) =>
      `Too many requests by this client. Try again in ${seconds} seconds.`,
    documents_busy: 'Too many metadata documents are being read. Try again in a few seconds.',
    user_codes_busy: 'No user code is free. Try again.',
  },
} as const satisfies { readonly [Code in OAuthErrorCode]?: Readonly<Record<string, Description>> };

type Description = string | ((params: never) => string);
type Table = typeof DESCRIPTIONS;

/** Why a request is refused. */
export type RefusalReason = { [Code in keyof Table]: keyof Table[Code] }[keyof Table];

type DescriptionFor<Reason extends RefusalReason> = {
  [Code in keyof Table]: Reason extends keyof Table[Code] ? Table[Code][Reason] : never;
}[keyof Table];

interface Answer {
  /** Instead of the error's own. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

type Details<Reason extends RefusalReason> =
  DescriptionFor<Reason> extends (params: infer Params) => string
    ? [params: Params, answer?: Answer]
    : [answer?: Answer];

const refusals = new Map<string, { readonly code: OAuthErrorCode; readonly description: Description }>(
  Object.entries(DESCRIPTIONS).flatMap(([code, reasons]) =>
    Object.entries<Description>(reasons).map(([reason, description]) => [
      reason,
      { code: code as OAuthErrorCode, description },
    ]),
  ),
);

/** Returns the error of a reason. `params`: what its description names. */
export function oauthError<Reason extends RefusalReason>(reason: Reason, ...details: Details<Reason>): OAuthError {
  const { code, description } = refusals.get(reason) as { code: OAuthErrorCode; description: Description };
  if (typeof description === 'string') return new OAuthError(code, description, { ...(details[0] as Answer), reason });
  const [params, answer] = details as unknown as [never, Answer?];
  return new OAuthError(code, description(params), { ...answer, reason });
}

/** RFC 6749 §3.1, §3.2; RFC 8707 §2: a repeated `resource` has that standard's own code, where the route has targets. */
export const repeatedNameError: RepeatedNameError = (name, { routeOptions }) =>
  name === 'resource' && routeOptions.schema?.oauthErrors?.includes('invalid_target')
    ? oauthError('resource_repeated')
    : oauthError('parameter_repeated', { name });
