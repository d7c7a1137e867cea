import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { AuditContext } from '../audit/index.ts';
import { deleteAbandonedRows } from '../imports/django/index.ts';
import type { HashPool, Passwords } from '../passwords/index.ts';
import { type CatalogueCache, createCatalogueCache } from '../permissions/index.ts';
import type { Config } from '../platform/config/index.ts';
import { type ChangeFeed, type Database, openDatabase, startChangeFeed } from '../platform/database/index.ts';
import { type DomainError, type Explain, OUTPUT_CLOSED } from '../platform/errors.ts';
import { lockFolder } from '../platform/folder-lock.ts';
import { startJobs } from '../platform/jobs/index.ts';
import { createLog, serveMetrics } from '../platform/telemetry/index.ts';
import { systemClock } from '../platform/time.ts';
import type { Backend } from '../signin/index.ts';
import { advanceKeys, createKeyRing, createSign, createStatusLists, type KeyRing, openKeys } from '../tokens/index.ts';
import { buildApp } from './compose.ts';
import { type ControlRequest, type ControlResult, serveControl } from './control.ts';
import { serverError } from './errors.ts';
import type { HttpsIdentity } from './https.ts';
import { createJobs, followChanges, type JobDeps, logReadError } from './jobs.ts';
import { createServerMetrics } from './metrics.ts';
import { model } from './model.ts';
import { createConfiguredHashPool, createConfiguredPasswords, readRotationPolicy } from './options.ts';

/** The open resources of a running server, for commands. */
export interface ServerResources {
  readonly issuer: string;
  readonly masterKey: Buffer;
  readonly keys: KeyRing;
  readonly passwords: Passwords;
}

/** A running server; `stop` drains it and closes everything. */
export interface RunningServer extends ServerResources {
  readonly db: Database;
  readonly log: Logger;
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** For the log. */
  readonly explain: Explain;
  readonly backends?: readonly Backend[];
  /** The index of this process among those that share the port and the cores. */
  readonly workers?: { readonly count: number; readonly index: number };
  /** Called once the data folder is locked; absent: plain http. */
  readonly https?: () => Promise<HttpsIdentity>;
  /** Runs a command sent by another process, because this one owns the embedded database. */
  readonly runCommand?: RunCommand;
}

export type RunCommand = (
  db: Database,
  resources: ServerResources,
  request: ControlRequest,
  progress: (line: string) => void,
) => Promise<ControlResult>;

/** How `dev` and `start` prepare the open database. Returns the master key. */
export type PrepareDatabase = (db: Database, audit: AuditContext) => Promise<Buffer>;

export const systemContext = (): AuditContext => ({
  at: systemClock.now(),
  actor: { kind: 'system', id: null, label: 'signet' },
});

/**
 * Starts the server: opens everything in order, and closes what was opened if a later step fails. A busy port is detected before the
 * database is opened, because opening takes seconds.
 */
export async function serve(
  config: Config,
  issuer: string,
  prepare: PrepareDatabase,
  { explain, backends = [], workers = { count: 1, index: 0 }, https, runCommand }: ServeOptions,
): Promise<RunningServer> {
  // Each worker serves its own metrics, on its own port.
  const metricsPort = config.metricsPort === undefined ? undefined : config.metricsPort + workers.index;
  // Fails before anything is opened if two settings conflict.
  readRotationPolicy(config);
  requireSeparatePort(config);
  await requireFreePort(config);
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closers.reverse()) await one();
  };
  try {
    const lock =
      config.databaseUrl === undefined
        ? await lockFolder(config.dataDir, () => onLockLost(config.dataDir, explain))
        : undefined;
    if (lock) closers.push(() => lock.release());
    const log = createLog(config.logLevel, explain);
    const db = await openDatabase(config, model, 'requests');
    closers.push(() => db.close());
    const masterKey = await prepare(db, systemContext());
    const identity = await https?.();
    await deleteAbandonedRows(db);
    const keys = await openKeyRing(db, masterKey, config, log);
    const { pool, passwords } = await openPasswords(config, availableParallelism() / workers.count, log);
    const sign = createSign(() => pool.active > 0);
    const catalogues = createCatalogueCache(db, issuer);
    const statusLists = createStatusLists(db, keys, issuer, systemClock);
    const tokenServices = { keys, statusLists, clock: systemClock };
    const metrics = metricsPort === undefined ? undefined : await createServerMetrics(db, pool, tokenServices);
    const changes = await startChangeFeed(db, { onError: logReadError(log) });
    closers.push(() => changes.stop());
    await statusLists.start(changes);
    const resources = { issuer, masterKey, keys, passwords };
    const shared = { config, issuer, db, clock: systemClock, log, keys, ...(metrics ? { metrics } : {}) };
    let isStopping = false;
    const app = await buildApp({
      ...shared,
      ...resources,
      ...{ catalogues, statusLists, sign, backends, explain },
      isStopping: () => isStopping,
      ...(identity ? { https: identity } : {}),
    });
    await app.listen({ host: config.host, port: config.port }).catch((error) => {
      throw error.code === 'EADDRINUSE' ? portInUse(config) : error;
    });
    closers.push(() => app.close());
    if (metrics && metricsPort !== undefined)
      closers.push(await serveMetrics(metrics, { host: config.metricsHost, port: metricsPort }));
    closers.push(startBackgroundWork(changes, { ...shared, catalogues }, masterKey));
    if (lock && runCommand)
      lock.serve((connection) =>
        serveControl(connection, (request, progress) => runCommand(db, resources, request, progress)),
      );
    return {
      ...resources,
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

async function openKeyRing(db: Database, masterKey: Buffer, config: Config, log: Logger): Promise<KeyRing> {
  await advanceKeys(db.fork(), systemContext(), masterKey, readRotationPolicy(config));
  return createKeyRing(
    (open) => openKeys(db.fork(), masterKey, open),
    (error) => log.error({ err: error }, 'a new signing key could not be opened'),
  );
}

async function openPasswords(
  config: Config,
  cores: number,
  log: Logger,
): Promise<{ pool: HashPool; passwords: Passwords }> {
  const pool = createConfiguredHashPool(config, cores);
  const passwords = await createConfiguredPasswords(config, cores, pool);
  if ((passwords.deadlineMilliseconds ?? 0) > config.refusalMilliseconds)
    log.info(
      { milliseconds: passwords.deadlineMilliseconds },
      'failed logins are answered later than SIGNET_REFUSAL_MS: a password hash takes too long on this machine',
    );
  return { pool, passwords };
}

/** Starts the jobs, and follows changes. Returns a function that stops both. */
function startBackgroundWork(
  changes: ChangeFeed,
  deps: JobDeps & { readonly log: Logger; readonly catalogues: CatalogueCache },
  masterKey: Buffer,
): () => Promise<unknown> {
  const stopJobs = startJobs(createJobs(deps, masterKey), deps.log);
  const stopFollowing = followChanges(changes, deps);
  return () => Promise.all([stopJobs(), stopFollowing()]);
}

/** Another process has the folder's lock: every further write could lose rows. */
function onLockLost(folder: string, explain: Explain): never {
  process.stderr.write(`signet: ${explain(serverError('folder_lock_lost', { folder }))}\n`);
  process.exit(1);
}

function requireFreePort(config: Config): Promise<void> {
  const { host, port } = config;
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') reject(portInUse(config));
      else reject(serverError('address_unavailable', { host, port, reason: String(error.code) }));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

/** On the public port anyone could read them. */
function requireSeparatePort(config: Config): void {
  if (config.metricsPort === config.port) throw serverError('metrics_port_public', { port: config.port });
}

function portInUse({ port, mode }: Config): DomainError {
  return serverError('port_in_use', { port, isDevelopment: mode === 'development' });
}

/**
 * Waits for SIGINT or SIGTERM, then drains. Ctrl-C in a terminal may arrive twice (from the terminal and from a parent); a later signal, or
 * a drain that takes too long, ends the process at once.
 */
export function untilSignal(running: RunningServer, print: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let stoppingSince = 0;
    const onSignal = () => {
      const now = Date.now();
      if (stoppingSince > 0) {
        if (now - stoppingSince > 1000) process.exit(1);
        return;
      }
      stoppingSince = now;
      print('\nStopping…\n');
      setTimeout(() => process.exit(1), 20_000).unref();
      running.stop().then(resolve, reject);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', OUTPUT_CLOSED]) process.on(signal, onSignal);
  });
}
