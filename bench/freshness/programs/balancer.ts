import { connect, createServer, type Socket } from 'node:net';
import { answerCalls, tell } from '../child.ts';
import { monotonicMs } from '../clock.ts';

// What stands before the servers: connections are spread over them, a server that does not take one is passed over. Every verifier has
// a port of its own here, so that its event stream can be cut, or silenced, and no other. It reads nothing but the first line.

const { fronts, servers } = JSON.parse(process.argv[2] as string) as { fronts: number[]; servers: number[] };

interface Stream {
  readonly client: Socket;
  readonly server: Socket;
  /** Which of the servers that is. */
  readonly to: number;
}

const streams = new Map<number, Stream>();
/** Which server the stream of each front goes to, as long as it takes connections. */
const preferred = fronts.map((_, n) => n % servers.length);
let turn = 0;

for (const [front, port] of fronts.entries())
  createServer((client) => {
    client.setNoDelay(true);
    client.on('error', () => client.destroy());
    client.once('data', (first) => {
      client.pause();
      const isStream = first.subarray(0, 24).toString('latin1') === 'GET /status-lists/events';
      forward(client, first, front, isStream, isStream ? (preferred[front] as number) : turn++ % servers.length);
    });
  }).listen(port, '127.0.0.1');

/** Tries every server once, beginning with `to`. */
function forward(client: Socket, first: Buffer, front: number, isStream: boolean, to: number, tried = 0): void {
  if (client.destroyed) return;
  if (tried === servers.length) return void client.destroy();
  const server = connect(servers[to] as number, '127.0.0.1');
  server.setNoDelay(true);
  const next = () => forward(client, first, front, isStream, (to + 1) % servers.length, tried + 1);
  server.once('error', next);
  server.once('connect', () => {
    server.off('error', next);
    server.on('error', () => server.destroy());
    server.once('close', () => client.destroy());
    client.once('close', () => server.destroy());
    if (isStream) follow({ client, server, to }, front);
    server.write(first);
    client.pipe(server);
    server.pipe(client);
  });
}

function follow(stream: Stream, front: number): void {
  stream.server.once('data', () => {
    streams.set(front, stream);
    tell('up', { front, server: stream.to, atMs: monotonicMs() });
  });
  stream.server.once('close', () => {
    if (streams.get(front) !== stream) return;
    streams.delete(front);
    tell('down', { front, server: stream.to, atMs: monotonicMs() });
  });
}

answerCalls({
  /** Ends a stream; the one that follows goes to another server. */
  cut(which: number[]) {
    for (const front of which) {
      const stream = streams.get(front);
      if (!stream) continue;
      preferred[front] = (stream.to + 1) % servers.length;
      stream.client.destroy();
      stream.server.destroy();
    }
  },
  /** Nothing comes through a stream any more, and nobody is told. */
  silence(which: number[]) {
    for (const front of which) {
      const stream = streams.get(front);
      stream?.server.unpipe(stream.client);
      stream?.server.pause();
    }
  },
});
