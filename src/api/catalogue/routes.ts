import { Type } from 'typebox';
import type { CachedCatalogue, CatalogueCache } from '../../permissions/index.ts';
import type { PublicDocument } from '../../platform/digest.ts';
import {
  type App,
  notModified,
  Problem,
  prefersNamed,
  type Reply,
  type Request,
  sendDocument,
} from '../../platform/http/index.ts';
import { quote } from '../../platform/text.ts';
import { type SignedCatalogue, signCatalogue } from '../../tokens/index.ts';
import { admitted, type CallerDeps, callerChallenge, documentCaller } from '../authentication.ts';
import { audience, closed, reading } from '../schemas.ts';
import { type Publishing, publisherName, publishFor } from './publish.ts';
import { catalogue, publication, published } from './schemas.ts';

export interface CatalogueDeps extends CallerDeps {
  readonly catalogues: CatalogueCache;
}

type Served = CachedCatalogue & { readonly json: PublicDocument };

const tags = ['permissions'];

/** A verifier that meets a version it does not know asks again, and should not be given what somebody kept. */
const MAX_AGE_SECONDS = 60;

/** `/.well-known/permissions`: bytes that were made when somebody asked first, after the catalogue last changed. */
export function catalogueDocumentRoute(app: App, deps: CatalogueDeps): void {
  const { catalogues, keys, issuer, clock } = deps;
  // With the bytes that it is of, it goes.
  const signed = new WeakMap<CachedCatalogue, SignedCatalogue>();

  const send = (request: Request, reply: Reply, known: Served) => {
    const cacheControl = `${known.isPublic ? 'public' : 'private'}, max-age=${MAX_AGE_SECONDS}`;
    reply.header('vary', known.isPublic ? 'Accept' : 'Accept, Authorization');
    if (!prefersNamed(request.headers.accept, 'application/jwt', 'application/json'))
      return sendDocument(request, reply, known.json, 'application/json', cacheControl);
    const jwt = signCatalogue(keys, issuer, known, clock.now(), signed.get(known));
    signed.set(known, jwt);
    return sendDocument(request, reply, jwt.document, 'application/jwt', cacheControl);
  };

  app.get(
    '/.well-known/permissions',
    {
      config: { anyOrigin: true },
      schema: {
        operationId: 'getCatalogue',
        summary: "An API's permissions: what its tokens are read with",
        description:
          'Public, or for authenticated callers, as the API is set: any client by Basic, anybody by an access token. With `Accept: application/jwt` signed, as `permissions+jwt`.',
        tags: ['documents'],
        security: [{}, { client: [] }, { bearer: [] }],
        querystring: closed({
          audience,
          version: Type.Optional(
            Type.String({ pattern: '^(0|[1-9][0-9]{0,8})$', description: 'An older version; absent: as it is now.' }),
          ),
        }),
        response: {
          200: {
            description: 'The catalogue.',
            content: { 'application/json': { schema: catalogue }, 'application/jwt': { schema: Type.String() } },
          },
          ...notModified,
        },
        problems: ['unauthenticated', 'invalid_token', 'unknown_audience', 'not_found', ...reading],
      },
    },
    async (request, reply) => {
      const { audience: asked, version: text } = request.query;
      const version = text === undefined ? undefined : Number(text);
      const known = catalogues.ready(asked, version) ?? (await catalogues.find(asked, version));
      if (!known)
        throw new Problem('unknown_audience', { detail: `There is no API with the audience ${quote(asked)}.` });
      // Who may not read a catalogue is not told either which versions it had.
      if (!known.isPublic) {
        reply.removeHeader('access-control-allow-origin');
        if (!(await documentCaller(deps, request))) throw new Problem('unauthenticated', { headers: callerChallenge });
      }
      if (!known.json) throw new Problem('not_found', { detail: `This catalogue never had the version ${text}.` });
      return send(request, reply, known as Served);
    },
  );
}

/** Bytes: 10,000 permissions with labels. */
const BODY_LIMIT = 2 * 1024 * 1024;

/** Publishing, for the service account of who serves the API. Takes nothing from the cookie. */
export function publishingRoutes(app: App, deps: CatalogueDeps): void {
  const publishers = new WeakMap<Request['raw'], Publishing['publisher']>();
  app.put(
    '/api/v1/apis/:audience/catalogue',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        operationId: 'publishCatalogue',
        summary: "Publish an API's permissions",
        description:
          'For a service account that serves the API and holds `oauth.change_api`, with an access token for Signet itself (`audience` = the issuer). What is new is added; what is not named stays, unless `prune` is set. The body takes 2 MiB.',
        tags,
        security: [{ bearer: [] }],
        params: closed({ audience }),
        body: published,
        response: { 200: publication },
        problems: [
          ...(['unauthenticated', 'invalid_token', 'permission_denied', 'unknown_audience', 'conflict'] as const),
          ...(['cross_origin', ...reading] as const),
        ],
      },
      // Before the body is read: nobody else is to make this process read two megabytes.
      onRequest: async (request) => {
        if (request.headers.authorization === undefined)
          throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
        publishers.set(request.raw, publisherName(await admitted(deps, request)));
      },
    },
    async (request) => {
      const publisher = publishers.get(request.raw) as Publishing['publisher'];
      const { apps, prune = false, dry_run: isRehearsal = false } = request.body;
      const { audience: asked } = request.params;
      const audit = {
        at: deps.clock.now(),
        actor: { kind: 'client', id: publisher.id, label: publisher.clientId },
        requestId: request.id,
      } as const;
      const done = await publishFor(deps, audit, { publisher, audience: asked, apps, prune, isRehearsal });
      // Who asks here next reads what was written; other processes hear of it.
      if (!isRehearsal) deps.catalogues.drop();
      const { holders, ...rest } = done;
      return {
        ...rest,
        dry_run: isRehearsal,
        holders_count: holders.length,
        holders: holders.slice(0, 50),
      };
    },
  );
}
