import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Type } from 'typebox';
import { networkOf } from '../../identity/index.ts';
import {
  type App,
  acceptedWeight,
  Problem,
  type Reply,
  type Request,
  sendDocument,
  takesGzip,
  tryLater,
  unchanged,
} from '../../platform/http/index.ts';
import { type PublicDocument, publicDocument } from '../../platform/public-document.ts';
import { LIST_TTL_SECONDS, type StatusEvent, type StatusLists } from './lists.ts';
import { statusListUri } from './place.ts';

const TYPE = 'application/statuslist+jwt';
const compress = promisify(gzip);
const tags = ['documents'];
const config = { anyOrigin: true } as const;
const byAnybody = [] as Record<string, string[]>[];

/** A comment that keeps a stream from being taken for dead. */
const HEARTBEAT_MS = 15_000;

/** Open streams: of one network (an IPv4 address or an IPv6 /64), and of all. */
const STREAMS = { network: 50, all: 2000 };

/** Who does not read is let go: the signed list is the truth, and a reader comes again with what it saw last. */
const UNREAD_BYTES = 512 * 1024;

const aggregation = Type.Object(
  { status_lists: Type.Array(Type.String({ format: 'uri' })) },
  { title: 'StatusLists', additionalProperties: false },
);
const list = Type.String({ pattern: '^[1-9][0-9]{0,6}$', description: 'Number of the list.' });

/** Token Status List (draft-ietf-oauth-status-list-21) and its event stream. */
export function statusRoutes(app: App, lists: StatusLists, issuer: string): void {
  app.get(
    '/status-lists',
    {
      schema: {
        operationId: 'getStatusLists',
        summary: 'Every status list (draft-ietf-oauth-status-list §9.3)',
        tags,
        security: byAnybody,
        response: { 200: aggregation },
        problems: [],
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${LIST_TTL_SECONDS}`);
      return { status_lists: lists.numbers().map((number) => statusListUri(issuer, number)) };
    },
  );

  // Once for each, however many ask at once. By another thread: a list in which everything has moved takes ten milliseconds.
  const zipped = new WeakMap<PublicDocument, Promise<PublicDocument>>();
  const zip = async ({ body }: PublicDocument) => publicDocument(await compress(body));
  app.get(
    '/status-lists/:list',
    {
      config,
      schema: {
        operationId: 'getStatusList',
        summary: 'A status list: two bits for each index; 0 valid, 1 revoked, 2 suspended, 3 superseded',
        description:
          'Keep it for its `ttl`. 2: something that the token says was taken away, a refresh gives another. 3: something was added.',
        tags,
        security: byAnybody,
        params: Type.Object({ list }),
        querystring: Type.Object({ time: Type.Optional(Type.String()) }, { additionalProperties: false }),
        response: {
          200: { description: 'The list, signed.', content: { [TYPE]: { schema: Type.String() } } },
          ...unchanged,
        },
        problems: ['not_found', 'not_acceptable', 'not_implemented', 'unavailable', 'invalid'],
      },
    },
    async (request, reply) => {
      reply.header('vary', 'Accept, Accept-Encoding');
      // §8.4: history is not kept.
      if (request.query.time !== undefined)
        throw new Problem('not_implemented', { detail: 'Lists of the past are not kept.' });
      if (acceptedWeight(request.headers.accept, TYPE) === 0)
        throw new Problem('not_acceptable', { detail: `It comes as ${TYPE}.` });
      const document = await lists.document(Number(request.params.list));
      if (document === 'blind') throw tryLater('unavailable', 2, 'the database was not read for too long');
      if (!document) throw new Problem('not_found');
      const cacheControl = `public, max-age=${LIST_TTL_SECONDS}`;
      if (!takesGzip(request.headers['accept-encoding']))
        return sendDocument(request, reply, document, TYPE, cacheControl);
      const small = zipped.get(document) ?? zip(document);
      zipped.set(document, small);
      small.catch(() => zipped.delete(document));
      reply.header('content-encoding', 'gzip');
      return sendDocument(request, reply, await small, TYPE, cacheControl);
    },
  );

  const streams = createStreams(app, lists);
  const schema = (operationId: string, summary: string) => ({
    operationId,
    summary,
    description:
      'Server-sent events: `{list, version, changes: [[idx, status], …]}`; `Last-Event-ID` resumes, at any process. A hint: the signed list is the truth.',
    tags,
    security: byAnybody,
    response: { 200: { description: 'A stream.', content: { 'text/event-stream': { schema: Type.String() } } } },
    problems: ['busy'] as const,
  });
  app.get(
    '/status-lists/events',
    { config, schema: schema('followStatusLists', 'Every change of every list, as it happens') },
    async (request, reply) => {
      streams.open(request, reply, null);
      return reply as never;
    },
  );
  app.get(
    '/status-lists/:list/events',
    {
      config,
      schema: {
        ...schema('followStatusList', 'Every change of one list, as it happens'),
        params: Type.Object({ list }),
      },
    },
    async (request, reply) => {
      streams.open(request, reply, Number(request.params.list));
      return reply as never;
    },
  );
}

function createStreams(app: App, lists: StatusLists) {
  // Written down once, however many read it.
  const texts = new WeakMap<StatusEvent, string>();
  const textOf = (event: StatusEvent) => {
    const text = texts.get(event) ?? `id: ${event.version}\ndata: ${JSON.stringify(event)}\n\n`;
    texts.set(event, text);
    return text;
  };
  const open = new Set<Reply>();
  const byNetwork = new Map<string, number>();
  const heartbeat = setInterval(() => {
    for (const reply of open) reply.raw.write(': \n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();
  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const reply of open) reply.raw.end();
  });

  return {
    open(request: Request, reply: Reply, only: number | null): void {
      const network = networkOf(request.ip);
      const ofNetwork = byNetwork.get(network) ?? 0;
      if (open.size >= STREAMS.all || ofNetwork >= STREAMS.network) throw tryLater('busy', 5, 'too many streams');
      // RFC 9110 §9.3.2: what it would say, without saying it.
      if (request.method === 'HEAD') return void reply.type('text/event-stream').send('');
      const last = /^\d{1,15}$/.exec(String(request.headers['last-event-id'] ?? ''))?.[0];
      byNetwork.set(network, ofNetwork + 1);
      open.add(reply);
      reply.hijack();
      const { raw } = reply;
      for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value as string);
      // Else nginx keeps it back until a buffer is full.
      raw.setHeader('x-accel-buffering', 'no');
      // Whoever comes again comes by a connection of its own, so that the end of the stream is the end of this one.
      raw.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' });
      raw.write('retry: 1000\n\n');
      const told = (event: StatusEvent) => {
        if (only !== null && event.list !== only) return;
        raw.write(textOf(event));
        if (raw.writableLength > UNREAD_BYTES) raw.destroy();
      };
      raw.once('close', () => {
        stop();
        open.delete(reply);
        const left = (byNetwork.get(network) ?? 1) - 1;
        if (left > 0) byNetwork.set(network, left);
        else byNetwork.delete(network);
      });
      const stop = lists.follow(last === undefined ? null : Number(last), told);
    },
  };
}
