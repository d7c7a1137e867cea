import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Failure } from '../errors.ts';
import type { Metrics } from './metrics.ts';

/**
 * Serves `GET /metrics` on its own port, for the operator's network only; the public port does not have the path. Returns a function that
 * stops it. Failure: the port is in use, or the address is not local.
 */
export function serveMetrics(metrics: Metrics, address: { host: string; port: number }): Promise<() => Promise<void>> {
  const server = createServer((request, response) => void answer(metrics, request, response));
  // Limits how long an idle connection can occupy the server.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : String(error.code);
      const text = `Metrics cannot be served on ${address.host}:${address.port}: ${reason}. Set SIGNET_METRICS_PORT (and SIGNET_METRICS_HOST) to a free port of this machine.`;
      reject(new Failure('conflict', text));
    });
    server.listen(address.port, address.host, () =>
      resolve(async () => {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }),
    );
  });
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, type: string, text: string, headers: Record<string, string> = {}) =>
    response
      .writeHead(status, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...headers,
      })
      .end(request.method === 'HEAD' ? undefined : text);
  const plain = 'text/plain; charset=utf-8';
  if (request.url?.split('?')[0] !== '/metrics') return void send(404, plain, 'There is only /metrics here.\n');
  // RFC 9110 §15.5.6
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return void send(405, plain, 'It takes GET.\n', { allow: 'GET, HEAD' });
  try {
    const { type, text } = await metrics.page();
    send(200, type, text);
  } catch {
    send(500, plain, 'The metrics could not be collected.\n');
  }
}
