import { get } from 'node:http';
import { type Config, readConfig } from '../platform/config/index.ts';
import { Failure } from '../platform/failure.ts';
import type { LocalCommand, Output } from './command.ts';
import { failed, type Result, resultOf } from './execute.ts';
import { helpOf, parseWords } from './parse.ts';
import { readStdin } from './terminal.ts';

/** A supervisor asks again soon: one that waits longer only hides that the server is slow. */
const PATIENCE_MS = 3000;

/** Asks the running server of these settings whether it is ready: the health check of the image. */
export const health: LocalCommand = {
  kind: 'local',
  name: 'health',
  summary: 'Ask the running server whether it is ready; exit 1 if it is not, 5 if nothing answers',
  usage: '',
  words: { min: 0, max: 0 },
  async run({ environment }) {
    const isProduction = environment['DATABASE_URL'] || environment['DATABASE_URL_FILE'];
    return askReady(readConfig(isProduction ? 'production' : 'development', environment));
  },
};

/**
 * `signet health` by itself. A supervisor asks every few seconds, and loading every command, with the database and the server
 * behind them, costs five times what the question does.
 */
export async function runHealth(
  words: readonly string[],
  environment: Record<string, string | undefined>,
  print: (text: string) => void,
): Promise<Result> {
  const commands = [health];
  try {
    const { input, isJson, isHelp } = parseWords(commands, words);
    const { name, usage } = health;
    if (isHelp) return resultOf({ data: { name, usage }, text: helpOf(health) }, isJson);
    return resultOf(await health.run({ commands, environment, readStdin, print }, input), isJson);
  } catch (error) {
    return failed(error, words.includes('--json'));
  }
}

async function askReady(config: Config): Promise<Output> {
  const url = `http://${hostOf(config)}:${config.port}/health/ready`;
  const { status, body } = await fetched(url);
  const isReady = status === 200 && isOk(body);
  const text = isReady ? `Ready: ${url}` : `Not ready: ${url} answered ${status}. Its log says why.`;
  return { data: { ready: isReady, url, status }, text, isFailure: !isReady };
}

/** An address to listen on everywhere is none to connect to. */
function hostOf({ host }: Config): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Another program on this port may answer 200 to everything. */
function isOk(body: string): boolean {
  try {
    return (JSON.parse(body) as { status?: unknown } | null)?.status === 'ok';
  } catch {
    return false;
  }
}

/** By node:http, which is there already: `fetch` would take longer to load than to ask. */
function fetched(url: string): Promise<{ status: number; body: string }> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) =>
      reject(
        signal.aborted
          ? new Failure('failed', `Not ready: ${url} did not answer in ${PATIENCE_MS} ms. Its log says why.`)
          : new Failure(
              'noConnection',
              `Nothing answers at ${url} (${error.code ?? error.message}). Start the server, or set SIGNET_HOST and SIGNET_PORT as it has them.`,
            ),
      );
    const request = get(url, { agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8').once('error', refuse);
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode as number, body }));
    });
    request.once('error', refuse);
  });
}
