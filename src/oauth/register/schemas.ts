import { Type } from 'typebox';

const uri = Type.String({ minLength: 1, maxLength: 2000 });
const uris = Type.Array(uri, { maxItems: 50 });
const text = Type.String({ minLength: 1, maxLength: 200 });
const texts = Type.Array(text, { maxItems: 20 });
const optional = Type.Optional;

const members = {
  redirect_uris: optional(uris),
  token_endpoint_auth_method: optional(text),
  grant_types: optional(texts),
  response_types: optional(texts),
  client_name: optional(Type.String({ minLength: 1, maxLength: 150 })),
  client_uri: optional(uri),
  logo_uri: optional(uri),
  policy_uri: optional(uri),
  tos_uri: optional(uri),
  scope: optional(Type.String({ maxLength: 2000 })),
  contacts: optional(texts),
  jwks: optional(Type.Object({ keys: Type.Array(Type.Object({}), { maxItems: 20 }) })),
  jwks_uri: optional(uri),
  software_id: optional(text),
  software_version: optional(text),
  application_type: optional(text),
  id_token_signed_response_alg: optional(text),
  userinfo_signed_response_alg: optional(text),
  token_endpoint_auth_signing_alg: optional(text),
  default_max_age: optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
  post_logout_redirect_uris: optional(uris),
  backchannel_logout_uri: optional(uri),
  backchannel_logout_session_required: optional(Type.Boolean()),
  require_pushed_authorization_requests: optional(Type.Boolean()),
  dpop_bound_access_tokens: optional(Type.Boolean()),
};

/** RFC 7591 §2: unknown members are ignored, known ones are validated. */
export const clientMetadataSchema = Type.Object(members, {
  title: 'ClientMetadata',
  description: 'RFC 7591 §2. Other members are ignored; those here must have their types.',
});
export type ClientMetadata = Type.Static<typeof clientMetadataSchema>;

/** RFC 7591 §3.2.1. */
export const registeredClientSchema = Type.Object(
  {
    client_id: Type.String(),
    client_id_issued_at: Type.Integer({ description: 'Seconds since 1970.' }),
    client_secret: optional(Type.String({ description: 'Shown this once.' })),
    client_secret_expires_at: optional(Type.Integer({ description: '0: it does not expire.' })),
    ...members,
  },
  { title: 'RegisteredClient', additionalProperties: false },
);
