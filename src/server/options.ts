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
import type { Metrics } from '../platform/telemetry/index.ts';
import type { Clock } from '../platform/time.ts';
import { type Authentication, type Backend, passwordBackend, type Quotas } from '../signin/index.ts';
import type { GrantLife, RotationPolicy } from '../tokens/index.ts';
import { serverError } from './errors.ts';

// Maps settings to the options of each room.

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

/** Creates the store of clients that are identified by a metadata document. */
export function createDocuments(config: Config, issuer: string): ClientDocuments {
  const httpsOnly = !isLoopbackHost(new URL(issuer).hostname);
  return createClientDocuments({
    hosts: config.clientMetadataHosts,
    isDevelopment: config.mode === 'development',
    redirectRules: { httpsOnly, schemes: config.redirectSchemes },
  });
}

/** Returns the limits of stored requests per network or authenticated client. */
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

/** Returns the lifetime of a refresh grant. */
export function readGrantLife(config: Config): GrantLife {
  return { idleSeconds: config.refreshIdleSeconds, absoluteSeconds: config.refreshAbsoluteSeconds };
}

/** Returns the number of concurrent hashes: the setting, or one less than the cores. */
export function readHashWidth(config: Config, cores: number): number {
  return config.hashWidth === 0 ? Math.max(1, Math.floor(cores - 1)) : config.hashWidth;
}

export function createConfiguredHashPool(config: Config, cores: number): HashPool {
  const width = readHashWidth(config, cores);
  return createHashPool({ width, queueLimit: config.hashQueue, maxWaitMs: config.hashWaitMilliseconds });
}

/** Creates password hashing from the settings. `cores` is the number of cores; `speed` is measured unless given. */
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

/** Returns the rotation policy of signing keys. Throws `key_rotation_too_short`. */
export function readRotationPolicy(config: Config): RotationPolicy {
  const { keyLeadSeconds: leadSeconds, keyRotationSeconds: rotationSeconds } = config;
  if (rotationSeconds > 0 && rotationSeconds <= leadSeconds)
    throw serverError('key_rotation_too_short', { rotationSeconds, leadSeconds });
  return { leadSeconds, rotationSeconds };
}
