import { type AuditContext, purgeEvents } from '../audit/index.ts';
import { deleteAbandonedRows } from '../imports/django/index.ts';
import { purgeOauth } from '../oauth/index.ts';
import { createLogoutDelivery, heldLogouts } from '../oauth/logout/index.ts';
import { CATALOGUE_TOPIC, FAN_OUT_TOPIC, runFanOut } from '../permissions/index.ts';
import type { ChangeFeed } from '../platform/database/index.ts';
import { createGuardedFetch } from '../platform/fetch/index.ts';
import type { Job } from '../platform/jobs/index.ts';
import { type DeliverDue, purgeOutbox } from '../platform/outbox/index.ts';
import { safeError } from '../platform/telemetry/index.ts';
import { purgeSessions } from '../sessions/index.ts';
import { purgeExpired } from '../signin/index.ts';
import { advanceKeys, KEYS_TOPIC, purgeTokens, STATUS_TOPIC } from '../tokens/index.ts';
import type { Deps } from './compose.ts';
import { readRotationPolicy } from './options.ts';

/** Interval of the fan-out without a change: it resumes what a crashed process left. */
const FAN_OUT_MS = 5000;

/**
 * Follows the changes of every process: reads keys and catalogues again, and carries out changes that affect many principals. Status lists
 * are not here: they follow theirs from before the server listens until it has closed. Returns a function that stops it.
 */
export function followChanges(
  changes: ChangeFeed,
  { db, clock, log, keys, catalogues }: Pick<Deps, 'db' | 'clock' | 'log' | 'keys' | 'catalogues'>,
): () => Promise<void> {
  const fanOut = async (stopping: AbortSignal) => {
    const principals = await runFanOut(db, clock, stopping);
    if (principals > 0) log.info({ principals }, 'permission changes reached the tokens of many principals');
  };
  const stops = [
    changes.follow(KEYS_TOPIC, () => keys.reload()),
    changes.follow(CATALOGUE_TOPIC, async () => catalogues?.drop()),
    changes.follow(FAN_OUT_TOPIC, fanOut, { everyMs: FAN_OUT_MS }),
  ];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}

/** Logs that the reader of a topic failed. */
export function logReadError(log: Deps['log']): (topic: string, error: Error) => void {
  return (topic, error) => {
    const err = safeError(error);
    if (topic === STATUS_TOPIC.name) log.error({ err }, 'status lists could not be read');
    else if (topic === FAN_OUT_TOPIC.name) log.error({ job: topic, err }, 'a job failed');
    else log.error({ topic, err }, 'a change was not read yet');
  };
}

export type JobDeps = Pick<Deps, 'db' | 'clock' | 'config' | 'log' | 'keys' | 'issuer' | 'metrics'>;

/** The periodic jobs of a running server. */
export function createJobs(deps: JobDeps, masterKey: Buffer): Job[] {
  const { db, clock, config, log } = deps;
  const policy = readRotationPolicy(config);
  const audit = (): AuditContext => ({ at: clock.now(), actor: { kind: 'system', id: null, label: 'signet' } });
  return [
    {
      name: 'keys',
      everySeconds: 5,
      run: async () => {
        const steps = await advanceKeys(db.fork(), audit(), masterKey, policy);
        if (steps.length > 0) log.info({ steps }, 'the signing keys moved on');
      },
    },
    { name: 'logout-notices', everySeconds: 1, run: createLogoutJob(deps) },
    { name: 'purge-outbox', everySeconds: 300, run: () => purgeOutbox(db, clock.now(), [heldLogouts]) },
    { name: 'purge', everySeconds: 300, run: () => purgeExpired(db, clock.now()) },
    { name: 'purge-sessions', everySeconds: 300, run: () => purgeSessions(db, clock.now()) },
    { name: 'purge-imports', everySeconds: 300, run: () => deleteAbandonedRows(db) },
    { name: 'purge-tokens', everySeconds: 300, run: () => purgeTokens(db, clock.now()) },
    { name: 'purge-oauth', everySeconds: 300, run: () => purgeOauth(db, clock.now()) },
    ...createAuditJobs(deps),
  ];
}

/** Purges events if a retention period is configured. */
function createAuditJobs({ db, clock, config: { auditRetentionDays: days }, log }: JobDeps): Job[] {
  if (days === 0) return [];
  const run = async () => {
    const events = await purgeEvents(db, clock.now(), days);
    if (events > 0) log.info({ events, days }, 'old security events were purged');
  };
  return [{ name: 'purge-audit', everySeconds: 300, run }];
}

/** Delivers logout tokens to clients, and logs the clients that could not be reached. */
function createLogoutJob({ db, clock, config, log, keys, issuer, metrics }: JobDeps): DeliverDue {
  return createLogoutDelivery({
    db,
    clock,
    keys,
    issuer,
    fetch: createGuardedFetch({ allow: config.fetchAllow }),
    onAttempt: (outcome, delivery) => {
      metrics?.logoutDelivery(outcome);
      if (outcome === 'given_up') log.warn(delivery, 'a client was not told of a logout');
      else if (outcome === 'failed') log.info(delivery, 'a client was not told of a logout yet');
    },
  });
}
