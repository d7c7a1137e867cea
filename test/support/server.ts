import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';
import type { AuditContext } from '../../src/audit/index.ts';
import type { HashSpeed, Passwords } from '../../src/passwords/index.ts';
import { type Config, readConfig } from '../../src/platform/config/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import type { Explain } from '../../src/platform/errors.ts';
import type { Metrics } from '../../src/platform/telemetry/index.ts';
import type { Clock } from '../../src/platform/time.ts';
import { buildApp } from '../../src/server/compose.ts';
import { createConfiguredPasswords } from '../../src/server/options.ts';
import { prepareDatabase } from '../../src/server/own-permissions.ts';
import type { Backend } from '../../src/signin/index.ts';
import { createKeyRing, createStatusLists, ensureCurrentKey, openKeys } from '../../src/tokens/index.ts';
import { createUser, User } from '../../src/users/index.ts';
import { root } from './database.ts';
import { heldToItsDocument } from './openapi.ts';

export const ISSUER = 'http://localhost:4000';
export const masterKey = Buffer.alloc(32, 7);

/** A clock that tests set: it stops until changed, and sleepers resolve at once, with their instants recorded. */
export interface TestClock extends Clock {
  at: Date;
  readonly sleeps: Date[];
  pass(seconds: number): void;
}

export function testClock(at = new Date('2026-11-22T12:00:00Z')): TestClock {
  const clock: TestClock = {
    at,
    sleeps: [],
    now: () => clock.at,
    sleepUntil: async (instant) => void clock.sleeps.push(instant),
    pass: (seconds) => {
      clock.at = new Date(clock.at.getTime() + seconds * 1000);
    },
  };
  return clock;
}

export const audit = (at = new Date('2026-11-22T12:00:00Z')): AuditContext => ({
  at,
  actor: { kind: 'system', id: null, label: 'test' },
});

/** An average machine, so that no test depends on the one that it runs on: milliseconds for one unit of work. */
export const hashSpeed: HashSpeed = {
  pbkdf2_sha256: 0.0003,
  pbkdf2_sha1: 0.0002,
  bcrypt: 0.06,
  scrypt: 0.0004,
  argon2: 0.0007,
};

export interface AppOptions {
  readonly environment?: Record<string, string>;
  readonly mode?: 'development' | 'production';
  readonly clock?: Clock;
  /** The hashing, or what wraps the server's own. */
  readonly passwords?: Passwords | ((own: Passwords) => Passwords);
  readonly backends?: readonly Backend[];
  readonly metrics?: Metrics;
  readonly https?: { readonly key: string; readonly cert: string };
  /** Log lines that the test reads. */
  readonly log?: FastifyBaseLogger;
  /** The words of refusals in the log; absent: their codes. */
  readonly explain?: Explain;
}

/** Builds the whole service on a test database, as `start` and `dev` do, without listening. */
export async function startApp(db: Database, options: AppOptions = {}) {
  const mode = options.mode ?? 'development';
  const config: Config = readConfig(mode, {
    SIGNET_ISSUER: ISSUER,
    SIGNET_LOG_LEVEL: 'silent',
    ...options.environment,
  });
  const issuer = config.issuer as string;
  const clock = options.clock ?? testClock();
  await prepareDatabase(db, audit(clock.now()));
  await ensureCurrentKey(db.fork(), audit(clock.now()), masterKey, 'RS256');
  const keys = await createKeyRing(() => openKeys(db.fork(), masterKey));
  const passwords =
    typeof options.passwords === 'object'
      ? options.passwords
      : (options.passwords ?? ((own) => own))(await createConfiguredPasswords(config, 2, undefined, hashSpeed));
  const log = options.log ?? pino({ level: config.logLevel });
  const statusLists = createStatusLists(db, keys, issuer, clock);
  const app = await heldToItsDocument(() =>
    buildApp({
      config,
      issuer,
      db,
      clock,
      log,
      keys,
      masterKey,
      statusLists,
      passwords,
      openapiVersion: 'test',
      ...(options.backends ? { backends: options.backends } : {}),
      ...(options.metrics ? { metrics: options.metrics } : {}),
      ...(options.https ? { https: options.https } : {}),
      ...(options.explain ? { explain: options.explain } : {}),
    }),
  );
  return { app, config, issuer, clock, keys, passwords, refresh: () => statusLists.refresh() };
}

/** Creates a user with a password by the room's own function. */
export async function makeUser(
  db: Database,
  passwords: Passwords,
  username: string,
  password: string,
  more: Partial<{ isSuperuser: boolean; isStaff: boolean; email: string; firstName: string; lastName: string }> = {},
): Promise<User> {
  const encoded = await passwords.hash(password);
  const user = await createUser(db.fork(), audit(), { username, password: encoded as string, ...more });
  if (!(user instanceof User)) throw new Error(JSON.stringify(user));
  return user;
}

export interface Oracle {
  users: {
    username: string;
    password: string | null;
    algorithm: string;
    is_active: boolean;
    is_staff: boolean;
    is_superuser: boolean;
    groups: string[];
    get_user_permissions: string[];
    get_group_permissions: string[];
    get_all_permissions: string[];
    has_perm: Record<string, boolean>;
    has_module_perms: Record<string, boolean>;
  }[];
}

const fixtures = join(root, 'test/fixtures/django-3.2');

/** Django 3.2's own results for the database of `djangoDump`. */
export const djangoOracle = () => JSON.parse(readFileSync(join(fixtures, 'oracle.json'), 'utf8')) as Oracle;
export const djangoDump = () => readFileSync(join(fixtures, 'dump.json'), 'utf8');
