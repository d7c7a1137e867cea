import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import type { PublicDocument } from '../digest.ts';
import type { App } from './server.ts';

interface PublicDocumentRoute {
  readonly type: string;
  readonly maxAgeSeconds: number;
  readonly schema: FastifySchema;
}

/** Serves a document with ETag, 304, max-age and CORS for any origin without credentials. HEAD comes with GET. */
export function servePublic(
  app: App,
  path: string,
  { type, maxAgeSeconds, schema }: PublicDocumentRoute,
  read: () => PublicDocument,
): void {
  const documented = { ...schema, response: { ...(schema.response as object | undefined), ...notModified } };
  app.get(path, { config: { anyOrigin: true }, schema: documented }, async (request, reply) =>
    sendDocument(request, reply, read(), type, `public, max-age=${maxAgeSeconds}`),
  );
}

/** The 304 of `sendDocument`, for a route's schema. */
export const notModified = {
  304: { type: 'null', description: 'Unchanged since the `ETag` of `If-None-Match`.' },
} as const;

/** Sends a document's bytes, or 304 if the client has them. */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: PublicDocument,
  type: string,
  cacheControl: string,
): FastifyReply {
  reply.header('cache-control', cacheControl).header('etag', etag);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type(type).send(body);
}

/** RFC 9110 §13.1.2: weak comparison with any entry of the list. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}
