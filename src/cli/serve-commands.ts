import type { Config } from '../platform/config/index.ts';
import { Failure } from '../platform/errors.ts';
import type { RunCommand } from '../server/serve.ts';
import type { Command } from './command.ts';
import { createContext } from './context.ts';
import { execute, failed } from './execute.ts';

/** Runs the commands of other processes in the server that holds the embedded database. */
export function createCommandRunner(commands: readonly Command[], config: Config): RunCommand {
  return async (db, ready, request, progress) => {
    const command = commands.find((one) => one.name === request.name);
    if (command?.kind !== 'database') {
      const message = `The running server does not know "${request.name}". Is it of another version? Restart it.`;
      return failed(new Failure('failed', message), request.isJson);
    }
    return execute(command, createContext(config, db, request.actor, progress, ready), request.input, request.isJson);
  };
}
