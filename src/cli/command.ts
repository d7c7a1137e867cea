import type { AuditContext } from '../audit/index.ts';
import type { Passwords } from '../passwords/index.ts';
import type { Config } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import { Failure, type FailureKind } from '../platform/errors.ts';
import type { Clock } from '../platform/time.ts';
import type { ControlInput, FileRows } from '../server/control.ts';
import type { KeyRing } from '../tokens/index.ts';

/** What a command works with, in its own process or in the server that owns the embedded database. */
export interface Context {
  readonly config: Config;
  readonly db: Database;
  readonly clock: Clock;
  /** The actor (`cli:<uid>`) and the time, for the audit log. */
  audit(): AuditContext;
  /** Returns the issuer. Throws `issuer_missing`. */
  issuer(): string;
  /** Returns the master key. Throws a Failure if there is none. */
  masterKey(): Buffer;
  passwords(): Promise<Passwords>;
  keys(): Promise<KeyRing>;
  /** Prints a progress line of a long command at once. */
  progress(line: string): void;
}

/** The arguments, and what only this side can read. */
export type Input = ControlInput;

/** The result: `data` for `--json`, `text` for people. */
export interface Output {
  readonly data: unknown;
  readonly text: string;
  /** True: the command ran, and its result is negative. Exit code 1, or that of `failureKind`. */
  readonly isFailure?: boolean;
  readonly failureKind?: FailureKind;
  /** Printed in place of `data` and `text`. */
  readonly failure?: Failure;
  readonly rows?: FileRows;
  /** The exit code of another process that has printed its output: nothing more is printed. */
  readonly exitCode?: number;
}

/** What a command prints about a refusal of the domain, and its exit code. */
export interface Message<Params> {
  readonly exit: FailureKind;
  /** What happened, then what to do. */
  readonly text: (params: Params) => string;
  /** Members of the error of `--json` beside its text. */
  readonly details?: (params: Params) => Record<string, unknown>;
}

/** The messages of a room's errors: complete, or it does not compile. */
export type Messages<Table> = { readonly [Code in keyof Table]: Message<Table[Code]> };

/** An argument, by its place. */
export interface Argument {
  /** The placeholder, such as `NAME`. */
  readonly name: string;
  /** Its meaning, in one line. */
  readonly help: string;
  readonly isOptional?: true;
  /** May be given several times; the last argument only. */
  readonly isList?: true;
  /** `--user-id ID` may replace it. */
  readonly orUserId?: true;
  /** What completion proposes. */
  readonly proposals?: readonly string[];
}

interface OptionBase {
  /** Its meaning, in one line, without its default. */
  readonly help: string;
  /** What holds without the option. Help names it; the command itself decides. */
  readonly default?: string;
  readonly isRequired?: true;
}

/** An option takes no value (`toggle`), one of a few values (`choice`), any text, or a text each time it is used (`list`). */
export type Option =
  | (OptionBase & { readonly kind: 'toggle' })
  | (OptionBase & { readonly kind: 'choice'; readonly values: readonly string[] })
  | (OptionBase & {
      readonly kind: 'text' | 'list';
      /** The placeholder, such as `SECONDS`. */
      readonly value: string;
      readonly proposals?: readonly string[];
    });

export type Options = Readonly<Record<string, Option>>;

/**
 * The declaration of a command has all that is needed to read its arguments, to explain them and to complete them. The work itself is loaded
 * only to run it, because it imports the rooms below, and with them the ORM.
 */
interface CommandBase {
  /** The command name, such as `user create`. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** Sentences below the summary. */
  readonly notes?: string;
  /** Lines for a shell, each with this command; the first is the most common use. */
  readonly examples: readonly [string, ...string[]];
  readonly args?: readonly Argument[];
  readonly options?: Options;
  /** The rest of the usage line. Needed only if it is not the arguments and then the options. */
  readonly usage?: string;
}

/** A command on the database. */
export interface DatabaseCommand extends CommandBase {
  readonly kind: 'database';
  /** The index of the argument that names an input file (`-` is standard input). */
  readonly fileArgument?: number;
  /** The option whose file gets the rows of the output. */
  readonly outputFileOption?: string;
  /** Runs also while migrations are pending. */
  readonly allowsPendingMigrations?: true;
  /** Creates the embedded database if there is none. */
  readonly createsDatabase?: true;
  /** Returns whether this call reads standard input. */
  readsStdin?(input: Input): boolean;
  /** Asks at the terminal for missing input, on the caller's side; returns the completed input. */
  prompt?(input: Input, terminal: Terminal, config: Config): Promise<Input>;
  /** Reads local files on the caller's side; returns the completed input. */
  readLocal?(input: Input, progress: (line: string) => void): Promise<Input>;
  /**
   * Returns the word that a person types to confirm; undefined if no confirmation is needed. Without `--yes`, the command only reports what
   * it would do: see `runConfirmed`.
   */
  confirm?(input: Input): string | undefined | Promise<string | undefined>;
  load(): Promise<RunOnDatabase>;
}

export type RunOnDatabase = (context: Context, input: Input) => Promise<Output>;

/** A command without a database, or one that opens it itself. */
export interface LocalCommand extends CommandBase {
  readonly kind: 'local';
  load(): Promise<RunLocally>;
}

export type RunLocally = (local: LocalContext, input: Input) => Promise<Output | undefined>;

export interface LocalContext {
  /** Every command, for a server that runs commands of other processes. */
  readonly commands: readonly Command[];
  readonly environment: Record<string, string | undefined>;
  readStdin(): Promise<string>;
  print(text: string): void;
}

/** The terminal, if a person uses one. */
export interface Terminal {
  readonly isInteractive: boolean;
  question(prompt: string): Promise<string>;
  /** Without echo. */
  secret(prompt: string): Promise<string>;
}

export type Command = DatabaseCommand | LocalCommand;

/** A wrong call that only the command itself can detect. `failed` adds the usage line. */
export class Misuse extends Failure {
  constructor(problem: string) {
    super('usage', problem);
  }
}

/** Returns the text of an option, or undefined. */
export function optionText(input: Input, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Returns all texts of a repeatable option. */
export function optionTexts(input: Input, name: string): string[] {
  const value = input.options[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function isSet(input: Input, name: string): boolean {
  return input.options[name] === true;
}

/** Formats rows under a header with aligned columns. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
