import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Type } from 'typebox';
import { type PublicDocument, publicDocument } from '../../platform/digest.ts';
import {
  type App,
  acceptedWeight,
  notModified,
  Problem,
  sendDocument,
  takesGzip,
  tryLater,
} from '../../platform/http/index.ts';
import { statusListError } from '../errors.ts';
import { LIST_TTL_SECONDS } from './list-signer.ts';
import type { StatusLists } from './lists.ts';
import { statusListUri } from './status-index.ts';
import { createStreams, type StreamClient } from './streams.ts';

const TYPE = 'application/statuslist+jwt';
const compress = promisify(gzip);
const tags = ['documents'];
const config = { anyOrigin: true } as const;
const publicAccess = [] as Record<string, string[]>[];

const aggregation = Type.Object(
  { status_lists: Type.Array(Type.String({ format: 'uri' })) },
  { title: 'StatusLists', additionalProperties: false },
);
const list = Type.String({ pattern: '^[1-9][0-9]{0,6}$', description: 'Number of the list.' });

/**
 * Token Status List (draft-ietf-oauth-status-list-21) and its event stream. `streamClient`: port, returns the client
 * that a stream is for.
 */
export function statusRoutes(app: App, lists: StatusLists, issuer: string, streamClient: StreamClient): void {
  aggregationRoute(app, lists, issuer);
  listRoute(app, lists);
  eventRoutes(app, lists, streamClient);
}

function aggregationRoute(app: App, lists: StatusLists, issuer: string): void {
  app.get(
    '/status-lists',
    {
      schema: {
        operationId: 'getStatusLists',
        summary: 'Every status list (draft-ietf-oauth-status-list §9.3)',
        tags,
        security: publicAccess,
        response: { 200: aggregation },
        problems: [],
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${LIST_TTL_SECONDS}`);
      return { status_lists: lists.numbers().map((number) => statusListUri(issuer, number)) };
    },
  );
}

function listRoute(app: App, lists: StatusLists): void {
  // Compressed once for each document, however many requests wait for it, and in another thread: a list in which every
  // index has changed takes ten milliseconds.
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
        security: publicAccess,
        params: Type.Object({ list }),
        querystring: Type.Object({ time: Type.Optional(Type.String()) }, { additionalProperties: false }),
        response: {
          200: { description: 'The list, signed.', content: { [TYPE]: { schema: Type.String() } } },
          ...notModified,
        },
        problems: ['not_found', 'not_acceptable', 'not_implemented', 'unavailable', 'invalid'],
      },
    },
    async (request, reply) => {
      reply.header('vary', 'Accept, Accept-Encoding');
      // §8.4: past lists are not kept.
      if (request.query.time !== undefined)
        throw new Problem('not_implemented', { detail: statusListError('status_list_past') });
      if (acceptedWeight(request.headers.accept, TYPE) === 0)
        throw new Problem('not_acceptable', { detail: statusListError('status_list_type', { type: TYPE }) });
      const document = await lists.document(Number(request.params.list));
      if (document === 'unavailable') throw tryLater('unavailable', 2, 'the database was not read for too long');
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
}

function eventRoutes(app: App, lists: StatusLists, streamClient: StreamClient): void {
  const streams = createStreams(app, lists, streamClient);
  const schema = (operationId: string, summary: string) => ({
    operationId,
    summary,
    description:
      'Server-sent events: `{list, version, changes: [[idx, status], …]}`; `Last-Event-ID` resumes, at any process. A hint: the signed list is the truth. Streams are shared fairly: a client that authenticates (Basic, or an access token of its own) has a share that nobody else can take.',
    tags,
    security: [{}, { client: [] }, { bearer: [] }] as Record<string, string[]>[],
    response: { 200: { description: 'A stream.', content: { 'text/event-stream': { schema: Type.String() } } } },
    problems: ['busy', 'unavailable'] as const,
  });
  app.get(
    '/status-lists/events',
    { config, schema: schema('followStatusLists', 'Every change of every list, as it happens') },
    async (request, reply) => {
      await streams.open(request, reply, null);
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
      await streams.open(request, reply, Number(request.params.list));
      return reply as never;
    },
  );
}
