import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';

/** Debian's own: another one on PATH has not Debian's packages. */
const PYTHON = '/usr/bin/python3';

function start(
  t: Test,
  script: string,
  words: readonly string[],
  ca: string | undefined,
): ChildProcess & { said(): string } {
  const child = spawn(PYTHON, ['-W', 'ignore', join(import.meta.dirname, 'python', script), ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      PYTHONDONTWRITEBYTECODE: '1',
      // How `requests` is told of a CA.
      ...(ca === undefined ? {} : { REQUESTS_CA_BUNDLE: ca }),
    },
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await over;
  });
  return Object.assign(child, { said: () => text });
}

/** A relying party in Python on this port: resolves when it serves. */
export async function startPythonSite(
  t: Test,
  script: string,
  port: number,
  words: readonly string[],
  ca: string | undefined,
): Promise<{ readonly url: string; log(): string }> {
  const child = start(t, script, [String(port), ...words], ca);
  const url = `http://127.0.0.1:${port}`;
  for (let i = 0; ; i++) {
    const answered = await fetch(`${url}/nothing`).catch(() => null);
    if (answered) return { url, log: child.said };
    if (child.exitCode !== null || i > 300) throw new Error(`${script} does not serve: ${child.said()}`);
    await setTimeout(100);
  }
}

/** A program in Python that one talks with line by line. */
export function talkToPython(t: Test, script: string, words: readonly string[], ca: string | undefined) {
  const child = start(t, script, words, ca);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  return {
    async hear(): Promise<string> {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${script} ended: ${child.said()}`);
      return value;
    },
    say: (line: string) => void child.stdin?.write(`${line}\n`),
  };
}
