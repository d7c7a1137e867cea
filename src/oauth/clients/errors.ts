import { type DomainError, domainErrors, type NoParams } from '../../platform/errors.ts';
import type { ClientSettings, PkceRule, Preset, SettingOf } from '../client-settings/index.ts';
import type { Client } from '../entities.ts';

/** A list of redirect URIs of a client. */
export type RedirectSetting = 'redirectUris' | SettingOf<'redirects'>;

/** Refusals of values that a program states about itself too, by registration (RFC 7591) or in its metadata document. */
export interface MetadataErrors {
  readonly client_name_invalid: { readonly max: number };
  readonly client_name_reserved: NoParams;
  readonly client_redirect_uris_too_many: { readonly setting: RedirectSetting; readonly max: number };
  readonly client_redirect_uri_invalid: { readonly setting: RedirectSetting; readonly uri: string };
  /** `presets`: those that may have http on loopback. */
  readonly client_redirect_uri_on_loopback: {
    readonly setting: RedirectSetting;
    readonly uri: string;
    readonly preset: Preset;
    readonly presets: readonly Preset[];
  };
  readonly client_uri_invalid: { readonly setting: SettingOf<'url'>; readonly uri: string };
  /** The scheme of the redirect URI does not identify its owner. */
  readonly client_must_be_public: { readonly uri: string };
  readonly client_must_be_confidential: { readonly grantType: string };
  readonly client_keys_ambiguous: NoParams;
  readonly client_keys_missing: NoParams;
  readonly client_keys_without_alg: { readonly alg: NonNullable<ClientSettings['assertionAlg']> };
  readonly jwks_invalid: { readonly max: number };
  readonly jwk_not_an_object: NoParams;
  readonly jwk_private: NoParams;
  readonly jwk_member_invalid: NoParams;
  readonly jwk_not_for_signatures: NoParams;
  readonly jwk_type_unsupported: NoParams;
  readonly jwk_too_short: { readonly minBits: number };
}

/** All refusals about clients and registration tokens. */
export interface ClientErrors extends MetadataErrors {
  readonly client_exists: { readonly name: string };
  /** `near`: the name that was probably meant; null if none is like it. */
  readonly client_not_found: { readonly client: string; readonly near: string | null };
  readonly grant_type_unknown: { readonly grantType: string; readonly choices: readonly string[] };
  readonly client_redirect_uri_missing: NoParams;
  readonly client_seconds_out_of_range: {
    readonly setting: SettingOf<'seconds'>;
    readonly from: number;
    readonly to: number;
    readonly seconds: number;
  };
  /** A public client uses PKCE. */
  readonly client_pkce_required: { readonly pkce: PkceRule };
  /** A public client rotates its refresh tokens, or binds them to its key. */
  readonly client_refresh_rotation_required: NoParams;
  /** Only a first-party client may skip consent. */
  readonly client_consent_required: NoParams;
  /** A program that registered itself is not first-party. */
  readonly client_dynamic_first_party: NoParams;
  readonly client_without_secret: { readonly name: string; readonly authMethod: Client['authMethod'] };
  readonly registration_token_label_invalid: { readonly max: number };
  readonly registration_token_out_of_range: {
    readonly setting: 'uses' | 'days';
    readonly from: number;
    readonly to: number;
    readonly value: number;
  };
  readonly registration_token_exists: { readonly label: string };
  readonly registration_token_not_found: { readonly label: string };
}

export const clientError = domainErrors<ClientErrors>();

export type MetadataError = DomainError<keyof MetadataErrors>;
