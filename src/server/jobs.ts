import { type AuditContext, purgeEvents } from '../audit/index.ts';
import { deleteAbandonedRows } from '../imports/django/index.ts';
import { purgeOauth } from '../oauth/index.ts';
import { createLogoutDelivery, heldLogouts } from '../oauth/logout/index.ts';
import { FAN_OUT_TOPIC, runFanOut } from '../permissions/index.ts';
import type { Signals } from '../platform/database/index.ts';
import { createGuardedFetch } from '../platform/fetch/index.ts';
import type { Job, Jobs } from '../platform/jobs/index.ts';
import { type DeliverDue, purgeOutbox } from '../platform/outbox/index.ts';
import { purgeSessions } from '../sessions/index.ts';
import { purgeExpired } from '../signin/index.ts';
import { advanceKeys, purgeTokens } from '../tokens/index.ts';
import type { Deps } from './compose.ts';
import { readRotationPolicy } from './options.ts';

/** The data that a running server reads again after a change in any process. */
export function createSignals(
  { keys, catalogues }: Pick<Deps, 'keys' | 'catalogues'>,
  jobs?: Pick<Jobs, 'wake'>,
): Signals {
  return {
    keys: () => keys.reload(),
    catalogue: async () => catalogues?.drop(),
    [FAN_OUT_TOPIC]: async () => jobs?.wake('fan-out'),
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
    {
      name: 'fan-out',
      // A signal wakes it; the schedule also resumes work that a crashed process left.
      everySeconds: 5,
      run: async (stopping) => {
        const principals = await runFanOut(db, clock, stopping);
        if (principals > 0) log.info({ principals }, 'permission changes reached the tokens of many principals');
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
