import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { domainErrors } from '../errors.ts';
import type { Metrics } from './metrics.ts';

/** The refusals of this room, with what a message about each names. */
export interface TelemetryErrors {
  /** `reason`: the code of the system. */
  readonly metrics_address_unavailable: { readonly host: string; readonly port: number; readonly reason: string };
}

const telemetryError = domainErrors<TelemetryErrors>();

/**
 * Serves `GET /metrics` on its own port, for the operator's network only; the public port does not have the path. Returns a function that
 * stops it. Throws `metrics_address_unavailable`: the port is in use, or the address is not local.
 */
export function serveMetrics(metrics: Metrics, address: { host: string; port: number }): Promise<() => Promise<void>> {
  const server = createServer((request, response) => void answer(metrics, request, response));
  // Limits how long an idle connection can occupy the server.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(telemetryError('metrics_address_unavailable', { ...address, reason: String(error.code) })),
    );
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
  if (request.url?.split('?')[0] !== '/metrics')
    return void send(404, plain, 'Not found. The metrics are at /metrics.\n');
  // RFC 9110 §15.5.6
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return void send(405, plain, 'Method not allowed. Use GET.\n', { allow: 'GET, HEAD' });
  try {
    const { type, text } = await metrics.page();
    send(200, type, text);
  } catch {
    send(500, plain, 'The metrics could not be collected.\n');
  }
}
