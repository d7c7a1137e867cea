import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './database.ts';

type Environment = Record<string, string>;

const launcher = join(root, 'bin/signet.mjs');

/** A clean environment: no variable of Signet except those of the test. */
function cleanEnvironment(extra: Environment): Environment {
  const { PATH = '', HOME = '', LANG = '' } = process.env;
  return { PATH, HOME, LANG, ...extra };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a `signet` command to its end in a separate process. */
export function signet(words: string[], environment: Environment, stdin = ''): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [launcher, ...words],
      { env: cleanEnvironment(environment), timeout: 60_000 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(stdin);
  });
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** The output so far. */
  output(): string;
  /** Sends a signal to the launcher and waits until it exits. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts `signet dev` or `signet start` and waits until it serves. Rejects with its output if it exits first. */
export function serving(words: string[], environment: Environment, isReady: RegExp): Promise<RunningCommand> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [launcher, ...words], {
      env: cleanEnvironment(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    const over = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((done) =>
      child.once('exit', (code, signal) => done({ code, signal })),
    );
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`not ready in a minute:\n${text}`));
    }, 60_000);
    const take = (chunk: Buffer) => {
      text += chunk.toString();
      if (!isReady.test(text)) return;
      clearTimeout(timer);
      const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
        child.kill(signal);
        return over;
      };
      resolve({ child, output: () => text, stop });
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    void over.then(({ code }) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code}:\n${text}`));
    });
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Settings for a separate instance: fresh folders, a free port. */
export async function freshSettings(): Promise<Environment & { SIGNET_PORT: string; SIGNET_DATA_DIR: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'));
  return {
    SIGNET_DATA_DIR: join(folder, 'data'),
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_PORT: String(await freePort()),
  };
}
