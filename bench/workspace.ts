import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..');

/** Where a run puts its files, and what must be undone however it ends. */
export interface Workspace {
  readonly folder: string;
  /** What the servers printed, for when something went wrong. */
  readonly logs: string[];
  /** Run in reverse order; synchronous, because a process that ends waits for nothing. */
  atEnd(undo: () => void): void;
  /** What ends gracefully when the run was good: a profile is written, a connection drained. */
  atClose(stop: () => Promise<void>): void;
  close(): Promise<void>;
}

export function openWorkspace(): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'));
  const undos: (() => void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const end = () => {
    for (let undo = undos.pop(); undo; undo = undos.pop()) {
      try {
        undo();
      } catch (error) {
        say(`Not undone: ${(error as Error).message}`);
      }
    }
  };
  process.once('exit', end);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  process.once('SIGHUP', () => process.exit(129));
  const stops: (() => Promise<void>)[] = [];
  return {
    folder,
    logs: [],
    atEnd: (undo) => void undos.push(undo),
    atClose: (stop) => void stops.push(stop),
    close: async () => {
      await Promise.all(stops.map((stop) => stop()));
      end();
    },
  };
}

/** Progress, on stderr: stdout is for the tables. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** The environment of a stranger's shell: nothing in it but what is said. */
export function cleanEnvironment(extra: Record<string, string>): Record<string, string> {
  const { PATH = '', HOME = '', LANG = '' } = process.env;
  return { PATH, HOME, LANG, ...extra };
}
