import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { buildApp, hashPoolOf, jobsOf, metricsOf, passwordsOf, signalsOf } from '../app.ts';
import type { Stamp } from '../audit/index.ts';
import { entities } from '../entities.ts';
import { dropStaged } from '../identity/import/index.ts';
import type { Backend } from '../identity/index.ts';

import { migrations } from '../migrations/index.ts';
import type { Config } from '../platform/config/index.ts';
import { type Database, type FolderLock, lockFolder, openDatabase, startSignals } from '../platform/database/index.ts';
import { Failure } from '../platform/failure.ts';
import { startJobs } from '../platform/jobs/index.ts';
import { createLog, type Metrics, safeError, serveMetrics } from '../platform/telemetry/index.ts';
import { systemClock } from '../platform/time.ts';
import { createKeyRing, ensureCurrentKey, openKeys } from '../tokens/index.ts';
import type { Command } from './command.ts';
import { createContext, type Ready } from './context.ts';
import { answerControl, type ControlRequest } from './control.ts';
import { execute, failed } from './execute.ts';

/** A server that serves; `stop` drains it and leaves everything closed. */
export interface Running extends Ready {
  readonly db: Database;
  readonly log: Logger;
  stop(): Promise<void>;
}

/** What differs between `dev` and `start`: how the open database is made ready. Answers the master key. */
export type Prepare = (db: Database, stamp: Stamp) => Promise<Buffer>;

export const systemStamp = (): Stamp => ({
  at: systemClock.now(),
  actor: { kind: 'system', id: null, label: 'signet' },
});

/**
 * Opens everything in order, and closes what was opened when a later step fails. A busy port is noticed before the database
 * is opened, because that takes seconds.
 */
export async function serve(
  config: Config,
  issuer: string,
  commands: readonly Command[],
  prepare: Prepare,
  backends: readonly Backend[] = [],
): Promise<Running> {
  demandPortOfItsOwn(config);
  await demandFreePort(config);
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closers.reverse()) await one();
  };
  try {
    const lock =
      config.databaseUrl === undefined ? await lockFolder(config.dataDir, () => folderLost(config)) : undefined;
    if (lock) closers.push(() => lock.release());
    const log = createLog(config.logLevel);
    const db = await openDatabase(config, { entities, migrations }, 'requests');
    closers.push(() => db.close());
    const masterKey = await prepare(db, systemStamp());
    await dropStaged(db.fork());
    await ensureCurrentKey(db.fork(), systemStamp(), masterKey, 'RS256');
    const keys = await createKeyRing(() => openKeys(db.fork(), masterKey));
    const pool = hashPoolOf(config, availableParallelism());
    const passwords = await passwordsOf(config, availableParallelism(), pool);
    const metrics = config.metricsPort === undefined ? undefined : await metricsOf(db, pool);

    let isStopping = false;
    const app = await buildApp({
      config,
      issuer,
      db,
      clock: systemClock,
      log,
      keys,
      passwords,
      backends,
      isStopping: () => isStopping,
      ...(metrics ? { metrics } : {}),
    });
    await app.listen({ host: config.host, port: config.port }).catch((error) => {
      throw error.code === 'EADDRINUSE' ? portInUse(config) : error;
    });
    closers.push(() => app.close());
    if (metrics) closers.push(await listenForMetrics(config, metrics));
    closers.push(startJobs(jobsOf({ db, clock: systemClock }), log));
    const failed = (topic: string, error: Error) =>
      log.error({ topic, err: safeError(error) }, 'a change was not read yet');
    closers.push(await startSignals(db, signalsOf({ keys }), { failed }));
    const ready = { issuer, masterKey, keys, passwords };
    if (lock) takeCommands(lock, commands, config, db, ready);
    return {
      ...ready,
      db,
      log,
      stop: async () => {
        isStopping = true;
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Commands of other processes are carried out here, because this process holds the database. */
function takeCommands(
  lock: FolderLock,
  commands: readonly Command[],
  config: Config,
  db: Database,
  ready: Ready,
): void {
  const run = async (request: ControlRequest, progress: (line: string) => void) => {
    const command = commands.find((one) => one.name === request.name);
    if (command?.kind !== 'database')
      return failed(
        new Failure(
          'failed',
          `The running server does not know "${request.name}". Is it of another version? Restart it.`,
        ),
        request.isJson,
      );
    return execute(command, createContext(config, db, request.actor, progress, ready), request.input, request.isJson);
  };
  lock.serve((connection) => answerControl(connection, run));
}

/** Another process holds the folder by now: every further write could lose rows. */
function folderLost(config: Config): never {
  process.stderr.write(
    `signet: The lock of ${config.dataDir} was taken away. Stopping at once: two processes on one folder lose data.\n`,
  );
  process.exit(1);
}

function demandFreePort(config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(portInUse(config));
      else
        reject(
          new Failure(
            'failed',
            `Cannot listen on ${config.host}:${config.port} (${error.code}). Set SIGNET_HOST and SIGNET_PORT to an address of this machine.`,
          ),
        );
    });
    probe.listen(config.port, config.host, () => probe.close(() => resolve()));
  });
}

/** On the public port everybody would read them. */
function demandPortOfItsOwn(config: Config): void {
  if (config.metricsPort === config.port)
    throw new Failure(
      'usage',
      `SIGNET_METRICS_PORT is the public port ${config.port}. Give metrics a port of their own, or unset it.`,
    );
}

function listenForMetrics(config: Config, metrics: Metrics): Promise<() => Promise<void>> {
  return serveMetrics(metrics, { host: config.metricsHost, port: config.metricsPort as number });
}

function portInUse(config: Config): Failure {
  return new Failure(
    'conflict',
    `Port ${config.port} is in use. Stop what uses it, or choose another: SIGNET_PORT=${config.port + 1} (or: npm start -- --port ${config.port + 1})`,
  );
}

/**
 * Waits for SIGINT or SIGTERM, then drains. A terminal's Ctrl-C may come twice (from the terminal and from a parent); a later
 * signal, or a drain that takes too long, ends the process at once.
 */
export function untilSignal(running: Running, say: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let stoppingSince = 0;
    const onSignal = () => {
      const now = Date.now();
      if (stoppingSince > 0) {
        if (now - stoppingSince > 1000) process.exit(1);
        return;
      }
      stoppingSince = now;
      say('\nStopping…\n');
      setTimeout(() => process.exit(1), 20_000).unref();
      running.stop().then(resolve, reject);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
