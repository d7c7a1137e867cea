import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, type Workspace } from '../workspace.ts';

/** A program of the bench in a process of its own, asked by messages. */
export interface Child {
  call<T>(method: string, argument?: unknown): Promise<T>;
}

type Message =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly event: string; readonly data: unknown };

/** Starts a program of `programs/` with what it is told once; `told` hears what it says by itself. */
export async function startChild(
  workspace: Workspace,
  program: string,
  given: unknown,
  told: (event: string, data: unknown) => void = () => {},
): Promise<Child> {
  mkdirSync(join(workspace.folder, 'logs'), { recursive: true });
  const logPath = join(workspace.folder, 'logs', `${program}.log`);
  if (!workspace.logs.includes(logPath)) workspace.logs.push(logPath);
  const log = openSync(logPath, 'a');
  const child = fork(join(import.meta.dirname, 'programs', `${program}.ts`), [JSON.stringify(given)], {
    env: cleanEnvironment({}),
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  workspace.atEnd(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  child.on('message', (message: Message) => {
    if ('event' in message) return told(message.event, message.data);
    const one = waiting.get(message.id);
    waiting.delete(message.id);
    if ('error' in message) one?.reject(new Error(`${program}: ${message.error}`));
    else one?.resolve(message.result);
  });
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${program} ended (${code ?? signal}).`));
  });
  const call = <T>(method: string, argument?: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = asked++;
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      child.send({ id, method, argument }, (error) => error && reject(error));
    });
  await call('ready');
  return { call };
}

/** The other side: what a program answers, and how it tells something by itself. */
export function answerCalls(methods: Record<string, (argument: never) => unknown>): void {
  process.on('message', async ({ id, method, argument }: { id: number; method: string; argument: never }) => {
    try {
      const result = method === 'ready' ? true : await (methods[method] as (argument: never) => unknown)(argument);
      process.send?.({ id, result });
    } catch (error) {
      process.send?.({ id, error: String((error as Error).stack) });
    }
  });
  // The bench is gone.
  process.once('disconnect', () => process.exit(0));
}

export function tell(event: string, data: unknown): void {
  process.send?.({ event, data });
}
