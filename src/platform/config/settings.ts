import { Failure } from '../failure.ts';
import {
  anyText,
  appScheme,
  documentHost,
  issuer,
  list,
  oneOf,
  origin,
  proxy,
  type Read,
  target,
  text,
  Unreadable,
  wholeNumber,
  yesNo,
} from './readers.ts';

export type Mode = 'development' | 'production';

/** One setting: where it is read from, what it means, what it is when absent. The reference page is generated from this table. */
export interface Setting<T> {
  readonly env: string;
  readonly meaning: string;
  /** Text for the reference page. */
  readonly standard: string;
  readonly secret?: true;
  read(text: string): T;
  fallback(mode: Mode): T;
}

function setting<T>(
  env: string,
  meaning: string,
  read: Read<T>,
  fallback: T | ((mode: Mode) => T),
  extra: { standard?: string; secret?: true } = {},
): Setting<T> {
  const standing = fallback as T | ((mode: Mode) => T);
  const resolve = (mode: Mode) => (typeof standing === 'function' ? (standing as (mode: Mode) => T)(mode) : standing);
  const standard = extra.standard ?? String(resolve('production') ?? '');
  return { env, meaning, read, fallback: resolve, standard, ...(extra.secret ? { secret: true } : {}) };
}

const absent = undefined as string | undefined;

/** Every setting there is. An environment variable `SIGNET_…` that is not here is an error. */
export const settings = {
  databaseUrl: setting(
    'DATABASE_URL',
    'PostgreSQL to use; absent = the embedded database in the data folder',
    text,
    absent,
    { secret: true, standard: 'embedded' },
  ),
  databasePool: setting('SIGNET_DATABASE_POOL', 'Connections to PostgreSQL at the most', wholeNumber(2, 200), 10),
  pooler: setting(
    'SIGNET_POOLER',
    'What stands before PostgreSQL: auto (found out at start), none (or a pooler in session mode), transaction (a pooler in transaction mode)',
    oneOf('auto', 'none', 'transaction'),
    'auto' as 'auto' | 'none' | 'transaction',
  ),
  issuer: setting(
    'SIGNET_ISSUER',
    'The public URL of this server: `iss` of every token',
    issuer,
    absent as string | undefined,
    { standard: 'development: http://localhost:<port>; `start` demands it' },
  ),
  host: setting(
    'SIGNET_HOST',
    'Address to listen on',
    text,
    (mode) => (mode === 'development' ? 'localhost' : '0.0.0.0'),
    { standard: 'development: localhost; else 0.0.0.0' },
  ),
  port: setting('SIGNET_PORT', 'Port to listen on', wholeNumber(1, 65535), 4000),
  dataDir: setting('SIGNET_DATA_DIR', 'Folder of the embedded database', text, './data'),
  keysDir: setting('SIGNET_KEYS_DIR', 'Folder of the master key', text, './keys'),
  masterKey: setting(
    'SIGNET_MASTER_KEY',
    'The key that seals the signing keys: 32 bytes, base64url or hex',
    text,
    absent,
    { secret: true, standard: 'master.key in the keys folder' },
  ),
  keyLeadSeconds: setting(
    'SIGNET_KEY_LEAD',
    'Seconds for which the next signing key is published before it signs',
    wholeNumber(30, 2_592_000),
    86_400,
  ),
  auditRetentionDays: setting(
    'SIGNET_AUDIT_RETENTION',
    'Days for which security events (logins, refusals, resets) are kept; 0 = for ever. The edit log always stays',
    wholeNumber(0, 36_500),
    0,
  ),
  keyRotationSeconds: setting(
    'SIGNET_KEY_ROTATION',
    'Seconds for which a signing key signs, until the next one takes its place; 0 = only by `signet keys rotate`',
    wholeNumber(0, 315_360_000),
    7_776_000,
  ),
  trustProxy: setting(
    'SIGNET_TRUST_PROXY',
    'Proxies whose X-Forwarded-For is believed: addresses or networks, comma-separated',
    list(proxy),
    () => [] as string[],
    { standard: 'none' },
  ),
  trustedOrigins: setting(
    'SIGNET_TRUSTED_ORIGINS',
    'Other origins whose pages may call /api/v1 with the cookie',
    list(origin),
    () => [] as string[],
    { standard: 'none' },
  ),
  fetchAllow: setting(
    'SIGNET_FETCH_ALLOW',
    'What Signet may fetch though it is no public address, by http too: host:port or networks. Metadata addresses of clouds stay refused',
    list(target),
    () => [] as string[],
    { standard: 'none' },
  ),
  signup: setting(
    'SIGNET_SIGNUP',
    'Who may sign up: open = anybody, closed = an administrator creates accounts',
    oneOf('open', 'closed'),
    (mode): 'open' | 'closed' => (mode === 'development' ? 'open' : 'closed'),
    { standard: 'development: open; else closed' },
  ),
  registration: setting(
    'SIGNET_REGISTRATION',
    'Whether programs may register themselves as clients (RFC 7591): off, or token = with a token of `signet client registration-token`',
    oneOf('off', 'token'),
    'off',
  ),
  clientMetadataHosts: setting(
    'SIGNET_CLIENT_METADATA_HOSTS',
    'Hosts whose metadata documents make clients (an https URL as client_id, as MCP has it): hosts, or * for every public one; empty = no such clients',
    list(documentHost),
    (mode): string[] => (mode === 'development' ? ['*'] : []),
    { standard: 'development: *, this machine too; else none' },
  ),
  clientMetadataApis: setting(
    'SIGNET_CLIENT_METADATA_APIS',
    "Audiences that such clients may ask tokens for; * = every API but Signet's own",
    list(text),
    (mode): string[] => (mode === 'development' ? ['*'] : []),
    { standard: 'development: *; else none' },
  ),
  redirectSchemes: setting(
    'SIGNET_REDIRECT_SCHEMES',
    'Schemes without a dot (cursor for cursor://…) that redirect URIs of native and mcp clients may have. Any program can take such a scheme: these clients are public and ask each time',
    list(appScheme),
    () => [] as string[],
    { standard: 'none' },
  ),
  passwordMinLength: setting(
    'SIGNET_PASSWORD_MIN_LENGTH',
    'Shortest password, in characters (15: NIST SP 800-63B-4 for a single factor; 8: Django)',
    wholeNumber(8, 256),
    15,
  ),
  sessionIdleSeconds: setting(
    'SIGNET_SESSION_IDLE',
    'Seconds after which an unused session ends',
    wholeNumber(60, 31_536_000),
    1_209_600,
  ),
  sessionAbsoluteSeconds: setting(
    'SIGNET_SESSION_ABSOLUTE',
    'Seconds after which every session ends',
    wholeNumber(60, 31_536_000),
    2_592_000,
  ),
  refreshGraceSeconds: setting(
    'SIGNET_REFRESH_GRACE',
    'Seconds in which a refresh token that was used answers its successor again, because the answer may have been lost; 0 = never',
    wholeNumber(0, 60),
    10,
  ),
  refreshIdleSeconds: setting(
    'SIGNET_REFRESH_IDLE',
    'Seconds after which an unused refresh grant ends',
    wholeNumber(60, 31_536_000),
    2_592_000,
  ),
  refreshAbsoluteSeconds: setting(
    'SIGNET_REFRESH_ABSOLUTE',
    'Seconds after which every refresh grant ends',
    wholeNumber(60, 31_536_000),
    7_776_000,
  ),
  dpopNonce: setting(
    'SIGNET_DPOP_NONCE',
    'Whether a DPoP proof must hold the nonce of DPoP-Nonce (RFC 9449 §8): optional (looked at where it is there) or required',
    oneOf('optional', 'required'),
    'optional',
  ),
  throttleName: setting(
    'SIGNET_THROTTLE_NAME',
    'Failed logins for one name from one network in 15 minutes',
    wholeNumber(3, 100_000),
    10,
  ),
  throttleNetwork: setting(
    'SIGNET_THROTTLE_NETWORK',
    'Failed logins from one network in 15 minutes',
    wholeNumber(10, 10_000_000),
    300,
  ),
  throttleAccount: setting(
    'SIGNET_THROTTLE_ACCOUNT',
    'Failed logins for one name from anywhere in an hour; networks with a login in the last 90 days are spared',
    wholeNumber(10, 1_000_000),
    100,
  ),
  throttleAuthorize: setting(
    'SIGNET_THROTTLE_AUTHORIZE',
    'Authorization requests kept for one network in a minute, until their users have logged in; and as many that public clients push',
    wholeNumber(10, 10_000_000),
    600,
  ),
  throttleDevice: setting(
    'SIGNET_THROTTLE_DEVICE',
    'Devices of public clients that one network begins in an hour',
    wholeNumber(10, 10_000_000),
    300,
  ),
  throttleClientPush: setting(
    'SIGNET_THROTTLE_CLIENT_PUSH',
    'Authorization requests that one client which authenticates pushes in a minute, from anywhere',
    wholeNumber(10, 10_000_000),
    1200,
  ),
  throttleClientDevice: setting(
    'SIGNET_THROTTLE_CLIENT_DEVICE',
    'Devices of one client which authenticates that begin in an hour, from anywhere',
    wholeNumber(10, 10_000_000),
    6000,
  ),
  throttleDocument: setting(
    'SIGNET_THROTTLE_METADATA',
    'Metadata documents of clients that are fetched for one network in a minute',
    wholeNumber(5, 10_000_000),
    30,
  ),
  throttleSignup: setting(
    'SIGNET_THROTTLE_SIGNUP',
    'Sign-ups from one network in an hour',
    wholeNumber(1, 10_000_000),
    20,
  ),
  refusalMilliseconds: setting(
    'SIGNET_REFUSAL_MS',
    'Refused logins are answered this many milliseconds after they came, whatever was wrong; later where this machine takes longer for a hash as Django makes it. An imported password that takes longer still is good for no login until it is reset',
    wholeNumber(0, 10_000),
    600,
  ),
  hashWidth: setting(
    'SIGNET_HASH_WIDTH',
    'Password hashes at once; 0 = one less than there are cores',
    wholeNumber(0, 64),
    0,
  ),
  hashQueue: setting('SIGNET_HASH_QUEUE', 'Logins that may wait for a hash before 503', wholeNumber(1, 100_000), 64),
  hashWaitMilliseconds: setting(
    'SIGNET_HASH_WAIT_MS',
    'How long a login may wait for a hash before 503',
    wholeNumber(100, 60_000),
    5000,
  ),
  argon2MemoryKiB: setting('SIGNET_ARGON2_MEMORY', 'argon2id memory in KiB', wholeNumber(7168, 1_048_576), 19_456),
  argon2Iterations: setting('SIGNET_ARGON2_ITERATIONS', 'argon2id iterations', wholeNumber(1, 10), 2),
  argon2Parallelism: setting('SIGNET_ARGON2_PARALLELISM', 'argon2id threads', wholeNumber(1, 16), 1),
  logLevel: setting(
    'SIGNET_LOG_LEVEL',
    'fatal, error, warn, info, debug, trace or silent',
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    (mode): 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' =>
      mode === 'development' ? 'warn' : 'info',
    { standard: 'development: warn; else info' },
  ),
  metricsPort: setting<number | undefined>(
    'SIGNET_METRICS_PORT',
    'Port on which Prometheus reads GET /metrics; absent = no metrics. Never the public port',
    wholeNumber(1, 65535),
    undefined,
    { standard: 'off' },
  ),
  metricsHost: setting(
    'SIGNET_METRICS_HOST',
    'Address of the metrics port: whoever reaches it may read, so keep it inside',
    text,
    '127.0.0.1',
  ),
  sample: setting('SIGNET_SAMPLE', 'false = development without the sample API and users', yesNo, true),
  superuserUsername: setting('SIGNET_SUPERUSER_USERNAME', 'For `createsuperuser --noinput`', text, absent, {
    standard: '',
  }),
  superuserEmail: setting('SIGNET_SUPERUSER_EMAIL', 'For `createsuperuser --noinput`', text, absent, { standard: '' }),
  superuserPassword: setting('SIGNET_SUPERUSER_PASSWORD', 'For `createsuperuser --noinput`', anyText, absent, {
    secret: true,
    standard: '',
  }),
};

export type SettingName = keyof typeof settings;

/** What a setting takes, in the words of its reader; null for any text. */
export function takenBy(one: Setting<unknown>): string | null {
  try {
    one.read('?');
    return null;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return error.message.replace(/^takes /, '');
  }
}

/** Applies a setting's reader; a value that it does not take becomes one line that names the setting and the remedy. */
export function readSetting<T>(one: Setting<T>, value: string, source: string): T {
  try {
    const control = /\p{Cc}/u.exec(value);
    if (control) throw new Unreadable(`holds a control character (${codePoint(control[0])}), which no setting takes`);
    return one.read(value);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const shown = one.secret ? '' : ` (it is ${JSON.stringify(value)})`;
    throw new Failure('usage', `${source} ${error.message}${shown}.`);
  }
}

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}
