import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { type Readable, Writable } from 'node:stream';
import { Failure } from '../platform/errors.ts';
import { decodeText } from '../platform/text-file.ts';
import type { Terminal } from './command.ts';

/** Bytes of a file, or of standard input, at the most: more does not fit into one text of the engine. */
const LARGEST = 512 * 1024 * 1024 - 1024;

/** Everything on standard input. Failure: it is too large, or not UTF-8. */
export async function readStdin(): Promise<string> {
  return decodeText(await readStdinBytes(), 'Standard input');
}

export async function readStdinBytes(): Promise<Buffer> {
  try {
    return await collect(process.stdin, 'Standard input');
  } catch (error) {
    throw unreadable(error, 'Standard input');
  }
}

/** A file that was named. Failure: it cannot be read, is too large, or is not UTF-8. */
export async function readText(path: string): Promise<string> {
  return decodeText(await readBytes(path), path);
}

/** As `readText`; undefined where there is no such file yet. */
export async function readTextIfAny(path: string): Promise<string | undefined> {
  return existsSync(path) ? readText(path) : undefined;
}

export async function readBytes(path: string): Promise<Buffer> {
  try {
    // A device or a pipe has no size: it is counted as it comes.
    if ((await stat(path)).size > LARGEST) throw tooLarge(path);
    return await collect(createReadStream(path), path);
  } catch (error) {
    throw unreadable(error, `The file ${path}`);
  }
}

async function collect(stream: Readable, source: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST) throw tooLarge(source);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function tooLarge(source: string): Failure {
  return new Failure('usage', `${source} is larger than 512 MB: more than any command takes.`);
}

function unreadable(error: unknown, source: string): Failure {
  if (error instanceof Failure) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new Failure(code === 'ENOENT' ? 'notFound' : 'failed', `${source} cannot be read (${code}).`);
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
