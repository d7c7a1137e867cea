import { availableParallelism } from 'node:os';
import { ARGON2_ENGINE } from '../../passwords/index.ts';
import { type Config, isLoopbackHost } from '../../platform/config/index.ts';
import { createDocuments, readHashWidth, readRotationPolicy } from '../../server/options.ts';
import { findSample } from '../../server/sample.ts';
import { countKeys } from '../../tokens/index.ts';
import type { Context, RunOnDatabase } from '../command.ts';
import { type Check, fail, note, ok, runCheck, warn } from '../doctor/check.ts';
import { checkClients } from '../doctor/clients.ts';
import { checkClock, checkDatabase, checkMigrations, checkSessions } from '../doctor/database.ts';
import { checkHashing } from '../doctor/hashing.ts';
import { checkIssuer, checkServed } from '../doctor/issuer.ts';
import { checkKeys } from '../doctor/keys.ts';
import { checkLibraries } from '../doctor/libraries.ts';
import { checkSigning, checkSizes, checkTokenTyp } from '../doctor/tokens.ts';
import { checkSlowPasswords, checkUsernames } from '../doctor/users.ts';
import { redirectRules } from './client-options.ts';
import { printable } from './text.ts';

export const doctor: RunOnDatabase = async (context) => {
  const { config, db, clock } = context;
  const isProduction = config.mode === 'production';
  const checks = [
    ...(await runCheck('clock', 'Look at the database.', () => checkClock(db, clock))),
    ...(await runCheck('migrations', 'Look at the database.', () => checkMigrations(db))),
    ...(await runCheck('database', 'Look at the database.', () => checkDatabase(db, isProduction, config))),
    ...(await runCheck('sessions', 'Look at the database.', () => checkSessions(db))),
    ...(await runCheck('argon2', 'Look at the memory of this machine.', () => measureHashing(context))),
    ...checkNetwork(config),
  ];
  const isMigrated = checks.some((one) => one.name === 'migrations' && one.status === 'ok');
  checks.push(...(await checkIssuing(context, isMigrated)));
  if (isMigrated) {
    checks.push(...(await runCheck('names', 'Look at the database.', () => checkUsernames(db))));
    checks.push(...(await runCheck('sample', 'Look at the database.', () => checkSample(context))));
    const slow = async () => checkSlowPasswords(db, await context.passwords());
    checks.push(...(await runCheck('passwords', 'Look at the database.', slow)));
  }
  const isFailure = checks.some((one) => one.status === 'fail');
  return { data: { ok: !isFailure, checks }, text: checks.map(checkLine).join('\n'), isFailure };
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
            'No proxy is trusted. Behind one, all logins seem to come from its address, and share one limit of failures.',
            'Behind a proxy set SIGNET_TRUST_PROXY to its address.',
          )
        : ok('proxy', `X-Forwarded-For is believed from ${config.trustProxy.join(', ')}.`),
    );
  if (config.metricsPort !== undefined && !isLoopbackHost(config.metricsHost))
    checks.push(
      note(
        'metrics',
        `Whoever reaches ${config.metricsHost}:${config.metricsPort} may read how this server is used.`,
        'Let only Prometheus reach it.',
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
    return [fail('issuer', (error as Error).message, 'Every setting: npx signet config')];
  }
  const first = checkIssuer(issuer, config.mode === 'production');
  if (!isMigrated) return [first];
  const remedy = 'Give the master key that belongs to this database: SIGNET_MASTER_KEY_FILE, or keys/master.key.';
  const rest = await runCheck('signing', remedy, async () => {
    const keys = await context.keys();
    if ((await countKeys(db.fork())) === 0)
      return warn('signing', 'There is no signing key yet.', 'Start the server once: it makes one.');
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
  const clients = await runCheck('clients', 'Look at the database.', () =>
    checkClients(db, {
      redirectRules: redirectRules(context),
      documents: createDocuments(config, issuer),
      documentApis: config.clientMetadataApis,
    }),
  );
  return [first, ...rest, ...clients];
}

async function checkSample({ db, config }: Context): Promise<Check> {
  if (!(await findSample(db.fork()))) return ok('sample', 'The development sample is not here.');
  if (config.mode !== 'production') return ok('sample', 'Here, as development has it.');
  return fail(
    'sample',
    'The database holds the development sample, whose passwords are derived, and start refuses it.',
    'Remove it: npx signet sample --remove',
  );
}
