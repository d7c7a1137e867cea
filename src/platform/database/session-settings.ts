/** A setting of PostgreSQL's sessions that Signet depends on, whatever the server, the database or the role says. */
export interface SessionSetting {
  readonly name: string;
  /** As `current_setting` shows it. */
  readonly value: string;
  /**
   * `startup`: sent in the start-up packet, and followed by poolers in transaction mode (PgBouncer follows these three and
   * `client_encoding`, which the driver sends, and refuses all others). `session`: set once connected; behind such a pooler
   * `signet migrate` writes it as a default of the role.
   */
  readonly sent: 'startup' | 'session';
  /** As `pg_settings` holds it, where that is another text: in milliseconds. */
  readonly raw?: string;
  /** What commands have instead: `value` is for a server that answers people. Without it answers come late, not wrong. */
  readonly forCommands?: string;
}

/**
 * How long a request may wait: for a connection, for a lock that somebody else holds, for one statement. Who waits longer is told
 * to come again, so that one held row does not fill the pool for everybody. Migrations, imports and commands wait as they must.
 */
export const TIMEOUTS_MS = { connection: 5000, lock: 4000, statement: 8000 };

const session = (name: string, value: string): SessionSetting => ({ name, value, sent: 'session' });
const patience = (name: string, milliseconds: number): SessionSetting => ({
  ...session(name, `${milliseconds / 1000}s`),
  raw: String(milliseconds),
  forCommands: '0',
});
const startup = (name: string, value: string): SessionSetting => ({ name, value, sent: 'startup' });

/**
 * The one table of them. `search_path` is not here, because it says where the operator keeps the tables; what needs a superuser
 * cannot be set here (`lc_messages`, `session_replication_role`); texts of `lc_*` are read nowhere.
 */
export const SESSION_SETTINGS: readonly SessionSetting[] = [
  // How times, bytes and numbers are written.
  startup('DateStyle', 'ISO, MDY'),
  startup('TimeZone', 'UTC'),
  { name: 'client_encoding', value: 'UTF8', sent: 'startup' },
  session('IntervalStyle', 'postgres'),
  session('bytea_output', 'hex'),
  // Seconds with microseconds are 16 digits.
  session('extra_float_digits', '1'),
  // How what is sent is read.
  startup('standard_conforming_strings', 'on'),
  session('array_nulls', 'on'),
  // What a transaction is: one conditional statement redeems what is used once, and waits for its rival (READ COMMITTED).
  session('default_transaction_isolation', 'read committed'),
  session('default_transaction_read_only', 'off'),
  session('default_transaction_deferrable', 'off'),
  // What ends a connection that waits, or whose statement was refused.
  session('exit_on_error', 'off'),
  session('idle_session_timeout', '0'),
  session('idle_in_transaction_session_timeout', '0'),
  // Since PostgreSQL 17.
  session('transaction_timeout', '0'),
  // Purges and lists need a plan for the values at hand; the pipeline has another value.
  { ...session('plan_cache_mode', 'auto'), forCommands: 'auto' },
  patience('lock_timeout', TIMEOUTS_MS.lock),
  patience('statement_timeout', TIMEOUTS_MS.statement),
];

/**
 * Of the connections that hot selects share (`pipeline.ts`): they write nothing, and each select is planned once a connection instead of
 * at each run. `test/server/plans.e2e.test.ts` holds those plans to indexes. They were perhaps made when a table was small, and stay until PostgreSQL
 * has counted it again: so that an import of many users makes no login slow, no plan reads a table from end to end.
 */
export const PIPELINE_SETTINGS: readonly SessionSetting[] = [
  ...SESSION_SETTINGS.map((one) => {
    if (one.name === 'default_transaction_read_only') return { ...one, value: 'on' };
    return one.name === 'plan_cache_mode' ? { ...one, value: 'force_generic_plan' } : one;
  }),
  session('enable_seqscan', 'off'),
  // Compiling a plan takes longer than it runs.
  session('jit', 'off'),
];

/** For the start-up packet; `client_encoding` is added by the driver. */
export const STARTUP_PARAMETERS: Readonly<Record<string, string>> = Object.fromEntries(
  SESSION_SETTINGS.filter(({ name, sent }) => sent === 'startup' && name !== 'client_encoding').map(
    ({ name, value }) => [name, value],
  ),
);

/** `requests` = a server answers people with it, and no statement waits for ever; `commands` = one piece of work, however long. */
export type Use = 'requests' | 'commands';

const literal = (text: string) => `'${text}'`;

/**
 * One statement that sets them all for the session, or for the transaction that it runs in. A name that this version of
 * PostgreSQL does not know is left out.
 */
export function settingStatement(use: Use, settings: readonly SessionSetting[], isLocal = false): string {
  const values = settings.map(({ name, value, forCommands = value }) => {
    const wanted = use === 'commands' ? forCommands : value;
    return `(${literal(name)}, ${literal(wanted)})`;
  });
  return `select pg_catalog.set_config(p.name, p.value, ${isLocal}) from (values ${values.join(', ')}) as p (name, value)
    where pg_catalog.current_setting(p.name, true) is not null`;
}

/** Takes back what the role's defaults say for requests (`role-defaults.ts`), for one transaction. */
export const PATIENT_TRANSACTION = settingStatement(
  'commands',
  SESSION_SETTINGS.filter((one) => one.forCommands !== undefined),
  true,
);
