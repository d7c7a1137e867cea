import type { Alg } from '../../tokens/index.ts';

/**
 * How a client protects its authorization codes (RFC 7636, RFC 9700 §2.1.1). `on`: by PKCE. `if-sent`: by PKCE, or by
 * the `nonce` of an OpenID Connect request. `off`: optionally. A public client is always `on`.
 */
const PKCE_RULES = ['on', 'if-sent', 'off'] as const;
export type PkceRule = (typeof PKCE_RULES)[number];

/** The algorithms of clients' assertions and proofs: none that is symmetric, and not `none` (RFC 8725 §3.1). */
export const CLIENT_JWS_ALGS = ['ES256', 'PS256', 'RS256', 'EdDSA'] as const;
export type ClientJwsAlg = (typeof CLIENT_JWS_ALGS)[number];

const SIGNING_ALGS = ['RS256', 'ES256', 'EdDSA'] as const satisfies readonly Alg[];

type JwkSet = { readonly keys: readonly Readonly<Record<string, unknown>>[] };

/** In seconds: a year, the maximum of the server's settings too. */
const MAX_SECONDS = 31_536_000;

/**
 * The kinds of values, with their bounds. `url`: of the client, such as its website. `redirects`: checked as redirect URIs are. `keys`: a
 * JWK Set.
 */
interface Kinds {
  readonly boolean: unknown;
  readonly choice: { readonly choices: readonly [string, ...string[]] };
  readonly seconds: { readonly from: number; readonly to: number };
  readonly url: unknown;
  readonly redirects: unknown;
  readonly keys: unknown;
  readonly text: unknown;
  readonly texts: unknown;
}

/** A setting: its kind, its default, and its name in client metadata; null if metadata has none for it. */
type Setting<Value, Kind extends keyof Kinds, Member extends string | null> = Kinds[Kind] & {
  readonly kind: Kind;
  readonly default: Value;
  readonly member: Member;
};

const onOff = <const M extends string | null>(standard: boolean, member: M): Setting<boolean, 'boolean', M> => ({
  kind: 'boolean',
  default: standard,
  member,
});
const choice = <const V extends string, const D extends V | null, const M extends string | null>(
  choices: readonly [V, ...V[]],
  standard: D,
  member: M,
): Setting<V | (D extends null ? null : never), 'choice', M> => ({
  kind: 'choice',
  choices,
  default: standard as never,
  member,
});
const seconds = <const M extends string | null>(from: number, member: M): Setting<number | null, 'seconds', M> => ({
  kind: 'seconds',
  from,
  to: MAX_SECONDS,
  default: null,
  member,
});
const url = <const M extends string>(member: M): Setting<string | null, 'url', M> => ({
  kind: 'url',
  default: null,
  member,
});
const text = <const M extends string>(member: M): Setting<string | null, 'text', M> => ({
  kind: 'text',
  default: null,
  member,
});

/**
 * The settings of a client besides its preset: a line each. What is typed, checked, stored, registered and shown follows from it. Members
 * are those of RFC 7591 §2 and OpenID Connect Registration §2.
 */
export const clientSettingTable = {
  pkce: choice(PKCE_RULES, 'on', null),
  /** RFC 9126 §6. */
  requirePushed: onOff(false, 'require_pushed_authorization_requests'),
  /** A first-party client does not ask its users for consent, unless this is set. */
  askConsent: onOff(false, null),
  /** RFC 9449 §5.2: all tokens are bound to a key. */
  dpopBound: onOff(false, 'dpop_bound_access_tokens'),
  idTokenAlg: choice(SIGNING_ALGS, 'RS256', 'id_token_signed_response_alg'),
  /** Where the scope `permissions` adds its claims: at userinfo alone, or in the ID token as well. */
  permissionsIn: choice(['userinfo', 'id_token'], 'userinfo', null),
  /** Null: userinfo is JSON. */
  userinfoAlg: choice(SIGNING_ALGS, null, 'userinfo_signed_response_alg'),
  /** `private_key_jwt`: the keys, or their URL. */
  jwks: { kind: 'keys', default: null, member: 'jwks' } as Setting<JwkSet | null, 'keys', 'jwks'>,
  jwksUri: url('jwks_uri'),
  /** Accepted `aud` of its assertions: the issuer alone, or the token endpoint's URL too. */
  assertionAudience: choice(['issuer', 'issuer_or_token_endpoint'], 'issuer', null),
  /** Null: any algorithm that its keys support. */
  assertionAlg: choice(CLIENT_JWS_ALGS, null, 'token_endpoint_auth_signing_alg'),
  postLogoutRedirectUris: {
    kind: 'redirects',
    default: [],
    member: 'post_logout_redirect_uris',
  } as Setting<readonly string[], 'redirects', 'post_logout_redirect_uris'>,
  /** OIDC Back-Channel Logout §2.2: absolute, without a fragment, like every URL here. */
  backchannelLogoutUri: url('backchannel_logout_uri'),
  backchannelLogoutSessionRequired: onOff(true, 'backchannel_logout_session_required'),
  defaultMaxAge: seconds(0, 'default_max_age'),
  /** Null: the server's setting. */
  refreshIdleSeconds: seconds(60, null),
  refreshAbsoluteSeconds: seconds(60, null),
  /** Whether a refresh returns a new refresh token; off: the same one (RFC 9700 §2.2.2). */
  refreshRotation: onOff(true, null),
  clientUri: url('client_uri'),
  logoUri: url('logo_uri'),
  policyUri: url('policy_uri'),
  tosUri: url('tos_uri'),
  /** For operators: unverified metadata of a program that registered itself. */
  contacts: { kind: 'texts', default: [], member: 'contacts' } as Setting<readonly string[], 'texts', 'contacts'>,
  softwareId: text('software_id'),
  softwareVersion: text('software_version'),
};

type Table = typeof clientSettingTable;
export type SettingName = keyof Table;
/** The settings of a kind. */
export type SettingOf<Kind extends keyof Kinds> = {
  [Key in SettingName]: Table[Key]['kind'] extends Kind ? Key : never;
}[SettingName];
export type ClientSettings = { readonly [Name in SettingName]: Table[Name]['default'] };
/** The metadata that settings have a name for. */
export type MetadataMember = Exclude<Table[SettingName]['member'], null>;
type Metadata = { [Name in SettingName as Exclude<Table[Name]['member'], null>]: ClientSettings[Name] };

const entries = Object.entries(clientSettingTable) as [SettingName, Table[SettingName]][];
const defaults = Object.fromEntries(entries.map(([name, one]) => [name, one.default])) as unknown as ClientSettings;

/** Returns the settings of a kind. */
export function settingsOf<Kind extends keyof Kinds>(kind: Kind): SettingOf<Kind>[] {
  return entries.filter(([, one]) => one.kind === kind).map(([name]) => name as SettingOf<Kind>);
}

/** Returns a client's settings, with the defaults where it has none. */
export function clientSettings(client: { readonly settings: Partial<ClientSettings> }): ClientSettings {
  return { ...defaults, ...client.settings };
}

/**
 * Returns the settings that differ from the defaults. Only these are stored, so a changed default reaches every client
 * that has not set its own value.
 */
export function storedSettings(settings: ClientSettings): Partial<ClientSettings> {
  const changed = Object.entries(settings).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(defaults[name as SettingName]),
  );
  return Object.fromEntries(changed);
}

/** Returns the name of a setting in metadata. */
export function memberOf<Name extends SettingName>(name: Name): Table[Name]['member'] {
  return clientSettingTable[name].member;
}

/** Returns a client's settings under their names in metadata. */
export function clientMetadata(settings: ClientSettings): Metadata {
  const named = entries.flatMap(([name, { member }]) => (member === null ? [] : [[member, settings[name]]]));
  return Object.fromEntries(named);
}
