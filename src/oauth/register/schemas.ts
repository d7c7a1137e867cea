import { Type } from 'typebox';

const uri = Type.String({ minLength: 1, maxLength: 2000 });
const uris = Type.Array(uri, { maxItems: 50 });
const text = Type.String({ minLength: 1, maxLength: 200 });
const texts = Type.Array(text, { maxItems: 20 });
const maybe = Type.Optional;

const members = {
  redirect_uris: maybe(uris),
  token_endpoint_auth_method: maybe(text),
  grant_types: maybe(texts),
  response_types: maybe(texts),
  client_name: maybe(Type.String({ minLength: 1, maxLength: 150 })),
  client_uri: maybe(uri),
  logo_uri: maybe(uri),
  policy_uri: maybe(uri),
  tos_uri: maybe(uri),
  scope: maybe(Type.String({ maxLength: 2000 })),
  contacts: maybe(texts),
  jwks: maybe(Type.Object({ keys: Type.Array(Type.Object({}), { maxItems: 20 }) })),
  jwks_uri: maybe(uri),
  software_id: maybe(text),
  software_version: maybe(text),
  application_type: maybe(text),
  id_token_signed_response_alg: maybe(text),
  userinfo_signed_response_alg: maybe(text),
  token_endpoint_auth_signing_alg: maybe(text),
  default_max_age: maybe(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
  post_logout_redirect_uris: maybe(uris),
  backchannel_logout_uri: maybe(uri),
  backchannel_logout_session_required: maybe(Type.Boolean()),
  require_pushed_authorization_requests: maybe(Type.Boolean()),
  dpop_bound_access_tokens: maybe(Type.Boolean()),
};

/** RFC 7591 §2: what is not here is ignored; what is here has its type. */
export const clientMetadata = Type.Object(members, {
  title: 'ClientMetadata',
  description: 'RFC 7591 §2. Other members are ignored; those here must have their types.',
});
export type ClientMetadata = Type.Static<typeof clientMetadata>;

/** RFC 7591 §3.2.1. */
export const registeredClient = Type.Object(
  {
    client_id: Type.String(),
    client_id_issued_at: Type.Integer({ description: 'Seconds since 1970.' }),
    client_secret: maybe(Type.String({ description: 'Shown this once.' })),
    client_secret_expires_at: maybe(Type.Integer({ description: '0: it does not expire.' })),
    ...members,
  },
  { title: 'RegisteredClient', additionalProperties: false },
);
