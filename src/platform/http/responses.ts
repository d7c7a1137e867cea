import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';
import type { FastifyReply } from 'fastify';
import { tryLater } from './problems.ts';
import type { App } from './server.ts';

/** How long kept-alive connections are listened to after the last was taken: a request on its way is answered, and told to close. */
const FAREWELL_MS = 500;
const LOOK_EVERY_MS = 20;
/** How much later than its deadline an answer may be ended. */
const DEADLINE_CHECK_MS = 250;

/**
 * Watches every answer from its request on. One that is not there after `milliseconds` is 503. (Fastify's own `handlerTimeout` ends with the
 * last byte of a body, and so never meets a POST.)
 *
 * Closing drops nobody: new connections are refused at once; every answer from then on says `Connection: close`, so that no client
 * sends another request into a socket that is about to go; connections that stay idle are closed after a while. Node's own
 * `server.close` ends idle connections first of all, and with them the requests that are in them already.
 */
export function watchAnswers(app: App, milliseconds: number): void {
  /** When each answer is due, by `performance.now()`. All wait equally long, so the first in is the first due. */
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
    // The close of net, which ends no connection; that of http follows when this hook is done.
    Server.prototype.close.call(app.server);
    for (let waited = 0; waited < FAREWELL_MS && (await countConnections(app.server)) > 0; waited += LOOK_EVERY_MS)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  });
}

function countConnections(server: HttpServer): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}
