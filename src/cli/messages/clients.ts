import type { ApiRuleErrors } from '../../oauth/api-rules/index.ts';
import type { ClientErrors } from '../../oauth/index.ts';
import type { Messages } from '../command.ts';

type Settings =
  | ClientErrors['client_redirect_uris_too_many']['setting']
  | ClientErrors['client_uri_invalid']['setting'];
type SecondsSetting = ClientErrors['client_seconds_out_of_range']['setting'];

/** The settings of a client by the options that set them. */
const options: Readonly<Record<Settings | SecondsSetting, string>> = {
  redirectUris: '--redirect-uri',
  postLogoutRedirectUris: '--post-logout-redirect-uri',
  jwksUri: '--jwks-uri',
  backchannelLogoutUri: '--backchannel-logout-uri',
  clientUri: '--client-uri',
  logoUri: '--logo-uri',
  policyUri: '--policy-uri',
  tosUri: '--tos-uri',
  defaultMaxAge: '--max-age',
  refreshIdleSeconds: '--refresh-idle',
  refreshAbsoluteSeconds: '--refresh-ttl',
};

/** What a redirect URI may be. */
const REDIRECT_FORMS =
  'Use an absolute https URL without a fragment; http only on 127.0.0.1, [::1] or localhost. The preset native also takes a domain name in reverse, such as com.example.app:/callback. SIGNET_REDIRECT_SCHEMES allows other schemes for native and mcp.';

const URL_FORM = 'an absolute https URL without a fragment (http only on 127.0.0.1, [::1] or localhost)';

/** Refusals about one key of a JWK Set: what is wrong with it, then what to do. */
const key = (text: string) => ({ exit: 'usage', text: () => `The JWK Set ${text}` }) as const;

const ruleMessages: Messages<ApiRuleErrors> = {
  client_tokens_ambiguous: {
    exit: 'conflict',
    text: ({ name, audience }) =>
      `The client "${name}" has permissions in its ID tokens, and its API ${audience} takes tokens of typ JWT, as ID tokens are: only the audience would tell them apart. Use --permissions-in userinfo for the client, or --typ at+jwt for the API.`,
  },
  audience_is_client_id: {
    exit: 'conflict',
    text: ({ audience, name }) =>
      `"${audience}" is the id of the client "${name}", which has its metadata document there. Choose another audience, or delete the client: npx signet client delete ${audience}`,
  },
  client_id_is_audience: {
    exit: 'conflict',
    text: ({ audience }) =>
      `"${audience}" is the audience of an API, so no client can have it as its id. To see that API: npx signet api show ${audience}`,
  },
};

export const clientMessages: Messages<ClientErrors & ApiRuleErrors> = {
  ...ruleMessages,
  client_exists: {
    exit: 'conflict',
    text: ({ name }) =>
      `There is already a client "${name}". Choose another name, or change that client: npx signet client update`,
  },
  client_not_found: {
    exit: 'notFound',
    text: ({ client, near }) =>
      `There is no client "${client}". ${near === null ? 'To list the clients: npx signet client list' : `Did you mean "${near}"?`}`,
  },
  client_name_invalid: {
    exit: 'usage',
    text: ({ max }) => `A client name must have 1 to ${max} printable characters. Choose another name.`,
  },
  client_name_reserved: {
    exit: 'usage',
    text: () =>
      'A client name cannot look like an id (a UUID), begin with c_ or https:// as client ids do, or be "signet". Choose another name.',
  },
  grant_type_unknown: {
    exit: 'usage',
    text: ({ grantType, choices }) => `There is no grant "${grantType}". Use one of: ${choices.join(', ')}`,
  },
  client_redirect_uri_missing: {
    exit: 'usage',
    text: () => 'A client with the grant authorization_code needs a redirect URI. Add --redirect-uri URI.',
  },
  client_redirect_uris_too_many: {
    exit: 'usage',
    text: ({ setting, max }) => `A client can have at most ${max} URIs. Use ${options[setting]} less often.`,
  },
  client_redirect_uri_invalid: {
    exit: 'usage',
    text: ({ setting, uri }) => `"${uri}" is not a valid URI for ${options[setting]}. ${REDIRECT_FORMS}`,
  },
  client_redirect_uri_on_loopback: {
    exit: 'usage',
    text: ({ setting, uri, preset, presets }) =>
      `"${uri}" is not a valid URI for ${options[setting]} with the preset ${preset}: http on loopback is only for the presets ${presets.join(' and ')}, and for a server in development (RFC 8252 §7.3). Use https.`,
  },
  client_uri_invalid: {
    exit: 'usage',
    text: ({ setting, uri }) => `${options[setting]} takes ${URL_FORM}, not "${uri}".`,
  },
  client_seconds_out_of_range: {
    exit: 'usage',
    text: ({ setting, from, to, seconds }) => `${options[setting]} takes ${from} to ${to} seconds, not ${seconds}.`,
  },
  client_must_be_public: {
    exit: 'usage',
    text: ({ uri }) =>
      `A client with the redirect URI "${uri}" must be public, because any program can take that scheme. Add --auth none.`,
  },
  client_must_be_confidential: {
    exit: 'usage',
    text: ({ grantType }) =>
      `The grant ${grantType} is only for confidential clients. Add --auth client_secret or --auth private_key_jwt.`,
  },
  client_pkce_required: {
    exit: 'usage',
    text: ({ pkce }) =>
      `--pkce ${pkce} is only for confidential clients: a public client has no other proof that a code is its own. Use --pkce on.`,
  },
  client_refresh_rotation_required: {
    exit: 'usage',
    text: () =>
      'A public client can keep its refresh token only if the token is bound to its key. Add --dpop on, or --refresh-rotation on.',
  },
  client_consent_required: {
    exit: 'usage',
    text: () => 'Only a first-party client can skip consent. Add --first-party, or use --consent ask.',
  },
  client_dynamic_first_party: {
    exit: 'conflict',
    text: () =>
      'This client registered itself, and its owner is not verified, so it cannot be first-party. Create a client instead: npx signet client create NAME --preset PRESET --first-party',
  },
  client_without_secret: {
    exit: 'conflict',
    text: ({ name, authMethod }) =>
      `The client ${name} ${authMethod === 'none' ? 'is public' : 'authenticates by its own key'}, so it has no secret. To give it one: npx signet client update ${name} --auth client_secret`,
  },
  client_keys_ambiguous: {
    exit: 'usage',
    text: () => 'A client has keys by --jwks or by --jwks-uri, not both. Remove one of them with the value none.',
  },
  client_keys_missing: {
    exit: 'usage',
    text: () => "private_key_jwt needs the client's public keys. Add --jwks FILE or --jwks-uri URL.",
  },
  client_keys_without_alg: {
    exit: 'usage',
    text: ({ alg }) => `No key of --jwks is for ${alg}. Add such a key, or choose another --assertion-alg.`,
  },
  jwks_invalid: {
    exit: 'usage',
    text: ({ max }) => `The keys must be a JWK Set, {"keys": [...]}, with 1 to ${max} keys (RFC 7517 §5).`,
  },
  jwk_not_an_object: key('has a key that is not an object. Write every key as an object (RFC 7517 §4).'),
  jwk_private: key(
    'has a private or symmetric key. Use public keys only, and replace that key: it is no longer secret.',
  ),
  jwk_member_invalid: key('has a key with a member that is not text or is too long. Correct or remove that member.'),
  jwk_not_for_signatures: key('has a key that is not for signatures. Its use must be sig or absent.'),
  jwk_type_unsupported: key('has a key of an unsupported type. Use RSA, EC (P-256, P-384, P-521) or Ed25519.'),
  jwk_too_short: {
    exit: 'usage',
    text: ({ minBits }) => `The JWK Set has an RSA key that is too short. Use at least ${minBits} bits.`,
  },
  registration_token_label_invalid: {
    exit: 'usage',
    text: ({ max }) => `The label of a registration token must have 1 to ${max} printable characters.`,
  },
  registration_token_out_of_range: {
    exit: 'usage',
    text: ({ setting, from, to, value }) => `--${setting} takes ${from} to ${to}, not ${value}.`,
  },
  registration_token_exists: {
    exit: 'conflict',
    text: ({ label }) => `There is already a registration token "${label}". Choose another --label.`,
  },
  registration_token_not_found: {
    exit: 'notFound',
    text: ({ label }) =>
      `There is no registration token "${label}". To list the tokens: npx signet client registration-token --list`,
  },
};
