import type { Server as HttpServer } from 'node:http';
import { Server } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** How long kept-alive connections are listened to after the last was taken: a request on its way is answered, and told to close. */
const FAREWELL_MS = 500;
const LOOK_EVERY_MS = 20;

/**
 * Closing without dropping anybody. New connections are refused at once; every answer from then on says `Connection: close`, so
 * that no client sends another request into a socket that is about to go; connections that stay idle are closed after a while.
 * Node's own `server.close` ends idle connections first of all, and with them the requests that are in them already.
 */
export function drainOnClose(app: FastifyInstance): void {
  let isClosing = false;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (isClosing) void reply.header('connection', 'close');
    done();
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    if (!app.server.listening) return;
    // The close of net, which ends no connection; that of http follows when this hook is done.
    Server.prototype.close.call(app.server);
    for (let waited = 0; waited < FAREWELL_MS && (await connectionsOf(app.server)) > 0; waited += LOOK_EVERY_MS)
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  });
}

function connectionsOf(server: HttpServer): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}
