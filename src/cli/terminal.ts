import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Terminal } from './command.ts';

/** Everything on standard input. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Prompts on stderr, so that stdout stays the answer. */
export function openTerminal(): Terminal {
  const ask = async (prompt: string, output: NodeJS.WritableStream) => {
    process.stderr.write(prompt);
    const lines = createInterface({ input: process.stdin, output, terminal: true });
    try {
      return await lines.question('');
    } finally {
      lines.close();
    }
  };
  return {
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    question: (prompt) => ask(prompt, process.stderr),
    secret: async (prompt) => {
      const answer = await ask(prompt, new Writable({ write: (_chunk, _encoding, done) => done() }));
      process.stderr.write('\n');
      return answer;
    },
  };
}
