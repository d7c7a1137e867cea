import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { Failure } from '../platform/errors.ts';
import { decodeText } from '../platform/text-file.ts';
import type { Terminal } from './command.ts';

/** Limit of a file or standard input in bytes: the longest string that the engine supports. */
const MAX_BYTES = 512 * 1024 * 1024 - 1024;

/** Reads all of standard input. Throws a Failure, or `text_not_utf8`. */
export async function readStdin(): Promise<string> {
  return decodeText(await readStdinBytes(), 'Standard input');
}

export async function readStdinBytes(): Promise<Buffer> {
  try {
    return await collect(process.stdin, 'Standard input');
  } catch (error) {
    throw readFailure(error, 'Standard input');
  }
}

/** Reads a file. Throws a Failure if it cannot be read or is too large, or `text_not_utf8`. */
export async function readText(path: string): Promise<string> {
  return decodeText(await readBytes(path), path);
}

/** Like `readText`; undefined if there is no such file yet. */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  return existsSync(path) ? readText(path) : undefined;
}

export async function readBytes(path: string): Promise<Buffer> {
  try {
    // A device or pipe has no size: its bytes are counted as they arrive.
    if ((await stat(path)).size > MAX_BYTES) throw tooLarge(path);
    return await collect(createReadStream(path), path);
  } catch (error) {
    throw readFailure(error, `The file ${path}`);
  }
}

async function collect(stream: Readable, source: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw tooLarge(source);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(source: string): Failure {
  return new Failure(
    'usage',
    `${source} is larger than 512 MB, the most that a command reads. Check that it is the right one.`,
  );
}

const readRemedies: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EISDIR: 'Name a file, not a folder.',
};

function readFailure(error: unknown, source: string): Failure {
  if (error instanceof Failure) return error;
  const { code } = error as NodeJS.ErrnoException;
  const remedy = readRemedies[code ?? ''] ?? 'Check that this user may read it.';
  return new Failure(code === 'ENOENT' ? 'notFound' : 'failed', `${source} cannot be read (${code}). ${remedy}`);
}

/** Opens the terminal. Prompts go to stderr, so that stdout has only the result. */
export function openTerminal(): Terminal {
  // With echo, readline writes the prompt, because it first clears the line.
  const ask = async (prompt: string, output: NodeJS.WritableStream) => {
    const lines = createInterface({ input: process.stdin, output, terminal: true });
    try {
      return await lines.question(prompt);
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
      throw new Failure('failed', 'Cancelled. Nothing was changed.');
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
