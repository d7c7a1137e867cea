import type { ConfigErrors } from '../../platform/config/index.ts';
import type { DatabaseErrors, DatabaseProblem } from '../../platform/database/index.ts';
import type { FolderErrors } from '../../platform/folder-lock.ts';
import type { HttpErrors } from '../../platform/http/index.ts';
import type { TelemetryErrors } from '../../platform/telemetry/index.ts';
import type { TextFileErrors } from '../../platform/text-file.ts';
import type { Messages } from '../command.ts';
import { configMessages } from './settings.ts';

/** The errors of the rooms of platform. */
export type PlatformErrors = ConfigErrors &
  DatabaseErrors &
  FolderErrors &
  HttpErrors &
  TelemetryErrors &
  TextFileErrors;

/** What was found, and what to do about it. */
interface Finding {
  readonly what: string;
  readonly remedy: string;
}

type ProblemCode = DatabaseProblem['error']['code'];

const problems: { readonly [Code in ProblemCode]: (params: DatabaseErrors[Code]) => Finding } = {
  database_setting_wrong: ({ setting, value, needed }) => ({
    what: `PostgreSQL has ${setting} = ${value}, and Signet needs ${needed}`,
    remedy:
      'Run: npx signet migrate. It sets the value for the role, or prints the statements for an administrator. Then reconnect the pooler (PgBouncer: RECONNECT on its console).',
  }),
  database_standby: () => ({
    what: 'This PostgreSQL is a hot standby, which accepts no writes',
    remedy: 'Point DATABASE_URL at the primary, or promote this server.',
  }),
  database_tables_elsewhere: ({ schema, searchPath, role, database }) => ({
    what: `The tables of Signet are in the schema ${schema}, which is not in search_path (${searchPath})`,
    remedy: `Run: ALTER ROLE ${quoted(role)} IN DATABASE ${quoted(database)} SET search_path = ${quoted(schema)}`,
  }),
  database_empty: () => ({ what: 'The database has no tables of Signet', remedy: 'Run: npx signet migrate' }),
};

/** Returns an identifier of SQL. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Returns a problem of the database in words. */
export function problemText({ error }: Pick<DatabaseProblem, 'error'>): Finding {
  return (problems[error.code] as (params: typeof error.params) => Finding)(error.params);
}

function problem<Code extends ProblemCode>(code: Code): Messages<DatabaseErrors>[Code] {
  const text = (params: DatabaseErrors[Code]) => {
    const { what, remedy } = problems[code](params);
    return `${what}. ${remedy}`;
  };
  return { exit: 'failed', text } as Messages<DatabaseErrors>[Code];
}

const URL_FORM = 'postgres://user:password@host:5432/signet';

const urlFaults: Readonly<Record<DatabaseErrors['database_url_invalid']['fault'], string>> = {
  scheme: `DATABASE_URL must be a URL such as ${URL_FORM}`,
  percent: 'DATABASE_URL has a % that escapes nothing. Write it as %25.',
  syntax: `DATABASE_URL must be a URL such as ${URL_FORM}. In a password write @ : / ? # as %40 %3A %2F %3F %23.`,
};

function refused(reason: string, remedy: string): string {
  return `PostgreSQL refuses the connection of DATABASE_URL: ${reason}. ${remedy}`;
}

const databaseMessages: Messages<DatabaseErrors> = {
  database_not_found: {
    exit: 'noConnection',
    text: ({ database, reason }) =>
      refused(reason, `Create the database (createdb ${database}), or correct the name at the end of DATABASE_URL.`),
  },
  database_login_refused: {
    exit: 'noConnection',
    text: ({ reason }) =>
      refused(reason, 'Correct the user or the password in DATABASE_URL, or allow the user in pg_hba.conf.'),
  },
  database_connect_denied: {
    exit: 'noConnection',
    text: ({ database, reason }) => refused(reason, `Run: GRANT CONNECT ON DATABASE ${quoted(database)} TO that user.`),
  },
  database_connections_exhausted: {
    exit: 'noConnection',
    text: ({ reason }) => refused(reason, 'Raise max_connections of PostgreSQL, or lower SIGNET_DATABASE_POOL.'),
  },
  database_parameter_unsupported: {
    exit: 'noConnection',
    text: ({ reason }) =>
      refused(reason, 'Remove it from DATABASE_URL, or add it to ignore_startup_parameters of the pooler.'),
  },
  database_unreachable: {
    exit: 'noConnection',
    text: ({ reason }) =>
      `PostgreSQL does not answer at DATABASE_URL: ${reason}. Start PostgreSQL, or correct the host and port in DATABASE_URL.`,
  },
  database_url_invalid: { exit: 'usage', text: ({ fault }) => urlFaults[fault] },
  pooler_unexpected: {
    exit: 'failed',
    text: ({ reason }) =>
      `There is a pooler in transaction mode before PostgreSQL (${reason}). Set SIGNET_POOLER=transaction and start again.`,
  },
  database_too_old: {
    exit: 'failed',
    text: () =>
      'A version of Signet before the first release made this database, which cannot be upgraded. Use an empty database; in development, delete the data folder.',
  },
  database_setting_wrong: problem('database_setting_wrong'),
  database_standby: problem('database_standby'),
  database_tables_elsewhere: problem('database_tables_elsewhere'),
  database_empty: problem('database_empty'),
};

/** Returns the name of a text: a file that a setting names has the name of the setting. */
function sourceName(source: string): string {
  return /^[A-Z_]+_FILE$/.test(source) ? `The file of ${source}` : source;
}

const textFileMessages: Messages<TextFileErrors> = {
  text_not_utf8: {
    exit: 'usage',
    text: ({ source, offset, line, encoding }) =>
      `${sourceName(source)} is not UTF-8 (${encoding === null ? `byte ${offset}, line ${line}` : `it is ${encoding}`}). Save it as UTF-8, then run the command again.`,
  },
  text_has_lines: {
    exit: 'usage',
    text: ({ source, content }) => `${sourceName(source)} has more than one line. It must have only the ${content}.`,
  },
  file_too_large: {
    exit: 'usage',
    text: ({ source, maxKiB }) =>
      `${sourceName(source)} is larger than ${maxKiB} KiB. Check the path: a file with one value is small.`,
  },
};

const folderMessages: Messages<FolderErrors> = {
  folder_locked: {
    exit: 'conflict',
    text: ({ folder, pid }) =>
      `Another Signet (process ${pid}) uses the data folder ${folder}. Stop it, or set SIGNET_DATA_DIR to another folder.`,
  },
  folder_unwritable: {
    exit: 'failed',
    text: ({ folder, reason }) =>
      `The data folder ${folder} cannot be written (${reason}). Set SIGNET_DATA_DIR to a folder that this user can write.`,
  },
  lock_file_unreadable: {
    exit: 'failed',
    text: ({ path, reason }) =>
      `The lock file ${path} cannot be read (${reason ?? 'it is not a lock file of Signet'}). If no Signet uses this folder, delete that file.`,
  },
};

export const platformMessages: Messages<PlatformErrors> = {
  ...configMessages,
  ...databaseMessages,
  ...folderMessages,
  ...textFileMessages,
  issuer_path_reserved: {
    exit: 'usage',
    text: ({ path, own }) =>
      `SIGNET_ISSUER has the path ${path}, but ${own} is a path of Signet. Choose another path, such as /id, or a host name without a path.`,
  },
  metrics_address_unavailable: {
    exit: 'conflict',
    text: ({ host, port, reason }) =>
      `Metrics cannot be served on ${host}:${port}: ${reason === 'EADDRINUSE' ? 'the port is in use' : reason}. Set SIGNET_METRICS_PORT and SIGNET_METRICS_HOST to a free port of this machine.`,
  },
};
