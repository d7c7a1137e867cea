/** A session setting that Signet depends on, whatever the defaults of the server, database or role. */
export interface SessionSetting {
  readonly name: string;
  /** As `current_setting` returns it. */
  readonly value: string;
  /**
   * `startup`: sent in the start-up packet, and tracked by poolers in transaction mode (PgBouncer tracks these three and `client_encoding`,
   * which the driver sends, and refuses all others). `session`: set after connecting; behind such a pooler `signet migrate` writes it as a
   * default of the role.
   */
  readonly sent: 'startup' | 'session';
  /** As in `pg_settings`, if that differs: in milliseconds. */
  readonly raw?: string;
  /** The value for commands; `value` is for a server. Without it results come late, but are correct. */
  readonly forCommands?: string;
}

/**
 * How long a request may wait: for a connection, for a lock, for one statement. Beyond that it gets a 503, so that one locked row does not
 * exhaust the pool. Migrations, imports and commands wait without limit.
 */
export const TIMEOUTS_MS = { connection: 5000, lock: 4000, statement: 8000 };

const session = (name: string, value: string): SessionSetting => ({ name, value, sent: 'session' });
const timeout = (name: string, milliseconds: number): SessionSetting => ({
  ...session(name, `${milliseconds / 1000}s`),
  raw: String(milliseconds),
  forCommands: '0',
});
const startup = (name: string, value: string): SessionSetting => ({ name, value, sent: 'startup' });

/**
 * All session settings. `search_path` is not among them, because the operator chooses the schema; settings that need a superuser cannot be
 * set here (`lc_messages`, `session_replication_role`); nothing reads `lc_*` texts.
 */
export const SESSION_SETTINGS: readonly SessionSetting[] = [
  // The format of times, bytes and numbers.
  startup('DateStyle', 'ISO, MDY'),
  startup('TimeZone', 'UTC'),
  { name: 'client_encoding', value: 'UTF8', sent: 'startup' },
  session('IntervalStyle', 'postgres'),
  session('bytea_output', 'hex'),
  // Seconds with microseconds take 16 digits.
  session('extra_float_digits', '1'),
  // The parsing of input.
  startup('standard_conforming_strings', 'on'),
  session('array_nulls', 'on'),
  // Transactions: a one-time value is redeemed by one conditional statement, which waits for a concurrent one (READ COMMITTED).
  session('default_transaction_isolation', 'read committed'),
  session('default_transaction_read_only', 'off'),
  session('default_transaction_deferrable', 'off'),
  // When the server closes an idle connection or one with a failed statement.
  session('exit_on_error', 'off'),
  session('idle_session_timeout', '0'),
  session('idle_in_transaction_session_timeout', '0'),
  // Since PostgreSQL 17.
  session('transaction_timeout', '0'),
  // Purges and lists need plans for their actual values; the pipeline sets another value.
  { ...session('plan_cache_mode', 'auto'), forCommands: 'auto' },
  timeout('lock_timeout', TIMEOUTS_MS.lock),
  timeout('statement_timeout', TIMEOUTS_MS.statement),
];

/**
 * Settings of the connections that hot selects share (`pipeline.ts`): they are read-only, and each select is planned once per connection
 * instead of at each run. `test/server/plans.e2e.test.ts` checks that those plans use indexes. A plan may date from when a table was small
 * and stays until PostgreSQL analyses it again, so sequential scans are off: otherwise an import of many users would slow every login.
 */
export const PIPELINE_SETTINGS: readonly SessionSetting[] = [
  ...SESSION_SETTINGS.map((one) => {
    if (one.name === 'default_transaction_read_only') return { ...one, value: 'on' };
    return one.name === 'plan_cache_mode' ? { ...one, value: 'force_generic_plan' } : one;
  }),
  session('enable_seqscan', 'off'),
  // JIT compilation takes longer than the query.
  session('jit', 'off'),
];

/** For the start-up packet; the driver adds `client_encoding`. */
export const STARTUP_PARAMETERS: Readonly<Record<string, string>> = Object.fromEntries(
  SESSION_SETTINGS.filter(({ name, sent }) => sent === 'startup' && name !== 'client_encoding').map(
    ({ name, value }) => [name, value],
  ),
);

/** `requests` = for a server; every statement has a timeout. `commands` = for one unit of work, however long. */
export type Use = 'requests' | 'commands';

const literal = (text: string) => `'${text}'`;

/**
 * Returns one statement that sets them all for the session, or for the current transaction. Names unknown to this version of PostgreSQL are
 * skipped.
 */
export function settingStatement(use: Use, settings: readonly SessionSetting[], isLocal = false): string {
  const values = settings.map(({ name, value, forCommands = value }) => {
    const chosen = use === 'commands' ? forCommands : value;
    return `(${literal(name)}, ${literal(chosen)})`;
  });
  return `select pg_catalog.set_config(p.name, p.value, ${isLocal}) from (values ${values.join(', ')}) as p (name, value)
    where pg_catalog.current_setting(p.name, true) is not null`;
}

/** Lifts the timeouts of the role's defaults (`role-defaults.ts`), for one transaction. */
export const LIFT_TIMEOUTS = settingStatement(
  'commands',
  SESSION_SETTINGS.filter((one) => one.forCommands !== undefined),
  true,
);
