import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type ClientSettings,
  clientMetadata,
  clientSettings,
  type SettingName,
  storedSettings,
} from '../../oauth/client-settings/index.ts';
import { type Client, isDocumentClient, readAudiences } from '../../oauth/index.ts';
import { booleanNames, clientSettingNames, clientSettingTexts } from '../declarations/client-settings.ts';
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
    consent: isConsentAsked(client, settings) ? 'ask' : 'skip',
    ...ownNames(settings),
    ...clientMetadata(settings),
  };
}

/** Settings that metadata has no name for. */
function ownNames(settings: ClientSettings): Record<string, unknown> {
  const named = clientSettingNames.flatMap((name) => {
    const { json } = clientSettingTexts[name];
    return json === undefined ? [] : [[json, settings[name]]];
  });
  return Object.fromEntries(named);
}

function isConsentAsked(client: Client, settings: ClientSettings): boolean {
  return !client.isFirstParty || settings.askConsent;
}

type ClientData = Awaited<ReturnType<typeof wireClient>>;
type Field = readonly [string, string | readonly string[]];

/** Shown also if they are the defaults. */
const ALWAYS_SHOWN: readonly SettingName[] = ['pkce', 'idTokenAlg', 'userinfoAlg'];

/** The settings of a client, for people; other defaults are left out. */
export function settingFields(client: Client): Field[] {
  const settings = clientSettings(client);
  const stored = storedSettings(settings);
  const shown = clientSettingNames.filter(
    (name) =>
      name !== 'askConsent' &&
      (Object.hasOwn(stored, name) ||
        ALWAYS_SHOWN.includes(name) ||
        (name === 'assertionAudience' && client.authMethod === 'private_key_jwt')),
  );
  const consent = isConsentAsked(client, settings) ? 'asked' : 'skipped (first party)';
  return [
    ['Consent', consent],
    ...shown.map((name): Field => [clientSettingTexts[name].label, settingText(name, settings[name])]),
    ...(client.isDynamic ? [['Registered', registrationText(client)] as const] : []),
  ];
}

const choiceTexts: Readonly<Record<string, string>> = {
  on: 'on: required',
  'if-sent': 'if-sent: PKCE, or openid with a nonce',
  off: 'off: not required',
  id_token: 'the ID token too (scope permissions)',
  issuer_or_token_endpoint: 'issuer or token endpoint',
};

function settingText(name: SettingName, value: ClientSettings[SettingName]): string | readonly string[] {
  if (name === 'userinfoAlg' && value === null) return 'JSON, not signed';
  if (typeof value === 'boolean') return booleanNames(name)[value ? 0 : 1];
  if (typeof value === 'number') return `${value} s`;
  if (value === null) return 'none';
  if (typeof value === 'string') return choiceTexts[value] ?? value;
  return 'keys' in value ? `${value.keys.length} registered` : value;
}

/** No administrator has reviewed a dynamically registered client. */
function registrationText(client: Client): string {
  const how = isDocumentClient(client)
    ? 'by its document at that address, read again at each sign-in'
    : 'by itself (RFC 7591)';
  return `${how}: what it says of itself is its own word`;
}

/** A row of the list. */
export function listCells(data: ClientData): string[] {
  const preset = data.is_dynamic ? `${data.preset} (registered itself)` : data.preset;
  const apis = [data.requests.join(', '), data.serves.join(', ')];
  return [data.name, data.client_id, preset, yesNo(data.is_active), ...apis];
}
