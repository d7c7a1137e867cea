import {
  type ApplicationText,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  run,
  text_en,
} from '@stricli/core';
import { type Call, createApp } from './app.ts';
import { normalizeArgs } from './args.ts';
import type { Command } from './command.ts';
import { wrongUsage } from './usage.ts';

/** Reads the options and arguments of a command. Throws a Failure (usage) with every problem and the usage line. */
export async function scanArgs(command: Command, args: readonly string[]): Promise<Call> {
  let call: Call | undefined;
  const problems = new Set<string>();
  const app = createApp(
    (read) => {
      call = read;
    },
    textFor((problem) => problems.add(problem)),
  );
  const process = { stdout: silent, stderr: silent };
  await run(app, [...command.name.split(' '), ...normalizeArgs(command, args)], { process });
  if (call) return call;
  throw wrongUsage(command, [...problems].join(' '));
}

const silent = { write: () => {} };

/** Returns the texts of the application, which passes each problem to `onProblem` instead of printing it. */
function textFor(onProblem: (problem: string) => void): ApplicationText {
  return {
    ...text_en,
    exceptionWhileParsingArguments: (error) => {
      if (!(error instanceof ArgumentScannerError)) throw error;
      onProblem(describe(error));
      return '';
    },
  };
}

function describe(error: ArgumentScannerError): string {
  return formatMessageForArgumentScannerError(error, {
    FlagNotFoundError: ({ input, corrections }) => {
      const near = corrections.map((name) => `--${name}`).join(' or ');
      return `There is no option --${input}.${near === '' ? '' : ` Did you mean ${near}?`}`;
    },
    AliasNotFoundError: ({ input }) => `There is no option -${input}.`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `--${externalFlagName} takes ${values.join(' or ')}, not "${input}".`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} is missing.`,
  });
}
