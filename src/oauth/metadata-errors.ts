import { DomainError } from '../platform/errors.ts';
import { quote } from '../platform/text.ts';
import type { MetadataError, MetadataErrors, RedirectSetting, UriSetting } from './clients/errors.ts';

/** The settings under the names that metadata has for them (RFC 7591 §2, OpenID Connect Registration §2). */
const members: Readonly<Record<RedirectSetting | UriSetting, string>> = {
  redirectUris: 'redirect_uris',
  postLogoutRedirectUris: 'post_logout_redirect_uris',
  jwksUri: 'jwks_uri',
  backchannelLogoutUri: 'backchannel_logout_uri',
  clientUri: 'client_uri',
  logoUri: 'logo_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
};

/** Limit of a URI from outside, so that the text after it is not cut. */
const MAX_URI_LENGTH = 200;
const shorten = (uri: string) => quote(uri, MAX_URI_LENGTH);

/** What the developer of a client reads about its metadata: what is wrong, then what to send. */
const texts: { readonly [Code in keyof MetadataErrors]: (params: MetadataErrors[Code]) => string } = {
  client_name_invalid: ({ max }) => `client_name must have 1 to ${max} printable characters.`,
  client_name_reserved: () =>
    'client_name cannot be signet or look like an id: a UUID, or text that begins with c_ or https://.',
  client_redirect_uris_too_many: ({ setting, max }) => `${members[setting]} can have at most ${max} URIs.`,
  client_redirect_uri_invalid: ({ setting, uri }) =>
    `${members[setting]} has an invalid URI: ${shorten(uri)}. Send absolute https URLs without a fragment; http only on 127.0.0.1, [::1] or localhost. Native apps can also use a domain name in reverse (com.example.app:/callback) or a scheme of SIGNET_REDIRECT_SCHEMES.`,
  client_redirect_uri_on_loopback: ({ setting, uri, preset }) =>
    `${members[setting]} has ${shorten(uri)}, but http on loopback is only for native apps (RFC 8252 7.3), and this client is of the kind ${preset}. Use https, or send application_type native.`,
  client_uri_invalid: ({ setting, uri }) =>
    `${members[setting]} must be an absolute https URL without a fragment (http only on 127.0.0.1, [::1] or localhost), not ${shorten(uri)}.`,
  client_must_be_public: ({ uri }) =>
    `token_endpoint_auth_method must be none: any program can take the scheme of ${shorten(uri)}, so the client cannot keep a secret.`,
  client_must_be_confidential: ({ grantType }) =>
    `token_endpoint_auth_method cannot be none with the grant type ${grantType}.`,
  client_keys_ambiguous: () => 'Send jwks or jwks_uri, not both.',
  client_keys_missing: () => 'private_key_jwt needs the public keys of the client. Send jwks or jwks_uri.',
  client_keys_without_alg: ({ alg }) =>
    `No key of jwks is for ${alg}. Add one, or send another token_endpoint_auth_signing_alg.`,
  jwks_invalid: ({ max }) => `jwks must be a JWK Set with 1 to ${max} keys (RFC 7517 5).`,
  jwk_not_an_object: () => 'Every key of jwks must be an object.',
  jwk_private: () =>
    'jwks has a private or symmetric key. Send public keys only, and replace that key: it is no longer secret.',
  jwk_member_invalid: () => 'jwks has a key with a member that is not text or is too long.',
  jwk_not_for_signatures: () => 'jwks has a key that is not for signatures. Its use must be sig or absent.',
  jwk_type_unsupported: () => 'jwks has a key that is not an RSA, EC (P-256, P-384, P-521) or Ed25519 public key.',
  jwk_too_short: ({ minBits }) => `jwks has an RSA key with fewer than ${minBits} bits.`,
};

/** Whether an error is about the metadata that a program has sent. */
export function isMetadataError(error: unknown): error is MetadataError {
  return error instanceof DomainError && Object.hasOwn(texts, error.code);
}

/** Returns the text of an error in the words of metadata. */
export function metadataText({ code, params }: MetadataError): string {
  return (texts[code] as (params: unknown) => string)(params);
}
