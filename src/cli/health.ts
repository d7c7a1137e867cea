import { get } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { type Config, readConfig } from '../platform/config/index.ts';
import { Failure } from '../platform/errors.ts';
import type { LocalCommand, Output } from './command.ts';
import { failed, type Result, toResult } from './execute.ts';
import { commandHelp, parseArguments } from './parse.ts';
import { readStdin } from './terminal.ts';

/** A supervisor asks again soon: one that waits longer only hides that the server is slow. */
const PATIENCE_MS = 3000;
const LONGEST_ANSWER = 64 * 1024;

/** Asks the running server of these settings whether it is ready: the health check of the image. */
export const health: LocalCommand = {
  kind: 'local',
  name: 'health',
  summary: 'Ask the running server whether it is ready; exit 1 if it is not, 5 if nothing answers',
  usage: '',
  args: { min: 0, max: 0 },
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
  args: readonly string[],
  environment: Record<string, string | undefined>,
  print: (text: string) => void,
): Promise<Result> {
  const commands = [health];
  try {
    const { input, isJson, isHelp } = parseArguments(commands, args);
    const { name, usage } = health;
    if (isHelp) return toResult({ data: { name, usage }, text: commandHelp(health) }, isJson);
    return toResult(await health.run({ commands, environment, readStdin, print }, input), isJson);
  } catch (error) {
    return failed(error, args.includes('--json'));
  }
}

async function askReady(config: Config): Promise<Output> {
  const { url, status, body } = await askServer(config);
  const isReady = status === 200 && isOk(body);
  const text = isReady ? `Ready: ${url}` : `Not ready: ${url} answered ${status}. Its log says why.`;
  return { data: { ready: isReady, url, status }, text, isFailure: !isReady };
}

/**
 * By plain http, which every server speaks but that of `dev --https`. That one hangs up, and is asked by https: it is believed by
 * the CA in its data folder alone.
 */
async function askServer(config: Config): Promise<Answer> {
  const place = `${probeHost(config)}:${config.port}/health/ready`;
  try {
    return await asked(get, `http://${place}`);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const answer = error.code === 'ECONNRESET' ? await answerByHttps(config, `https://${place}`) : undefined;
    if (answer) return answer;
    throw new Failure(
      'noConnection',
      `Nothing answers at http://${place} (${error.code}). Start the server, or set SIGNET_HOST and SIGNET_PORT as it has them.`,
    );
  }
}

/** Undefined when this data folder has no CA, or what is there speaks no TLS. */
async function answerByHttps({ dataDir }: Config, url: string): Promise<Answer | undefined> {
  const { readAuthority } = await import('../server/https.ts');
  const ca = readAuthority(dataDir);
  if (!ca) return undefined;
  const { get: getByHttps } = await import('node:https');
  try {
    return await asked(getByHttps, url, { ca: ca.pem });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    if (!error.isDistrusted) return undefined;
    throw new Failure(
      'failed',
      `Not ready: ${url} shows no certificate that ${ca.path} vouches for (${error.code}). Set SIGNET_DATA_DIR as the server has it.`,
    );
  }
}

/** An address to listen on everywhere is none to connect to. */
function probeHost({ host }: Config): string {
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

interface Answer {
  readonly url: string;
  readonly status: number;
  readonly body: string;
}

class NoAnswer extends Error {
  readonly code: string;
  /** It speaks TLS, and its certificate is not believed. */
  readonly isDistrusted: boolean;

  constructor({ code, message }: NodeJS.ErrnoException, isDistrusted: boolean) {
    super(message);
    this.code = code ?? message;
    this.isDistrusted = isDistrusted;
  }
}

/** By node:http, which is there already: `fetch` would take longer to load than to ask. */
function asked(ask: typeof get, url: string, trust: Pick<RequestOptions, 'ca'> = {}): Promise<Answer> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) =>
      reject(
        signal.aborted
          ? new Failure('failed', `Not ready: ${url} did not answer in ${PATIENCE_MS} ms. Its log says why.`)
          : new NoAnswer(error, Boolean((request.socket as TLSSocket | null)?.authorizationError)),
      );
    const request = ask(url, { agent: false, signal, ...trust }, (response) => {
      let body = '';
      response.setEncoding('utf8').once('error', refuse);
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length < LONGEST_ANSWER) return;
        // Whatever this is, it is not Signet, and may never end.
        answer();
        request.destroy();
      });
      const answer = () => resolve({ url, status: response.statusCode as number, body });
      response.once('end', answer);
    });
    request.once('error', refuse);
  });
}
