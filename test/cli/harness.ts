import { AuditEntry, AuditEvent } from '../../src/audit/index.ts';
import type { Command, DatabaseCommand, Input, Terminal } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { createContext } from '../../src/cli/context.ts';
import { execute, failed, type Result, runConfirmed } from '../../src/cli/execute.ts';
import { parseArgs } from '../../src/cli/parse.ts';
import { type Config, readConfig } from '../../src/platform/config/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { prepareDatabase } from '../../src/server/own-permissions.ts';
import { createKeyRing, ensureCurrentKey, type KeyRing, openKeys } from '../../src/tokens/index.ts';
import { User } from '../../src/users/index.ts';
import { audit, masterKey } from '../support/server.ts';

const ACTOR = '1000';
export const GOOD_PASSWORD = 'correct horse battery';

/** The input of a command beside its arguments. */
export interface CliInput {
  readonly stdin?: string;
  readonly file?: string;
  readonly terminal?: Terminal;
  readonly environment?: Record<string, string>;
}

// biome-ignore lint/suspicious/noExplicitAny: the documents of --json, each test knows its own
type Json = any;

/** Runs commands on a test database. */
export interface CliHarness {
  readonly db: Database;
  readonly keys: KeyRing;
  readonly config: Config;
  readonly progress: string[];
  run(words: string, given?: CliInput): Promise<Result>;
  /** With `--json`; throws if the exit code differs. */
  json(words: string, given?: CliInput, exit?: number): Promise<Json>;
  /** Row counts of every table that a command may change. */
  counts(): Promise<Record<string, number>>;
  /** Every stored password. */
  hashes(): Promise<string[]>;
}

const environment = {
  SIGNET_MASTER_KEY: masterKey.toString('hex'),
  SIGNET_ARGON2_MEMORY: '7168',
  SIGNET_ARGON2_ITERATIONS: '1',
};

/** No terminal. */
const noTerminal: Terminal = {
  isInteractive: false,
  question: () => Promise.reject(new Error('nobody was to be asked')),
  secret: () => Promise.reject(new Error('nobody was to be asked')),
};

/** A terminal with these answers in turn; `prompts` records the questions. */
export function answeringTerminal(...answers: string[]): Terminal & { prompts: string[] } {
  const prompts: string[] = [];
  const answer = async (prompt: string) => {
    prompts.push(prompt);
    const next = answers.shift();
    if (next === undefined) throw new Error(`asked too much: ${prompt}`);
    return next;
  };
  return { isInteractive: true, prompts, question: answer, secret: answer };
}

/** Returns the command of a name. */
export function databaseCommand(name: string): DatabaseCommand {
  const command = commands.find((one) => one.name === name);
  if (command?.kind !== 'database') throw new Error(`there is no command "${name}" on the database`);
  return command;
}

/** Splits arguments as a shell does, with 'single quotes'. */
export function split(words: string): string[] {
  return [...words.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

export async function openCliHarness(db: Database, settings: Record<string, string> = {}): Promise<CliHarness> {
  await prepareDatabase(db, audit());
  await ensureCurrentKey(db.fork(), audit(), masterKey, 'RS256');
  const keys = await createKeyRing(() => openKeys(db.fork(), masterKey));
  const config = readConfig('development', { ...environment, ...settings });
  const progress: string[] = [];
  const run = async (words: string, given: CliInput = {}): Promise<Result> => {
    const commandConfig = readConfig('development', { ...environment, ...given.environment });
    let typed: Command | undefined;
    try {
      const parsed = await parseArgs(split(words));
      if (parsed.kind === 'text' || parsed.command.kind === 'local') throw new Error(`${words}: needs no database`);
      const { command, input, isJson } = parsed;
      typed = command;
      const completed: Input = {
        ...input,
        stdin: command.readsStdin?.(input) ? (given.stdin ?? '') : null,
        file: given.file === undefined ? null : { name: 'the file', text: given.file },
      };
      const progressLine = (line: string) => void progress.push(line);
      const withFiles = command.readLocal ? await command.readLocal(completed, progressLine) : completed;
      const prompted = command.prompt
        ? await command.prompt(withFiles, given.terminal ?? noTerminal, commandConfig)
        : withFiles;
      const run = (confirmed: Input, json: boolean) => {
        // As over the control socket, the server gets serialized input.
        const sent = JSON.parse(JSON.stringify(confirmed)) as Input;
        return execute(command, createContext(config, db, ACTOR, progressLine), sent, json);
      };
      const terminal = given.terminal ?? noTerminal;
      return await runConfirmed({ command, input: prompted, isJson, terminal, print: progressLine, run });
    } catch (error) {
      return failed(error, words.includes('--json'), typed);
    }
  };
  return {
    db,
    keys,
    config,
    progress,
    run,
    json: async (words, given, exit = 0) => {
      const result = await run(`${words} --json`, given);
      if (result.exit !== exit) throw new Error(`${words}: exit ${result.exit}, not ${exit}: ${result.stderr}`);
      return JSON.parse(result.stdout);
    },
    counts: async () => {
      const em = db.fork();
      const tables = [
        'permissions_api',
        'permissions_permission',
        'permissions_group',
        'permissions_group_member',
        'permissions_group_permission',
        'permissions_assignment',
        'users_user',
      ];
      const rows = tables.map((table) => `select '${table}' as name, count(*)::int as count from ${table}`);
      const counted = await em.execute<{ name: string; count: number }[]>(rows.join(' union all '));
      return {
        ...Object.fromEntries(counted.map((one) => [one.name, one.count])),
        entries: await em.count(AuditEntry, {}),
        events: await em.count(AuditEvent, {}),
      };
    },
    hashes: async () => (await db.fork().findAll(User, {})).map((one) => one.password),
  };
}

/** Returns the last entry of the edit log. */
export async function lastEntry(db: Database): Promise<AuditEntry> {
  const [entry] = await db.fork().find(AuditEntry, {}, { orderBy: { id: 'desc' }, limit: 1 });
  return entry as AuditEntry;
}

export async function lastEvent(db: Database): Promise<AuditEvent> {
  const [event] = await db.fork().find(AuditEvent, {}, { orderBy: { id: 'desc' }, limit: 1 });
  return event as AuditEvent;
}
