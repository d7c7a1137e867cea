import { readConfig, readIssuer, readMasterKey } from '../../platform/config/index.ts';
import { type Database, findDatabaseProblems } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { createLog } from '../../platform/telemetry/index.ts';
import { findSample } from '../../server/sample.ts';
import { type RunningServer, serve, untilSignal } from '../../server/serve.ts';
import { reportReady, superviseWorkers, workerIndex } from '../../server/workers.ts';
import { isSet, type LocalCommand } from '../command.ts';
import { createCommandRunner } from '../context.ts';
import { explain } from '../messages.ts';
import { version } from '../version.ts';
import { wholeNumber } from './options.ts';
import { lackedMigrations } from './text.ts';

/** `signet start`: production. It creates nothing, and refuses to start if something is missing. */
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
    if (count < 1 || count > MAX_WORKERS) throw new Failure('usage', `--workers must be 1 to ${MAX_WORKERS}.`);
    if (count > 1 && isEmbedded)
      throw new Failure('usage', 'The embedded database serves one process. Set DATABASE_URL, or remove --workers.');
    if (config.databaseUrl === undefined && !isEmbedded)
      throw new Failure(
        'usage',
        'DATABASE_URL is not set. Set it to your PostgreSQL, or add --embedded to use the embedded database (one process, small sites).',
      );
    if (config.databaseUrl !== undefined && isEmbedded)
      throw new Failure('usage', 'DATABASE_URL and --embedded cannot be used together. Remove one of them.');
    const masterKey = readMasterKey(config);
    if (!masterKey)
      throw new Failure(
        'usage',
        `There is no master key. Set SIGNET_MASTER_KEY_FILE to the key of this database. For a new database, npx signet migrate makes ${config.keysDir}/master.key.`,
      );

    const banner = `Signet ${version} · production · ${issuer} · listening on ${config.host}:${config.port}`;
    const index = workerIndex(environment);
    if (count > 1 && index === null) {
      const log = createLog(config.logLevel);
      const exit = await superviseWorkers({
        count,
        onReady: () => log.info(`${banner} · ${count} workers`),
        onStopping: () => log.info('stopping'),
        onExit: (worker, reason) =>
          log.error({ worker, how: reason }, 'a worker stopped unexpectedly, and is restarted'),
      });
      return { data: null, text: '', exitCode: exit };
    }

    const prepare = async (db: Database) => {
      await requireReady(db);
      return masterKey;
    };
    const running = await serve(config, issuer, prepare, {
      explain,
      workers: { count, index: index ?? 0 },
      runCommand: createCommandRunner(commands, config),
    });
    if (index === null || index === 0) warnAboutSettings(running, issuer, isEmbedded);
    // Handles signals before it reports that it is ready: a signal right after that drains, too.
    const stopped = untilSignal(running, () => index === null && running.log.info('stopping'));
    // In the log: a collector that reads both streams gets only JSON lines.
    if (index === null) running.log.info(banner);
    else reportReady();
    await stopped;
    return undefined;
  },
};

async function requireReady(db: Database): Promise<void> {
  const problem = (await findDatabaseProblems(db)).find((one) => one.isFatal && one.error.code !== 'database_empty');
  if (problem) throw problem.error;
  const pending = await db.migrations.pending();
  if (pending.length > 0) throw new Failure('failed', lackedMigrations(pending));
  if (await findSample(db.fork()))
    throw new Failure('failed', 'The database has the development sample. Remove it: npx signet sample --remove');
}

function warnAboutSettings({ log }: RunningServer, issuer: string, isEmbedded: boolean): void {
  if (issuer.startsWith('http:')) log.warn('SIGNET_ISSUER is http: use it for tests on this machine only');
  if (isEmbedded)
    log.warn('the embedded database serves one process; stop the server before you back up the data folder');
}

/** More than the cores of any machine: a higher number is probably a typing error. */
const MAX_WORKERS = 128;
