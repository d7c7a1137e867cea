import { get } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { type Config, readConfig } from '../../platform/config/index.ts';
import { Failure } from '../../platform/errors.ts';
import type { Output, RunLocally } from '../command.ts';

/** A supervisor probes again soon: a longer wait would only hide that the server is slow. */
const TIMEOUT_MS = 3000;
const MAX_RESPONSE_LENGTH = 64 * 1024;

/**
 * Asks the running server of these settings whether it is ready: the health check of the image. A supervisor runs it every few seconds, so
 * it loads neither the database nor the server.
 */
export const health: RunLocally = async ({ environment }) => {
  const isProduction = environment['DATABASE_URL'] || environment['DATABASE_URL_FILE'];
  return checkReady(readConfig(isProduction ? 'production' : 'development', environment));
};

async function checkReady(config: Config): Promise<Output> {
  const { url, status, body } = await requestReadiness(config);
  const isReady = status === 200 && isOk(body);
  const text = isReady ? `Ready: ${url}` : `Not ready: ${url} answered ${status}. See the log of the server.`;
  return { data: { ready: isReady, url, status }, text, isFailure: !isReady };
}

/**
 * Uses plain http, which every server speaks except `dev --https`. That one closes the connection, and is asked by https with the CA of its
 * data folder only.
 */
async function requestReadiness(config: Config): Promise<ReadinessResponse> {
  const address = `${probeHost(config)}:${config.port}/health/ready`;
  try {
    return await sendRequest(get, `http://${address}`);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const finish = error.code === 'ECONNRESET' ? await requestByHttps(config, `https://${address}`) : undefined;
    if (finish) return finish;
    throw new Failure(
      'noConnection',
      `There is no answer at http://${address} (${error.code}). Start the server, or set SIGNET_HOST and SIGNET_PORT to its values.`,
    );
  }
}

/** Returns undefined if this data folder has no CA, or the port does not speak TLS. */
async function requestByHttps({ dataDir }: Config, url: string): Promise<ReadinessResponse | undefined> {
  const { readAuthority } = await import('../../server/https.ts');
  const ca = readAuthority(dataDir);
  if (!ca) return undefined;
  const { get: getByHttps } = await import('node:https');
  try {
    return await sendRequest(getByHttps, url, { ca: ca.pem });
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    if (!error.isUntrusted) return undefined;
    throw new Failure(
      'failed',
      `Not ready: the certificate of ${url} is not signed by ${ca.path} (${error.code}). Set SIGNET_DATA_DIR to the data folder of the server.`,
    );
  }
}

/** A wildcard address to listen on is not one to connect to. */
function probeHost({ host }: Config): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** Another program on this port may return 200 for everything. */
function isOk(body: string): boolean {
  try {
    return (JSON.parse(body) as { status?: unknown } | null)?.status === 'ok';
  } catch {
    return false;
  }
}

interface ReadinessResponse {
  readonly url: string;
  readonly status: number;
  readonly body: string;
}

class ConnectionError extends Error {
  readonly code: string;
  /** The server speaks TLS, and its certificate is not trusted. */
  readonly isUntrusted: boolean;

  constructor({ code, message }: NodeJS.ErrnoException, isUntrusted: boolean) {
    super(message);
    this.code = code ?? message;
    this.isUntrusted = isUntrusted;
  }
}

/** Uses node:http, which is loaded already: loading `fetch` would take longer than the request. */
function sendRequest(
  send: typeof get,
  url: string,
  trust: Pick<RequestOptions, 'ca'> = {},
): Promise<ReadinessResponse> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(
        signal.aborted
          ? new Failure('failed', `Not ready: ${url} did not answer in ${TIMEOUT_MS} ms. See the log of the server.`)
          : new ConnectionError(error, Boolean((request.socket as TLSSocket | null)?.authorizationError)),
      );
    const request = send(url, { agent: false, signal, ...trust }, (response) => {
      let body = '';
      response.setEncoding('utf8').once('error', fail);
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length < MAX_RESPONSE_LENGTH) return;
        // This is not Signet, and its response may never end.
        finish();
        request.destroy();
      });
      const finish = () => resolve({ url, status: response.statusCode as number, body });
      response.once('end', finish);
    });
    request.once('error', fail);
  });
}
