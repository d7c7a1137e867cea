import { createFairShares, type ShareLimits, type ShareOwner } from '../../platform/concurrency.ts';
import { type App, type Reply, type Request, tryLater } from '../../platform/http/index.ts';
import { clientSite } from '../../signin/index.ts';
import type { StatusEvent } from './change-feed.ts';
import type { StatusLists } from './lists.ts';

/** A comment that keeps a stream from being taken for dead. */
const HEARTBEAT_MS = 15_000;

/** Open streams: of one client or network, of all clients or all networks, and of all. 500 are kept for either kind. */
const STREAMS = { owner: 50, kind: 1500, all: 2000 };

/** Who does not read is let go: the signed list is the truth, and a reader comes again with what it saw last. */
const MAX_BUFFERED_BYTES = 512 * 1024;

/** Who asks, where it authenticates as a client; null for everybody else. */
export type StreamClient = (request: Request) => Promise<string | null>;

export interface Streams {
  /** Opens a stream of all lists, or of `only` one. */
  open(request: Request, reply: Reply, only: number | null): Promise<void>;
}

export function createStreams(
  app: App,
  lists: Pick<StatusLists, 'follow'>,
  streamClient: StreamClient,
  limits: ShareLimits = STREAMS,
): Streams {
  // Written down once, however many read it.
  const texts = new WeakMap<StatusEvent, string>();
  const eventText = (event: StatusEvent) => {
    const text = texts.get(event) ?? `id: ${event.version}\ndata: ${JSON.stringify(event)}\n\n`;
    texts.set(event, text);
    return text;
  };
  const open = new Set<Reply>();
  const shares = createFairShares<Reply>(limits);
  const heartbeat = setInterval(() => {
    for (const reply of open) reply.raw.write(': \n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();
  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const reply of open) reply.raw.end();
  });

  const shareOwner = async (request: Request): Promise<ShareOwner> => {
    const client = await streamClient(request);
    if (client !== null) return { kind: 'client', name: client };
    return { kind: 'network', name: clientSite(request.ip) };
  };

  /** The bytes of one stream, until either side ends it. */
  const stream = (request: Request, reply: Reply, only: number | null, ended: () => void) => {
    const last = /^\d{1,15}$/.exec(String(request.headers['last-event-id'] ?? ''))?.[0];
    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value as string);
    raw.setHeader('access-control-allow-origin', '*');
    // Else nginx keeps it back until a buffer is full.
    raw.setHeader('x-accel-buffering', 'no');
    // Whoever comes again comes by a connection of its own, so that the end of the stream is the end of this one.
    raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' });
    raw.write('retry: 1000\n\n');
    const stop = lists.follow(last === undefined ? null : Number(last), (event: StatusEvent) => {
      if (only !== null && event.list !== only) return;
      raw.write(eventText(event));
      if (raw.writableLength > MAX_BUFFERED_BYTES) raw.destroy();
    });
    const end = () => {
      stop();
      ended();
    };
    // While it was found out who asks, the connection may have gone.
    if (raw.destroyed) end();
    else raw.once('close', end);
  };

  return {
    async open(request, reply, only) {
      const owner = await shareOwner(request);
      // RFC 9110 §9.3.2: what it would say, without saying it.
      if (request.method === 'HEAD') return void reply.type('text/event-stream').send('');
      const { isTaken, evicted } = shares.take(owner, reply);
      if (!isTaken) throw tryLater('busy', 5, 'too many streams');
      // Not ended in good order: who does not read would keep it.
      evicted?.raw.destroy();
      open.add(reply);
      stream(request, reply, only, () => {
        open.delete(reply);
        shares.release(owner, reply);
      });
    },
  };
}
