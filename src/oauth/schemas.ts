import { Type } from 'typebox';

const text = Type.Optional(Type.String());
const credentials = { client_id: text, client_secret: text, client_assertion: text, client_assertion_type: text };

export const tokenRequest = Type.Object({
  grant_type: Type.String(),
  code: text,
  redirect_uri: text,
  code_verifier: text,
  refresh_token: text,
  device_code: text,
  subject_token: text,
  subject_token_type: text,
  actor_token: text,
  actor_token_type: text,
  requested_token_type: text,
  requested_subject: text,
  reason: text,
  audience: text,
  resource: text,
  scope: text,
  ...credentials,
});

export const userinfoResponse = Type.Object(
  {
    sub: Type.String(),
    name: text,
    given_name: text,
    family_name: text,
    preferred_username: text,
    email: text,
    email_verified: Type.Optional(Type.Boolean()),
    groups: Type.Optional(Type.Array(Type.String())),
    permissions: Type.Optional(Type.Array(Type.String(), { description: 'Of the API that the token is for.' })),
    is_staff: Type.Optional(Type.Boolean()),
    is_superuser: Type.Optional(Type.Boolean()),
  },
  { title: 'Userinfo', additionalProperties: false },
);

export const tokenForm = Type.Object({ token: Type.String(), token_type_hint: text, ...credentials });

export const tokenResponse = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
    expires_in: Type.Integer({ description: 'Seconds.' }),
    scope: text,
    refresh_token: text,
    id_token: text,
    issued_token_type: text,
  },
  { title: 'IssuedToken', additionalProperties: false },
);

const cnf = Type.Optional(Type.Object({ jkt: Type.String() }, { additionalProperties: false }));
// RFC 8693 §4.1: actors are nested.
const actor = Type.Object({ sub: Type.String(), act: Type.Optional(Type.Unknown()) }, { title: 'Actor' });
export const inactiveToken = Type.Object(
  { active: Type.Literal(false) },
  { title: 'InactiveToken', additionalProperties: false },
);
export const activeToken = Type.Object(
  {
    active: Type.Literal(true),
    scope: Type.Optional(Type.String()),
    client_id: Type.String(),
    username: Type.Optional(Type.String()),
    token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
    exp: Type.Integer(),
    iat: Type.Integer(),
    sub: Type.String(),
    aud: Type.String(),
    iss: Type.String(),
    jti: Type.String(),
    sid: Type.Optional(Type.String()),
    auth_time: Type.Optional(Type.Integer()),
    acr: text,
    cnf,
    act: Type.Optional(actor),
    permissions: Type.Array(Type.String()),
    groups: Type.Array(Type.String()),
    is_staff: Type.Boolean(),
    is_superuser: Type.Boolean(),
  },
  { title: 'ActiveToken', additionalProperties: false },
);

export const activeRefreshToken = Type.Object(
  {
    active: Type.Literal(true),
    scope: text,
    client_id: Type.String(),
    username: text,
    exp: Type.Integer(),
    iat: Type.Integer(),
    sub: Type.String(),
    aud: Type.String(),
    iss: Type.String(),
    sid: text,
    cnf,
  },
  { title: 'ActiveRefreshToken', additionalProperties: false },
);

const uri = Type.String({ format: 'uri' });
const texts = Type.Array(Type.String());
export const serverMetadata = Type.Object(
  {
    issuer: uri,
    jwks_uri: uri,
    authorization_endpoint: uri,
    authorization_response_iss_parameter_supported: Type.Boolean(),
    pushed_authorization_request_endpoint: uri,
    response_types_supported: texts,
    response_modes_supported: texts,
    code_challenge_methods_supported: texts,
    prompt_values_supported: texts,
    acr_values_supported: texts,
    claims_parameter_supported: Type.Boolean(),
    request_parameter_supported: Type.Boolean(),
    request_uri_parameter_supported: Type.Boolean(),
    token_endpoint: uri,
    token_endpoint_auth_methods_supported: texts,
    token_endpoint_auth_signing_alg_values_supported: texts,
    dpop_signing_alg_values_supported: texts,
    grant_types_supported: texts,
    introspection_endpoint: uri,
    introspection_endpoint_auth_methods_supported: texts,
    introspection_endpoint_auth_signing_alg_values_supported: texts,
    revocation_endpoint: uri,
    device_authorization_endpoint: uri,
    revocation_endpoint_auth_methods_supported: texts,
    revocation_endpoint_auth_signing_alg_values_supported: texts,
    end_session_endpoint: uri,
    backchannel_logout_supported: Type.Boolean(),
    backchannel_logout_session_supported: Type.Boolean(),
    status_list_aggregation_endpoint: uri,
    userinfo_endpoint: uri,
    userinfo_signing_alg_values_supported: texts,
    id_token_signing_alg_values_supported: texts,
    scopes_supported: texts,
    registration_endpoint: Type.Optional(uri),
    client_id_metadata_document_supported: Type.Optional(Type.Boolean()),
    subject_types_supported: texts,
    claims_supported: texts,
  },
  { title: 'ServerMetadata', additionalProperties: false },
);
