import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';
import type { FastifyReply } from 'fastify';
import { tryLater } from './problems.ts';
import type { App } from './server.ts';

/** How long kept-alive connections are served after the last one was accepted: a request in transit gets a response with `Connection: close`. */
const DRAIN_MS = 500;
const CHECK_INTERVAL_MS = 20;
/** How long after its deadline a response may be ended. */
const DEADLINE_CHECK_MS = 250;

/**
 * Sends 503 for every response that is not ready within `milliseconds` of its request. (Fastify's `handlerTimeout` ends with the last byte
 * of a body, so it never covers a POST.)
 *
 * Closing drops no request: new connections are refused at once; every response from then on has `Connection: close`, so that no client
 * sends another request on a socket that is about to close; connections that stay idle are closed after a while. Node's `server.close`
 * closes idle connections first, and with them requests that have already arrived.
 */
export function watchResponses(app: App, milliseconds: number): void {
  /** The deadline of each response by `performance.now()`. All have the same time limit, so the first in is the first due. */
  const due = new Map<FastifyReply, number>();
  let isClosing = false;
  let isWatching = false;
  const watch = () => {
    isWatching = true;
    setTimeout(check, DEADLINE_CHECK_MS).unref();
  };
  const check = () => {
    isWatching = false;
    const now = performance.now();
    for (const [reply, deadline] of due) {
      if (deadline > now) break;
      due.delete(reply);
      if (!reply.sent && !reply.raw.destroyed)
        void reply.send(tryLater('unavailable', 2, `not answered in ${milliseconds} ms`));
    }
    if (due.size > 0) watch();
  };
  app.addHook('onRequest', (_request, reply, done) => {
    due.set(reply, performance.now() + milliseconds);
    if (!isWatching) watch();
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    due.delete(reply);
    if (isClosing) void reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    if (!app.server.listening) return;
    // net's close, which ends no connection; http's follows after this hook.
    Server.prototype.close.call(app.server);
    for (
      let waitedMs = 0;
      waitedMs < DRAIN_MS && (await countConnections(app.server)) > 0;
      waitedMs += CHECK_INTERVAL_MS
    )
      await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL_MS));
  });
}

function countConnections(server: HttpServer): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}
