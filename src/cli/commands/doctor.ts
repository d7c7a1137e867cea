import { availableParallelism } from 'node:os';
import { ARGON2_ENGINE } from '../../passwords/index.ts';
import { type Config, isLoopbackHost } from '../../platform/config/index.ts';
import { createDocuments, readHashWidth, readRotationPolicy } from '../../server/options.ts';
import { findSample } from '../../server/sample.ts';
import { countKeys } from '../../tokens/index.ts';
import type { Context, DatabaseCommand } from '../command.ts';
import { type Check, fail, note, ok, runCheck, warn } from '../doctor/check.ts';
import { checkClients } from '../doctor/clients.ts';
import { checkClock, checkDatabase, checkMigrations, checkSessions } from '../doctor/database.ts';
import { checkHashing } from '../doctor/hashing.ts';
import { checkIssuer, checkServed } from '../doctor/issuer.ts';
import { checkKeys } from '../doctor/keys.ts';
import { checkLibraries } from '../doctor/libraries.ts';
import { checkSigning, checkSizes, checkTokenTyp } from '../doctor/tokens.ts';
import { checkSlowPasswords, checkUsernames } from '../doctor/users.ts';
import { errorLine } from '../messages.ts';
import { redirectRules } from './client-options.ts';
import { printable } from './text.ts';

const CHECK_DATABASE = 'Check the database and its log.';

export const doctor: DatabaseCommand = {
  kind: 'database',
  name: 'doctor',
  summary: 'Look for problems: issuer, clock, keys, hashing, connections, token sizes; exit 1 on a fail',
  usage: '',
  args: { min: 0, max: 0 },
  allowsPendingMigrations: true,
  async run(context) {
    const { config, db, clock } = context;
    const isProduction = config.mode === 'production';
    const checks = [
      ...(await runCheck('clock', CHECK_DATABASE, () => checkClock(db, clock))),
      ...(await runCheck('migrations', CHECK_DATABASE, () => checkMigrations(db))),
      ...(await runCheck('database', CHECK_DATABASE, () => checkDatabase(db, isProduction, config))),
      ...(await runCheck('sessions', CHECK_DATABASE, () => checkSessions(db))),
      ...(await runCheck('argon2', 'Check that this machine has enough memory.', () => measureHashing(context))),
      ...checkNetwork(config),
    ];
    const isMigrated = checks.some((one) => one.name === 'migrations' && one.status === 'ok');
    checks.push(...(await checkIssuing(context, isMigrated)));
    if (isMigrated) {
      checks.push(...(await runCheck('names', CHECK_DATABASE, () => checkUsernames(db))));
      checks.push(...(await runCheck('sample', CHECK_DATABASE, () => checkSample(context))));
      const slow = async () => checkSlowPasswords(db, await context.passwords());
      checks.push(...(await runCheck('passwords', CHECK_DATABASE, slow)));
    }
    const isFailure = checks.some((one) => one.status === 'fail');
    return { data: { ok: !isFailure, checks }, text: checks.map(checkLine).join('\n'), isFailure };
  },
};

function checkLine({ name, status, message, remedy }: Check): string {
  const text = `${status.padEnd(4)}  ${name.padEnd(10)}  ${message}`;
  return printable(remedy === undefined || status === 'ok' ? text : `${text} ${remedy}`);
}

/** Number of runs: the first may be slow on a cold machine, and logins may run meanwhile. */
const RUNS = 5;

async function measureHashing({ config, passwords }: Context): Promise<Check[]> {
  const cores = availableParallelism();
  const hasher = await passwords();
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const startedAt = performance.now();
    if ((await hasher.hash('a password that nobody has')) !== null) times.push(performance.now() - startedAt);
  }
  return checkHashing({
    engine: ARGON2_ENGINE,
    hashMs: times.length === 0 ? null : { fastest: Math.min(...times), slowest: Math.max(...times) },
    width: readHashWidth(config, cores),
    cores,
    threads: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4),
    queue: config.hashQueue,
    waitMs: config.hashWaitMilliseconds,
    refusalMs: hasher.deadlineMilliseconds ?? config.refusalMilliseconds,
  });
}

/** Checks the proxy and metrics settings. */
function checkNetwork(config: Config): Check[] {
  const checks: Check[] = [];
  if (config.mode === 'production')
    checks.push(
      config.trustProxy.length === 0
        ? note(
            'proxy',
            'No proxy is trusted. Behind a proxy, all logins seem to come from its address and share one limit of failures.',
            'If there is a proxy, set SIGNET_TRUST_PROXY to its address.',
          )
        : ok('proxy', `X-Forwarded-For is trusted from ${config.trustProxy.join(', ')}.`),
    );
  if (config.metricsPort !== undefined && !isLoopbackHost(config.metricsHost))
    checks.push(
      note(
        'metrics',
        `Anyone who can reach ${config.metricsHost}:${config.metricsPort} can read the metrics.`,
        'Allow only Prometheus to reach it.',
      ),
    );
  return checks;
}

/** Checks the issuer, the keys and signed tokens. */
async function checkIssuing(context: Context, isMigrated: boolean): Promise<Check[]> {
  const { db, config, clock } = context;
  let issuer: string;
  try {
    issuer = context.issuer();
  } catch (error) {
    return [fail('issuer', errorLine(error), 'To list the settings: npx signet config')];
  }
  const first = checkIssuer(issuer, config.mode === 'production');
  if (!isMigrated) return [first];
  const remedy = 'Use the master key of this database: SIGNET_MASTER_KEY_FILE, or keys/master.key.';
  const rest = await runCheck('signing', remedy, async () => {
    const keys = await context.keys();
    if ((await countKeys(db.fork())) === 0)
      return warn('signing', 'There is no signing key yet.', 'Start the server once: it makes a key.');
    const issuing = { db, keys, issuer, now: clock.now() };
    return [
      checkSigning(issuing),
      await checkServed(issuer, keys.signer('RS256').kid),
      ...(await checkKeys(db, readRotationPolicy(config), clock.now())),
      await checkTokenTyp(db.fork()),
      ...(await checkSizes(issuing)),
      ...(await checkLibraries(issuing)),
    ];
  });
  const clients = await runCheck('clients', CHECK_DATABASE, () =>
    checkClients(db, {
      redirectRules: redirectRules(context),
      documents: createDocuments(config, issuer),
      documentApis: config.clientMetadataApis,
    }),
  );
  return [first, ...rest, ...clients];
}

async function checkSample({ db, config }: Context): Promise<Check> {
  if (!(await findSample(db.fork()))) return ok('sample', 'The database does not have the development sample.');
  if (config.mode !== 'production')
    return ok('sample', 'The database has the development sample, for development only.');
  return fail(
    'sample',
    'The database has the development sample, so start refuses it.',
    'Remove it: npx signet sample --remove',
  );
}
