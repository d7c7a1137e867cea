import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Failure } from '../platform/failure.ts';
import { decodeUtf8 } from '../platform/utf8.ts';
import type { Terminal } from './command.ts';

/** Everything on standard input. */
export async function readStdin(): Promise<string> {
  return (await readStdinBytes()).toString('utf8');
}

export async function readStdinBytes(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A file that was named. Failure: it cannot be read. */
export async function readText(path: string): Promise<string> {
  return (await readBytes(path)).toString('utf8');
}

/** As `readText`; undefined where there is no such file yet. Failure: it cannot be read, or is not UTF-8. */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  if (!existsSync(path)) return undefined;
  const decoded = decodeUtf8(await readBytes(path));
  if ('text' in decoded) return decoded.text;
  const { offset, line } = decoded.fault;
  throw new Failure(
    'usage',
    `${path} is not UTF-8: byte ${offset} (line ${line}). Save it as UTF-8, then run the command again.`,
  );
}

export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new Failure(code === 'ENOENT' ? 'notFound' : 'failed', `The file ${path} cannot be read (${code}).`);
  }
}

/** Prompts on stderr, so that stdout stays the answer. */
export function openTerminal(): Terminal {
  // The prompt goes through readline where it echoes, since its first move is to clear the line it writes on.
  const ask = async (prompt: string, output: NodeJS.WritableStream) => {
    const lines = createInterface({ input: process.stdin, output, terminal: true });
    try {
      return await lines.question(prompt);
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
      throw new Failure('failed', 'Given up. Nothing was changed.');
    } finally {
      lines.close();
    }
  };
  return {
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    question: (prompt) => ask(prompt, process.stderr),
    secret: async (prompt) => {
      process.stderr.write(prompt);
      const answer = await ask('', new Writable({ write: (_chunk, _encoding, done) => done() }));
      process.stderr.write('\n');
      return answer;
    },
  };
}
