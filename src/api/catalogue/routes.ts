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
import { type SignedCatalogue, signCatalogue } from '../../tokens/index.ts';
import { authenticateCaller, authenticateRequest, type CallerDeps, callerChallenge } from '../authentication.ts';
import { refusal } from '../refusals.ts';
import { audience, object, readErrors } from '../schemas.ts';
import { type PublicationRequest, publish, requirePublisher } from './publish.ts';
import { catalogue, publication, published } from './schemas.ts';

export interface CatalogueDeps extends CallerDeps {
  readonly catalogues: CatalogueCache;
}

type ServedCatalogue = CachedCatalogue & { readonly json: PublicDocument };

const tags = ['permissions'];

/** A verifier that meets an unknown version asks again, and should not get a cached response. */
const MAX_AGE_SECONDS = 60;

/** `/.well-known/permissions`: encoded at the first request after a change of the catalogue. */
export function catalogueDocumentRoute(app: App, deps: CatalogueDeps): void {
  const { catalogues, keys, issuer, clock } = deps;
  // Collected together with its catalogue.
  const signed = new WeakMap<CachedCatalogue, SignedCatalogue>();

  const send = (request: Request, reply: Reply, catalogue: ServedCatalogue) => {
    const cacheControl = `${catalogue.isPublic ? 'public' : 'private'}, max-age=${MAX_AGE_SECONDS}`;
    reply.header('vary', catalogue.isPublic ? 'Accept' : 'Accept, Authorization');
    if (!prefersNamed(request.headers.accept, 'application/jwt', 'application/json'))
      return sendDocument(request, reply, catalogue.json, 'application/json', cacheControl);
    const jwt = signCatalogue(keys, issuer, catalogue, clock.now(), signed.get(catalogue));
    signed.set(catalogue, jwt);
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
        querystring: object({
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
        problems: ['unauthenticated', 'invalid_token', 'unknown_audience', 'not_found', ...readErrors],
      },
    },
    async (request, reply) => {
      const { audience: requestedAudience, version: text } = request.query;
      const version = text === undefined ? undefined : Number(text);
      const catalogue =
        catalogues.ready(requestedAudience, version) ?? (await catalogues.find(requestedAudience, version));
      if (!catalogue) throw refusal('audience_unknown', { audience: requestedAudience });
      // A caller who may not read a catalogue does not learn its versions either.
      if (!catalogue.isPublic) {
        reply.removeHeader('access-control-allow-origin');
        if (!(await authenticateCaller(deps, request)))
          throw new Problem('unauthenticated', { headers: callerChallenge });
      }
      if (!catalogue.json) throw refusal('catalogue_version_unknown', { version: String(version) });
      return send(request, reply, catalogue as ServedCatalogue);
    },
  );
}

/** Bytes: 10,000 permissions with labels. */
const BODY_LIMIT = 2 * 1024 * 1024;

/** Publishing, for the service account of an API. The cookie is not read. */
export function publishingRoutes(app: App, deps: CatalogueDeps): void {
  const publishers = new WeakMap<Request['raw'], PublicationRequest['publisher']>();
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
        params: object({ audience }),
        body: published,
        response: { 200: publication },
        problems: [
          ...(['unauthenticated', 'invalid_token', 'permission_denied', 'unknown_audience', 'conflict'] as const),
          ...(['cross_origin', ...readErrors] as const),
        ],
      },
      // Before the body is read: other callers must not make this process read two megabytes.
      onRequest: async (request) => {
        if (request.headers.authorization === undefined)
          throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
        publishers.set(request.raw, requirePublisher(await authenticateRequest(deps, request)));
      },
    },
    async (request) => {
      const publisher = publishers.get(request.raw) as PublicationRequest['publisher'];
      const { apps, prune = false, dry_run: isDryRun = false } = request.body;
      const { audience: requestedAudience } = request.params;
      const audit = {
        at: deps.clock.now(),
        actor: { kind: 'client', id: publisher.id, label: publisher.clientId },
        requestId: request.id,
      } as const;
      const result = await publish(deps, audit, { publisher, audience: requestedAudience, apps, prune, isDryRun });
      // This process reads the new catalogue next; other processes follow the change feed.
      if (!isDryRun) deps.catalogues.drop();
      const { holders, ...rest } = result;
      return {
        ...rest,
        dry_run: isDryRun,
        holders_count: holders.length,
        holders: holders.slice(0, 50),
      };
    },
  );
}
