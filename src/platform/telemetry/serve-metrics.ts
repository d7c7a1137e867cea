import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Failure } from '../errors.ts';
import type { Metrics } from './metrics.ts';

/**
 * Serves `GET /metrics` on a port of its own, for the operator's network alone: what Signet counts is nobody else's business,
 * and the public port does not know the path. Answers how to stop it. Failure: the port is in use, or not of this machine.
 */
export function serveMetrics(metrics: Metrics, place: { host: string; port: number }): Promise<() => Promise<void>> {
  const server = createServer((request, response) => void answer(metrics, request, response));
  // Whoever opens connections here and sends nothing holds them for seconds, not minutes.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : String(error.code);
      const text = `Metrics cannot be served on ${place.host}:${place.port}: ${why}. Set SIGNET_METRICS_PORT (and SIGNET_METRICS_HOST) to a free port of this machine.`;
      reject(new Failure('conflict', text));
    });
    server.listen(place.port, place.host, () =>
      resolve(async () => {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }),
    );
  });
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const say = (status: number, type: string, text: string, headers: Record<string, string> = {}) =>
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
  if (request.url?.split('?')[0] !== '/metrics') return void say(404, plain, 'There is only /metrics here.\n');
  // RFC 9110 §15.5.6
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return void say(405, plain, 'It takes GET.\n', { allow: 'GET, HEAD' });
  try {
    const { type, text } = await metrics.page();
    say(200, type, text);
  } catch {
    say(500, plain, 'The metrics could not be collected.\n');
  }
}
