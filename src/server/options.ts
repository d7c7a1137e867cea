import { type ClientDocuments, createClientDocuments } from '../oauth/index.ts';
import {
  createHashPool,
  createPasswords,
  type HashPool,
  type HashSpeed,
  hashBudget,
  measureHashSpeed,
  type Passwords,
} from '../passwords/index.ts';
import { type Config, isLoopbackHost } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import type { Metrics } from '../platform/telemetry/index.ts';
import type { Clock } from '../platform/time.ts';
import { type Authentication, type Backend, passwordBackend, type Quotas } from '../signin/index.ts';
import type { GrantLife, RotationPolicy } from '../tokens/index.ts';

// What the settings mean to each room.

interface AuthenticationDeps {
  readonly config: Config;
  readonly db: Database;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly metrics?: Metrics;
  readonly backends?: readonly Backend[];
}

export function createAuthentication(deps: AuthenticationDeps): Authentication {
  const { config, db, clock, passwords, metrics, backends = [] } = deps;
  return {
    clock,
    passwords,
    backends: [...backends, passwordBackend(db, passwords, clock)],
    limits: { name: config.throttleName, network: config.throttleNetwork, account: config.throttleAccount },
    refusalMilliseconds: passwords.deadlineMilliseconds ?? config.refusalMilliseconds,
    ...(metrics ? { onOutcome: (outcome) => metrics.login(outcome === 'user' ? 'success' : outcome) } : {}),
  };
}

/** How clients are known that have no row: by documents of theirs. */
export function createDocuments(config: Config, issuer: string): ClientDocuments {
  const httpsOnly = !isLoopbackHost(new URL(issuer).hostname);
  return createClientDocuments({
    hosts: config.clientMetadataHosts,
    isDevelopment: config.mode === 'development',
    redirectRules: { httpsOnly, schemes: config.redirectSchemes },
  });
}

/** What one network, or one client that authenticates, may have stored. */
export function readQuotas(config: Config): Quotas {
  return {
    interaction: config.throttleAuthorize,
    pushed: config.throttleAuthorize,
    device: config.throttleDevice,
    document: config.throttleDocument,
    signup: config.throttleSignup,
    clientPushed: config.throttleClientPush,
    clientDevice: config.throttleClientDevice,
  };
}

/** How long a refresh grant lives. */
export function readGrantLife(config: Config): GrantLife {
  return { idleSeconds: config.refreshIdleSeconds, absoluteSeconds: config.refreshAbsoluteSeconds };
}

/** Hashes at once: as many as the settings say, or one less than there are cores. */
export function readHashWidth(config: Config, cores: number): number {
  return config.hashWidth === 0 ? Math.max(1, Math.floor(cores - 1)) : config.hashWidth;
}

export function createConfiguredHashPool(config: Config, cores: number): HashPool {
  const width = readHashWidth(config, cores);
  return createHashPool({ width, queueLimit: config.hashQueue, maxWaitMs: config.hashWaitMilliseconds });
}

/** The hashing that the settings ask for; `cores` is what the machine has, `speed` how fast it is: measured where it is not given. */
export async function createConfiguredPasswords(
  config: Config,
  cores: number,
  pool = createConfiguredHashPool(config, cores),
  speed?: HashSpeed,
): Promise<Passwords> {
  const parameters = {
    memoryKiB: config.argon2MemoryKiB,
    iterations: config.argon2Iterations,
    parallelism: config.argon2Parallelism,
  };
  return createPasswords(
    pool,
    parameters,
    hashBudget(speed ?? (await measureHashSpeed()), config.refusalMilliseconds, parameters),
  );
}

/** How signing keys follow each other. Failure: two settings that do not go together. */
export function readRotationPolicy(config: Config): RotationPolicy {
  const { keyLeadSeconds: leadSeconds, keyRotationSeconds: rotationSeconds } = config;
  if (rotationSeconds > 0 && rotationSeconds <= leadSeconds)
    throw new Failure(
      'usage',
      `SIGNET_KEY_ROTATION (${rotationSeconds}) is not longer than SIGNET_KEY_LEAD (${leadSeconds}): a key signs only after it was published for so long. Raise one or lower the other.`,
    );
  return { leadSeconds, rotationSeconds };
}
