import type { AuditContext } from '../audit/index.ts';
import type { Passwords } from '../passwords/index.ts';
import type { Config } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Failure, FailureKind } from '../platform/errors.ts';
import type { Clock } from '../platform/time.ts';
import type { ControlInput, FileRows } from '../server/control.ts';
import type { KeyRing } from '../tokens/index.ts';

/** What a command works with, in its own process or in the server that holds the embedded database. */
export interface Context {
  readonly config: Config;
  readonly db: Database;
  readonly clock: Clock;
  /** Who (`cli:<uid>`) and when, for the audit log. */
  audit(): AuditContext;
  /** The issuer; Failure when it was not set. */
  issuer(): string;
  /** Failure when there is no master key. */
  masterKey(): Buffer;
  passwords(): Promise<Passwords>;
  keys(): Promise<KeyRing>;
  /** One line about how far a long command is; shown as it comes. */
  progress(line: string): void;
}

/** What was typed, and what only this side can read. */
export type Input = ControlInput;

/** The answer: `data` for `--json`, `text` for people. */
export interface Output {
  readonly data: unknown;
  readonly text: string;
  /** True: what was asked was done, and the answer is no. Exit code 1, or that of `failureKind`. */
  readonly isFailure?: boolean;
  readonly failureKind?: FailureKind;
  /** It was refused: the failure is printed in place of `data` and `text`. */
  readonly refusal?: Failure;
  readonly rows?: FileRows;
  /** The exit code of another process that has already said everything: nothing is printed. */
  readonly exitCode?: number;
}

type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly multiple?: boolean }>>;

interface CommandBase {
  /** The words, such as `user create`. */
  readonly name: string;
  readonly summary: string;
  /** What follows the words, such as `NAME [--email E]`. */
  readonly usage: string;
  readonly options?: Options;
  /** How many words follow; `max` absent = any number. `orUserId`: `--user-id ID` may stand in the place of one. */
  readonly args: { readonly min: number; readonly max?: number; readonly orUserId?: true };
}

/** A command on the database. */
export interface DatabaseCommand extends CommandBase {
  readonly kind: 'database';
  /** Which word names a file to read (`-` is standard input). */
  readonly fileArgument?: number;
  /** The option whose file an answer may add rows to. */
  readonly outputFileOption?: string;
  /** May run while migrations are pending. */
  readonly allowsPendingMigrations?: true;
  /** Makes the embedded database where there is none. */
  readonly createsDatabase?: true;
  /** Whether this call reads standard input. */
  readsStdin?(input: Input): boolean;
  /** Asks at the terminal for what is missing, on the caller's side; answers the completed input. */
  ask?(input: Input, terminal: Terminal, config: Config): Promise<Input>;
  /** Reads at the caller's side what is no single file; answers the completed input. */
  readLocal?(input: Input, progress: (line: string) => void): Promise<Input>;
  /**
   * The word that a person types to confirm; undefined for a call that needs no confirming. Without `--yes`, `run` only says what
   * it would do: see confirm.ts.
   */
  confirm?(input: Input): string | undefined;
  run(context: Context, input: Input): Promise<Output>;
}

/** A command that needs no database, or rules over how it is opened. */
export interface LocalCommand extends CommandBase {
  readonly kind: 'local';
  run(local: Local, input: Input): Promise<Output | undefined>;
}

export interface Local {
  /** Every command, for the server that carries them out for others. */
  readonly commands: readonly Command[];
  readonly environment: Record<string, string | undefined>;
  readStdin(): Promise<string>;
  print(text: string): void;
}

/** Where a person sits, if one does. */
export interface Terminal {
  readonly isInteractive: boolean;
  question(prompt: string): Promise<string>;
  /** Without echo. */
  secret(prompt: string): Promise<string>;
}

export type Command = DatabaseCommand | LocalCommand;

/** An option's text, or undefined. */
export function optionText(input: Input, name: string): string | undefined {
  const value = input.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** All texts of an option that may be repeated. */
export function optionTexts(input: Input, name: string): string[] {
  const value = input.options[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function isSet(input: Input, name: string): boolean {
  return input.options[name] === true;
}

/** Rows under a header, columns aligned, for people. */
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
