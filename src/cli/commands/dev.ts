import { relative } from 'node:path';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { Api, explainPermissions, listModels, listPermissions, readGroups } from '../../permissions/index.ts';
import {
  type Config,
  isLoopbackHost,
  makeMasterKey,
  readConfig,
  readIssuer,
  readMasterKey,
} from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import { systemClock } from '../../platform/time.ts';
import { httpsIdentity } from '../../server/https.ts';
import { prepareDatabase } from '../../server/own-permissions.ts';
import {
  createSample,
  findSample,
  listSampleUsers,
  SAMPLE_API,
  SAMPLE_GROUP,
  type SampleUser,
} from '../../server/sample.ts';
import { type PrepareDatabase, type RunningServer, serve, systemContext, untilSignal } from '../../server/serve.ts';
import { readSetupSecret } from '../../signin/index.ts';
import { countKeys, listKeys } from '../../tokens/index.ts';
import { findUser, userPrincipal } from '../../users/index.ts';
import { isSet, optionText, type RunLocally } from '../command.ts';
import { createCommandRunner } from '../context.ts';
import { explain } from '../messages.ts';
import { version } from '../version.ts';
import { derivedSetupSecret, setupUrl } from './setup-link.ts';
import { pluralize } from './text.ts';

/** `signet dev`: creates everything it needs, on loopback only. `npm start` runs it. */
export const dev: RunLocally = async ({ commands, environment, print }, input) => {
  const port = optionText(input, 'port');
  const config = readConfig('development', port === undefined ? environment : { ...environment, SIGNET_PORT: port });
  requireDevelopment(config, environment);
  const isHttps = isSet(input, 'https');
  const issuer = isHttps ? httpsIssuer(config) : readIssuer(config);
  const location =
    config.databaseUrl === undefined
      ? `data ${displayPath(config.dataDir)} (embedded PostgreSQL)`
      : 'PostgreSQL of DATABASE_URL';
  print(`  Signet ${version} · development mode · ${location} · not for production\n`);

  let migrationCount = 0;
  const prepare: PrepareDatabase = async (db, audit) => {
    await prepareDatabase(db, audit);
    migrationCount = db.migrations.count;
    return readMasterKey(config) ?? createMasterKey(config, await countKeys(db.fork()));
  };
  let caPath: string | null = null;
  const https = async () => {
    const identity = await httpsIdentity(config.dataDir, systemClock.now());
    caPath = identity.caPath;
    return identity;
  };
  const running = await serve(config, issuer, prepare, {
    explain,
    ...(config.databaseUrl === undefined ? { runCommand: await createCommandRunner(commands, config) } : {}),
    ...(isHttps ? { https } : {}),
  });
  if (config.sample) await createSample(running.db.fork(), systemContext(), running.passwords, running.masterKey);
  const text = await banner(running, config, { migrationCount, caPath });
  // Handles signals before the banner is printed: a signal right after it drains, too.
  const stopped = untilSignal(running, print);
  print(text);
  await stopped;
  return undefined;
};

/** Only for a database without sealed keys. */
function createMasterKey(config: Config, keys: number): Buffer {
  if (keys === 0) return makeMasterKey(config);
  throw new Failure(
    'failed',
    `The signing keys in this database are sealed by a master key that is not in ${config.keysDir}. Put the key there, or set SIGNET_KEYS_DIR.`,
  );
}

function httpsIssuer(config: Config): string {
  if (config.issuer?.startsWith('http:'))
    throw new Failure(
      'usage',
      `SIGNET_ISSUER is ${config.issuer}, but --https serves https. Unset SIGNET_ISSUER, or change it to https.`,
    );
  return config.issuer ?? `https://localhost:${config.port}`;
}

function requireDevelopment(config: Config, environment: Record<string, string | undefined>): void {
  if (!isLoopbackHost(config.host))
    throw new Failure(
      'usage',
      `Development mode listens on this machine only, not on ${config.host}. Unset SIGNET_HOST, or run production mode: npx signet start`,
    );
  if (!isLoopbackHost(config.metricsHost))
    throw new Failure('usage', 'Development mode serves metrics to this machine only. Unset SIGNET_METRICS_HOST.');
  if (environment['NODE_ENV'] === 'production')
    throw new Failure('usage', 'NODE_ENV is production. Run production mode: npx signet start');
}

/** The start-up text for newcomers: every address works and every command can be copied. */
async function banner(
  running: RunningServer,
  config: Config,
  { migrationCount, caPath }: { migrationCount: number; caPath: string | null },
): Promise<string> {
  const { db, issuer, passwords, masterKey } = running;
  const key = (await listKeys(db.fork())).find((one) => one.state === 'current' && one.alg === 'RS256');
  const ready = [
    `database (${migrationCount} migration${migrationCount === 1 ? '' : 's'})`,
    `signing key ${key?.alg} kid=${key?.kid}`,
  ];
  const lines: string[] = [];
  const secret = await readSetupSecret(db.fork(), systemClock.now(), derivedSetupSecret(masterKey));
  lines.push(`  Issuer   ${issuer}`);
  if (caPath !== null)
    lines.push(
      `  HTTPS    NODE_EXTRA_CA_CERTS=${shellQuote(caPath)}        (set this for programs on this machine, so that they trust the certificate)`,
    );
  if (secret === 'hidden') lines.push('  Setup    a link was made before (for a new one: npx signet setup-link)');
  else if (secret !== null)
    lines.push(
      `  Setup    ${setupUrl(issuer, secret)}        (creates your administrator; one use; again: npx signet setup-link)`,
    );
  const sample = config.sample ? await findSample(db.fork()) : null;
  if (sample) {
    const api = await db.fork().findOne(Api, sample.api);
    if (api) {
      const models = await listModels(db.fork(), api.id);
      const permissions = await listPermissions(db.fork(), api.id);
      ready.push(
        `sample API "${api.audience}": ${models.length} models, ${permissions.length} permissions, group "${SAMPLE_GROUP}"`,
      );
    }
    const users = await listSampleUsers(db.fork(), sample, passwords, masterKey);
    const sampleLines: string[] = [];
    for (const user of users) sampleLines.push(sampleLine(user, await describeRights(db.fork(), user.username)));
    lines.push(`  Sample   ${sampleLines.join('    ')}     development only`);
    const alice = users.find((user) => user.username === 'alice' && user.password !== null);
    if (alice) lines.push(...exampleLines(issuer, alice, caPath));
  }
  return [`  ready    ${ready.join(' · ')}`, ...lines, ''].join('\n');
}

function sampleLine({ username, password }: SampleUser, rights: string): string {
  return `${username} / ${password ?? '(changed)'} (${rights})`;
}

/** The current rights: the sample's users may have more or fewer than at first. */
async function describeRights(em: SqlEntityManager, username: string): Promise<string> {
  const user = await findUser(em, username);
  if (!user?.isActive) return 'inactive';
  if (user.isSuperuser) return 'superuser';
  const groups = (await readGroups(em, user.id)).map((group) => group.name);
  const sources = await explainPermissions(em, userPrincipal(user), systemClock.now());
  const direct = sources.filter((one) => one.from === 'user').length;
  const parts = [
    ...(groups.length > 0 ? [`group${groups.length > 1 ? 's' : ''} ${groups.join(', ')}`] : []),
    ...(direct > 0 ? [pluralize(direct, 'permission')] : []),
  ];
  return parts.join(', ') || 'no permissions';
}

function exampleLines(issuer: string, user: SampleUser, caPath: string | null): string[] {
  const body = JSON.stringify({ username: user.username, password: user.password, audience: SAMPLE_API });
  const curl = caPath === null ? 'curl -s' : `curl -s --cacert ${shellQuote(caPath)}`;
  return [
    `  Try it   TOKEN=$(${curl} ${issuer}/api/v1/login -H 'content-type: application/json' -d '${body}' | node -pe 'JSON.parse(require("fs").readFileSync(0)).access_token')`,
    '           echo $TOKEN | npx signet token inspect -',
  ];
}

/** Quotes a path for a shell. */
function shellQuote(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function displayPath(folder: string): string {
  const near = relative(process.cwd(), folder);
  return near.startsWith('..') ? folder : `./${near}`;
}
