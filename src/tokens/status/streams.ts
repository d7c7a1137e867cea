import { createFairShares, type ShareLimits, type ShareOwner } from '../../platform/concurrency.ts';
import { type App, type Reply, type Request, tryLater } from '../../platform/http/index.ts';
import { clientSite } from '../../signin/index.ts';
import type { StatusEvent } from './event-history.ts';
import type { StatusLists } from './lists.ts';

/** A comment line that keeps an idle stream open. */
const HEARTBEAT_MS = 15_000;

/** Open streams: per client or network, per kind, and in total. 500 are reserved for either kind. */
const STREAMS = { owner: 50, kind: 1500, all: 2000 };

/**
 * A reader that falls behind is disconnected: the signed list is authoritative, and the reader resumes with its last
 * event.
 */
const MAX_BUFFERED_BYTES = 512 * 1024;

/** Returns the client that makes the request; null when the request is not authenticated. */
export type StreamClient = (request: Request) => Promise<string | null>;

export interface Streams {
  /** Opens a stream of all lists, or of one. */
  open(request: Request, reply: Reply, only: number | null): Promise<void>;
}

export function createStreams(
  app: App,
  lists: Pick<StatusLists, 'follow'>,
  streamClient: StreamClient,
  limits: ShareLimits = STREAMS,
): Streams {
  const eventText = createEventText();
  const openReplies = new Set<Reply>();
  const shares = createFairShares<Reply>(limits);
  const heartbeat = setInterval(() => {
    for (const reply of openReplies) reply.raw.write(': \n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();
  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const reply of openReplies) reply.raw.end();
  });

  /** Writes one stream until either side ends it. */
  const stream = (request: Request, reply: Reply, only: number | null, onEnd: () => void) => {
    const lastEventId = /^\d{1,15}$/.exec(String(request.headers['last-event-id'] ?? ''))?.[0];
    const raw = startStream(reply);
    const stop = lists.follow(lastEventId === undefined ? null : Number(lastEventId), (event: StatusEvent) => {
      if (only !== null && event.list !== only) return;
      raw.write(eventText(event));
      if (raw.writableLength > MAX_BUFFERED_BYTES) raw.destroy();
    });
    const end = () => {
      stop();
      onEnd();
    };
    // The connection may have closed during authentication.
    if (raw.destroyed) end();
    else raw.once('close', end);
  };

  return {
    async open(request, reply, only) {
      const owner = await shareOwner(request, streamClient);
      // RFC 9110 §9.3.2: the headers alone.
      if (request.method === 'HEAD') return void reply.type('text/event-stream').send('');
      const { isTaken, evicted } = shares.take(owner, reply);
      if (!isTaken) throw tryLater('busy', 5, 'too many streams');
      // Destroyed, not ended: a reader that does not read would keep it open.
      evicted?.raw.destroy();
      openReplies.add(reply);
      stream(request, reply, only, () => {
        openReplies.delete(reply);
        shares.release(owner, reply);
      });
    },
  };
}

async function shareOwner(request: Request, streamClient: StreamClient): Promise<ShareOwner> {
  const client = await streamClient(request);
  if (client !== null) return { kind: 'client', name: client };
  return { kind: 'network', name: clientSite(request.ip) };
}

/** Returns the text of an event, serialized once, however many streams send it. */
function createEventText(): (event: StatusEvent) => string {
  const serialized = new WeakMap<StatusEvent, string>();
  return (event) => {
    const text = serialized.get(event) ?? `id: ${event.version}\ndata: ${JSON.stringify(event)}\n\n`;
    serialized.set(event, text);
    return text;
  };
}

/** Sends the headers of a stream and returns its connection. */
function startStream(reply: Reply): Reply['raw'] {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value as string);
  raw.setHeader('access-control-allow-origin', '*');
  // nginx buffers the stream otherwise.
  raw.setHeader('x-accel-buffering', 'no');
  // A reader reconnects on a new connection, so the end of the stream is the end of this one.
  raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' });
  raw.write('retry: 1000\n\n');
  return raw;
}
