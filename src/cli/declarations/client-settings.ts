import { clientSettingTable, type SettingName } from '../../oauth/client-settings/index.ts';
import type { Option, Options } from '../command.ts';
import { choice, list, text } from './option.ts';

/** What the command line says about a setting of a client. */
export interface SettingText {
  /** Its option at `client create` and `client update`, with the line of help; absent: only a registration sets it. */
  readonly flag?: readonly [name: string, help: string];
  /** What holds without the option, if the server decides it. */
  readonly default?: string;
  /** The names of true and false; absent: on and off. */
  readonly names?: readonly [on: string, off: string];
  /** Its name in `--json`; absent: that in metadata. */
  readonly json?: string;
  /** In `client show`. */
  readonly label: string;
}

export const clientSettingTexts: { readonly [Name in SettingName]: SettingText } = {
  pkce: {
    flag: ['pkce', 'Whether PKCE is required; if-sent and off are for confidential clients'],
    json: 'pkce',
    label: 'PKCE',
  },
  requirePushed: {
    flag: ['require-par', 'Whether the client must push its authorization requests (RFC 9126)'],
    label: 'PAR required',
  },
  askConsent: {
    flag: ['consent', 'Whether a first-party client asks its users for consent'],
    names: ['ask', 'skip'],
    label: 'Consent',
  },
  dpopBound: {
    flag: ['dpop', "Whether tokens are bound to the client's key (RFC 9449)"],
    label: 'DPoP required',
  },
  idTokenAlg: { flag: ['id-token-alg', 'The algorithm that signs its ID tokens'], label: 'ID token' },
  permissionsIn: {
    flag: ['permissions-in', 'Where the scope permissions adds its claims; id_token: in the ID token too'],
    json: 'permissions_in',
    label: 'Permissions in',
  },
  userinfoAlg: { flag: ['userinfo-alg', 'The algorithm that signs userinfo; none: plain JSON'], label: 'Userinfo' },
  jwks: {
    flag: ['jwks', 'Its public keys for private_key_jwt: a file with a JWK Set, or - for standard input'],
    label: 'Keys',
  },
  jwksUri: { flag: ['jwks-uri', 'The URL of its public keys, instead of --jwks'], label: 'Keys at' },
  assertionAudience: {
    flag: ['assertion-audience', 'The accepted aud of its assertions'],
    json: 'assertion_audience',
    label: 'Assertion aud',
  },
  assertionAlg: {
    flag: ['assertion-alg', 'The only accepted algorithm of its assertions'],
    default: 'none: each that its keys support',
    label: 'Assertion alg',
  },
  postLogoutRedirectUris: {
    flag: ['post-logout-redirect-uri', 'A URI to which a user returns after a logout'],
    label: 'After logout',
  },
  backchannelLogoutUri: {
    flag: ['backchannel-logout-uri', 'The URL that gets logout tokens'],
    label: 'Logout tokens to',
  },
  backchannelLogoutSessionRequired: { label: 'Logout tokens with sid' },
  defaultMaxAge: { flag: ['max-age', "The maximum age of its users' sign-in"], label: 'Maximum sign-in age' },
  refreshIdleSeconds: {
    flag: ['refresh-idle', 'Seconds after which an unused refresh grant ends'],
    default: 'SIGNET_REFRESH_IDLE',
    json: 'refresh_idle_seconds',
    label: 'Refresh idle',
  },
  refreshAbsoluteSeconds: {
    flag: ['refresh-ttl', 'Seconds after which every refresh grant ends'],
    default: 'SIGNET_REFRESH_ABSOLUTE',
    json: 'refresh_ttl_seconds',
    label: 'Refresh lifetime',
  },
  refreshRotation: {
    flag: ['refresh-rotation', 'Whether a refresh returns a new refresh token'],
    json: 'refresh_rotation',
    label: 'Refresh rotation',
  },
  clientUri: { flag: ['client-uri', 'Its website, a link on the consent page'], label: 'Website' },
  logoUri: { flag: ['logo-uri', 'Its logo, part of the response to a registration'], label: 'Logo' },
  policyUri: { flag: ['policy-uri', 'Its privacy policy, a link on the consent page'], label: 'Privacy policy' },
  tosUri: { flag: ['tos-uri', 'Its terms of service, a link on the consent page'], label: 'Terms of service' },
  contacts: { label: 'Contacts' },
  softwareId: { label: 'Software' },
  softwareVersion: { label: 'Software version' },
};

export const clientSettingNames = Object.keys(clientSettingTable) as SettingName[];

/** The options of the settings; `none` removes a value. */
export function clientSettingOptions(): Options {
  const options = clientSettingNames.flatMap((name) => {
    const { flag } = clientSettingTexts[name];
    return flag === undefined ? [] : [[flag[0], toOption(name, flag[1])]];
  });
  return Object.fromEntries(options);
}

/** The names of a setting that is true or false. */
export function booleanNames(name: SettingName): readonly [on: string, off: string] {
  return clientSettingTexts[name].names ?? ['on', 'off'];
}

function toOption(name: SettingName, help: string): Option {
  const one = clientSettingTable[name];
  const { default: standard = 'none' } = clientSettingTexts[name];
  switch (one.kind) {
    case 'boolean': {
      const names = booleanNames(name);
      return choice(names, help, { default: names[one.default ? 0 : 1] });
    }
    case 'choice':
      if (one.default !== null) return choice(one.choices, help, { default: one.default });
      return choice([...one.choices, 'none'], help, { default: standard });
    case 'redirects':
      return list('URI|none', help, { default: standard });
    default:
      return text(
        `${{ seconds: 'SECONDS', url: 'URL', keys: 'FILE', text: 'TEXT', texts: 'TEXT' }[one.kind]}|none`,
        help,
        {
          default: standard,
        },
      );
  }
}
