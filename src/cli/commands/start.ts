import { readConfig, readIssuer, readMasterKey } from '../../platform/config/index.ts';
import { type Database, findDatabaseProblems } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { createLog } from '../../platform/telemetry/index.ts';
import { findSample } from '../../server/sample.ts';
import { type RunningServer, serve, untilSignal } from '../../server/serve.ts';
import { reportReady, superviseWorkers, workerIndex } from '../../server/workers.ts';
import { isSet, type LocalCommand } from '../command.ts';
import { createCommandRunner } from '../context.ts';
import { version } from '../version.ts';
import { wholeNumber } from './options.ts';

/** `signet start`: production. Makes nothing up: what is missing is named, with its remedy. */
export const start: LocalCommand = {
  kind: 'local',
  name: 'start',
  summary: 'Run in production mode',
  usage: '[--embedded] [--workers N]',
  options: { embedded: { type: 'boolean' }, workers: { type: 'string' } },
  args: { min: 0, max: 0 },
  async run({ commands, environment }, input) {
    const config = readConfig('production', environment);
    const issuer = readIssuer(config);
    const isEmbedded = isSet(input, 'embedded');
    const count = wholeNumber(input, 'workers') ?? 1;
    if (count < 1 || count > MOST_WORKERS) throw new Failure('usage', `--workers takes 1 to ${MOST_WORKERS}.`);
    if (count > 1 && isEmbedded)
      throw new Failure('usage', 'The embedded database serves one process. Set DATABASE_URL, or leave out --workers.');
    if (config.databaseUrl === undefined && !isEmbedded)
      throw new Failure(
        'usage',
        'DATABASE_URL is not set. Set it to a PostgreSQL, or add --embedded to use the embedded database (one process, small sites).',
      );
    if (config.databaseUrl !== undefined && isEmbedded)
      throw new Failure('usage', 'DATABASE_URL and --embedded exclude each other. Keep one of them.');
    const masterKey = readMasterKey(config);
    if (!masterKey)
      throw new Failure(
        'usage',
        `There is no master key. Set SIGNET_MASTER_KEY_FILE to the one of this database; for a new database, npx signet migrate makes ${config.keysDir}/master.key.`,
      );

    const banner = `Signet ${version} · production · ${issuer} · listening on ${config.host}:${config.port}`;
    const index = workerIndex(environment);
    if (count > 1 && index === null) {
      const log = createLog(config.logLevel);
      const exit = await superviseWorkers({
        count,
        onReady: () => log.info(`${banner} · ${count} workers`),
        onStopping: () => log.info('stopping'),
        onExit: (worker, reason) => log.error({ worker, how: reason }, 'a worker ended by itself; starting it anew'),
      });
      return { data: null, text: '', exitCode: exit };
    }

    const prepare = async (db: Database) => {
      await requireReady(db);
      return masterKey;
    };
    const running = await serve(config, issuer, prepare, {
      workers: { count, index: index ?? 0 },
      runCommand: createCommandRunner(commands, config),
    });
    if (index === null || index === 0) warnOnce(running, issuer, isEmbedded);
    // Listening before anybody hears that it is ready: a signal that comes at once drains, too.
    const stopped = untilSignal(running, () => index === null && running.log.info('stopping'));
    // By the log: a collector that reads both streams finds lines of JSON and nothing else.
    if (index === null) running.log.info(banner);
    else reportReady();
    await stopped;
    return undefined;
  },
};

async function requireReady(db: Database): Promise<void> {
  const obstacle = (await findDatabaseProblems(db)).find((one) => one.isFatal && one.name !== 'empty');
  if (obstacle) throw new Failure('failed', `${obstacle.what}. ${obstacle.remedy}`);
  const pending = await db.migrations.pending();
  if (pending.length > 0)
    throw new Failure(
      'failed',
      `The database lacks ${pending.length} migration(s): ${pending.join(', ')}. Run: npx signet migrate`,
    );
  if (await findSample(db.fork()))
    throw new Failure('failed', 'The database holds the development sample. Remove it: npx signet sample --remove');
}

function warnOnce({ log }: RunningServer, issuer: string, isEmbedded: boolean): void {
  if (issuer.startsWith('http:')) log.warn('SIGNET_ISSUER is http: good for trials on this machine, never for users');
  if (isEmbedded) log.warn('the embedded database serves one process; back up the data folder while stopped');
}

/** More than any machine has cores is a slip of the finger. */
const MOST_WORKERS = 128;
