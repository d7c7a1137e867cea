/**
 * cli: the `signet` command.
 * Owns: the commands and their texts, exit codes, what is read and asked at the terminal, the checks of `doctor`.
 * Does not own: any rule; a command calls the verbs of the rooms below, here or in the server that holds the embedded database.
 * Neighbours: server below.
 */
import { existsSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, readConfig } from '../platform/config/index.ts';
import { FolderLocked, findLockOwner, lockFolder, openDatabase } from '../platform/database/index.ts';
import { Failure } from '../platform/errors.ts';
import { type FileRows, sendControl } from '../server/control.ts';
import { model } from '../server/model.ts';
import { type DatabaseCommand, type Input, optionText } from './command.ts';
import { commands } from './commands/index.ts';
import { createContext } from './context.ts';
import { execute, failed, type Result, runConfirmed, toResult } from './execute.ts';
import { commandHelp, helpPage, parseArguments } from './parse.ts';
import { openTerminal, readStdin, readText } from './terminal.ts';
import { version } from './version.ts';

type Environment = Record<string, string | undefined>;

/** Runs the `signet` command: takes the arguments, returns the output and the exit code. */
export async function runCommand(
  args: readonly string[],
  environment: Environment,
  print: (text: string) => void,
  progress: (line: string) => void,
): Promise<Result> {
  const wantsJson = args.includes('--json');
  try {
    if (args.length === 1 && args[0] === '--version') return toResult({ data: { version }, text: version }, wantsJson);
    if (args[0] === 'help' || args.every((word) => word === '--help' || word === '-h' || word === '--json'))
      return toResult({ data: commands.map((one) => one.name), text: helpPage(commands) }, wantsJson);
    const { command, input, isJson, isHelp } = parseArguments(commands, args);
    if (isHelp)
      return toResult({ data: { name: command.name, usage: command.usage }, text: commandHelp(command) }, isJson);
    if (command.kind === 'local')
      return toResult(await command.run({ commands, environment, readStdin, print }, input), isJson);
    const config = readConfig(
      environment['DATABASE_URL'] || environment['DATABASE_URL_FILE'] ? 'production' : 'development',
      environment,
    );
    const completed = await readInput(command, input, config, progress);
    const run = (confirmed: Input, json: boolean) => runOnDatabase(command, confirmed, json, config, progress);
    const terminal = openTerminal();
    const result = await runConfirmed({ command, input: completed, isJson, terminal, print: progress, run });
    if (result.rows) await appendRows(command, completed, result.rows);
    return result;
  } catch (error) {
    return failed(error, wantsJson);
  }
}

/** Reads the input that only this side has: the file, standard input, answers at the terminal. */
async function readInput(
  command: DatabaseCommand,
  input: Input,
  config: Config,
  progress: (line: string) => void,
): Promise<Input> {
  const path = command.fileArgument === undefined ? undefined : input.positionals[command.fileArgument];
  let completed = input;
  if (path === '-') completed = { ...completed, file: { name: 'standard input', text: await readStdin() } };
  else if (path !== undefined) completed = { ...completed, file: { name: path, text: await readText(path) } };
  if (command.readsStdin?.(completed)) completed = { ...completed, stdin: await readStdin() };
  if (command.readLocal) completed = await command.readLocal(completed, progress);
  return command.prompt ? command.prompt(completed, openTerminal(), config) : completed;
}

/** The path is the local argument: the server cannot choose it. */
async function appendRows(command: DatabaseCommand, input: Input, { option, text }: FileRows): Promise<void> {
  const path = option === command.outputFileOption ? optionText(input, option) : undefined;
  if (path === undefined) return;
  try {
    await appendFile(path, text);
  } catch (error) {
    throw new Failure(
      'failed',
      `The file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}). Check that this user may write it.`,
    );
  }
}

async function runOnDatabase(
  command: DatabaseCommand,
  input: Input,
  isJson: boolean,
  config: Config,
  progress: (line: string) => void,
): Promise<Result> {
  // Not os.userInfo: in a container the user may have no passwd entry.
  const actor = String(process.getuid?.() ?? -1);
  const runHere = async () => {
    const db = await openDatabase(config, model);
    try {
      return await execute(command, createContext(config, db, actor, progress), input, isJson);
    } finally {
      await db.close();
    }
  };
  if (config.databaseUrl !== undefined) return runHere();
  const send = (owner: Parameters<typeof sendControl>[0]) =>
    sendControl(owner, { name: command.name, input, isJson, actor }, progress);
  const owner = existsSync(config.dataDir) ? await findLockOwner(config.dataDir) : undefined;
  if (owner) return send(owner);
  if (!command.createsDatabase && !existsSync(join(config.dataDir, 'PG_VERSION')))
    throw new Failure(
      'notFound',
      `There is no database in ${config.dataDir} yet. Start Signet (npm start), or run: npx signet migrate`,
    );
  let lock: Awaited<ReturnType<typeof lockFolder>>;
  try {
    lock = await lockFolder(config.dataDir);
  } catch (error) {
    // A server took the folder after findLockOwner.
    if (error instanceof FolderLocked) return send(error.owner);
    throw error;
  }
  try {
    return await runHere();
  } finally {
    await lock.release();
  }
}
