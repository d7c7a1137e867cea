import type { SqlEntityManager } from '@mikro-orm/sql';
import { clientMetadata, clientSettings, type PkceRule } from '../../oauth/client-settings/index.ts';
import { type Client, isDocumentClient, readAudiences } from '../../oauth/index.ts';
import { yesNo } from './text.ts';

/** A client for `--json`, with the names of RFC 7591 where it defines them. */
export async function wireClient(em: SqlEntityManager, client: Client) {
  const settings = clientSettings(client);
  return {
    client_id: client.clientId,
    name: client.name,
    preset: client.preset,
    is_active: client.isActive,
    is_first_party: client.isFirstParty,
    is_dynamic: client.isDynamic,
    auth_method: client.authMethod,
    grant_types: client.grantTypes,
    redirect_uris: client.redirectUris,
    ...(await readAudiences(em, client.id)),
    pkce: settings.pkce,
    consent: client.isFirstParty && !settings.askConsent ? 'skip' : 'ask',
    permissions_in: settings.permissionsIn,
    assertion_audience: settings.assertionAudience,
    refresh_idle_seconds: settings.refreshIdleSeconds,
    refresh_ttl_seconds: settings.refreshAbsoluteSeconds,
    refresh_rotation: settings.refreshRotation,
    ...clientMetadata(settings),
  };
}

const pkceTexts: Record<PkceRule, string> = {
  on: 'on: demanded',
  'if-sent': 'if-sent: PKCE, or openid with a nonce',
  off: 'off: not demanded',
};

type ClientData = Awaited<ReturnType<typeof wireClient>>;
type Field = readonly [string, string | readonly string[]];

/** The settings of a client, for people; defaults are left out. */
export function settingFields(data: ClientData): Field[] {
  const fields: (readonly [string, string | readonly string[] | null])[] = [
    ['PKCE', pkceTexts[data.pkce]],
    ['Consent', data.consent === 'skip' ? 'skipped (first party)' : 'asked'],
    ['Algorithms', algorithmText(data)],
    ['Permissions', data.permissions_in === 'id_token' ? 'in the ID token too (scope permissions)' : null],
    ['Pushed requests', data.require_pushed_authorization_requests ? 'demanded (PAR)' : null],
    ['DPoP', data.dpop_bound_access_tokens ? 'demanded' : null],
    ['Keys', data.jwks ? `${data.jwks.keys.length} registered` : data.jwks_uri],
    ['Assertions for', data.auth_method === 'private_key_jwt' ? data.assertion_audience.replaceAll('_', ' ') : null],
    ['Assertions by', data.token_endpoint_auth_signing_alg],
    ['Longest login age', seconds(data.default_max_age)],
    ['Refresh idle', seconds(data.refresh_idle_seconds)],
    ['Refresh lifetime', seconds(data.refresh_ttl_seconds)],
    ['Refresh tokens', data.refresh_rotation ? null : 'the same at every use'],
    ['After logout', data.post_logout_redirect_uris],
    ['Told of logouts', data.backchannel_logout_uri],
    ['Website', data.client_uri],
    ['Logo', data.logo_uri],
    ['Privacy policy', data.policy_uri],
    ['Terms of service', data.tos_uri],
    ['Contacts', data.contacts],
    ['Software', [data.software_id, data.software_version].filter((one) => one !== null)],
    ['Registered', data.is_dynamic ? registrationText(data) : null],
  ];
  return fields.filter((one): one is Field => one[1] !== null && one[1].length > 0);
}

/** No administrator has reviewed a dynamically registered client. */
function registrationText({ client_id: clientId }: ClientData): string {
  const how = isDocumentClient({ clientId })
    ? 'by its document at that address, read again at each sign-in'
    : 'by itself (RFC 7591)';
  return `${how}: what it says of itself is its own word`;
}

function algorithmText(data: ClientData): string {
  const userinfo = data.userinfo_signed_response_alg;
  return `ID token ${data.id_token_signed_response_alg}, userinfo ${userinfo ?? 'as JSON'}`;
}

function seconds(value: number | null): string | null {
  return value === null ? null : `${value} s`;
}

/** A row of the list. */
export function listCells(data: ClientData): string[] {
  const preset = data.is_dynamic ? `${data.preset} (registered itself)` : data.preset;
  const apis = [data.requests.join(', '), data.serves.join(', ')];
  return [data.name, data.client_id, preset, yesNo(data.is_active), ...apis];
}
