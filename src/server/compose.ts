/**
 * server: the running server.
 * Owns: how everything is wired (routes here, ports in `model.ts`, jobs and readers of changes in `jobs.ts`), start and stop, workers, the control socket, the certificate of `dev --https`, the sample.
 * Does not own: commands (cli).
 * Neighbours: every room below; cli above.
 */
import cookie from '@fastify/cookie';
import type { FastifyBaseLogger } from 'fastify';
import { accountRoutes } from '../api/account/routes.ts';
import { catalogueDocumentRoute, publishingRoutes } from '../api/catalogue/routes.ts';
import { type ApiDeps, domainProblem, openapiTexts, optionalClientId, problemWords } from '../api/index.ts';
import { loginRoutes } from '../api/login/routes.ts';
import { sessionRoutes } from '../api/session/routes.ts';
import {
  createAssertions,
  createClientCache,
  createDescribeRefusal,
  createProofs,
  crossOriginPaths,
  keySetFetch,
} from '../oauth/index.ts';
import { registrationRoutes } from '../oauth/register/routes.ts';
import { discoveryRoutes, oauthRoutes } from '../oauth/routes.ts';
import type { Passwords } from '../passwords/index.ts';
import { type CatalogueCache, createCatalogueCache, createPermissionCache } from '../permissions/index.ts';
import type { Config } from '../platform/config/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Explain } from '../platform/errors.ts';
import { createGuardedFetch } from '../platform/fetch/index.ts';
import { healthRoutes } from '../platform/health/routes.ts';
import {
  type App,
  allowAnyOrigin,
  allowOrigins,
  basePath,
  createServer,
  describeRoutes,
  flowCookie,
  sameOrigin,
  sessionCookie,
} from '../platform/http/index.ts';
import { openapiRoute } from '../platform/openapi/routes.ts';
import type { Metrics } from '../platform/telemetry/index.ts';
import type { Clock } from '../platform/time.ts';
import { type Backend, deriveFormKey } from '../signin/index.ts';
import {
  createStatusLists,
  createVerifier,
  deriveRefreshKey,
  type KeyRing,
  type Sign,
  type StatusLists,
} from '../tokens/index.ts';
import { jwksRoute } from '../tokens/routes.ts';
import { statusRoutes } from '../tokens/status/routes.ts';
import { findRemedy } from '../ui/remedies.ts';
import { authorizePages } from '../web/authorize/pages.ts';
import { devicePages } from '../web/device/pages.ts';
import { homePages } from '../web/home/pages.ts';
import { interactionPages } from '../web/interaction/pages.ts';
import { loginPages } from '../web/login/pages.ts';
import { logoutPages } from '../web/logout/pages.ts';
import { setupPages } from '../web/setup/pages.ts';
import { countRequests } from './metrics.ts';
import { createAuthentication, createDocuments, readGrantLife, readQuotas } from './options.ts';

export interface Deps {
  readonly config: Config;
  /** `iss` of every token, and the only origin that URLs are built from. */
  readonly issuer: string;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly keys: KeyRing;
  /** Signs tokens; absent: on this thread. */
  readonly sign?: Sign;
  /** Refresh tokens are made with a key derived from it. */
  readonly masterKey: Buffer;
  /** Passed by a running server, which keeps them up to date. */
  readonly statusLists?: StatusLists;
  /** Passed by a running server, which drops them after changes (`followChanges`). */
  readonly catalogues?: CatalogueCache;
  readonly passwords: Passwords;
  /** Authentication backends that run before Signet's own passwords, in this order. */
  readonly backends?: readonly Backend[];
  readonly isStopping?: () => boolean;
  /** The words of a refusal in the log; absent: its code. */
  readonly explain?: Explain;
  /** PEM, for `dev --https`; absent: plain http, behind a proxy. */
  readonly https?: { readonly key: string; readonly cert: string };
  /** Present if SIGNET_METRICS_PORT is set. */
  readonly metrics?: Metrics;
  /** If set, the server can describe itself as an OpenAPI document of this version. */
  readonly openapiVersion?: string;
}

/** Builds the whole service: every room wired and mounted, in the order in which a request meets them. */
export async function buildApp(deps: Deps): Promise<App> {
  const { config, issuer, db, clock, keys } = deps;
  const services = createServices(deps);
  const { oauth, signIn } = services;
  const app = createServer({
    log: deps.log,
    trustProxy: config.trustProxy,
    hosts: config.mode === 'development' ? ['localhost', '127.0.0.1', '[::1]'] : null,
    hashWaitMilliseconds: config.hashWaitMilliseconds,
    describeRefusal: createDescribeRefusal(oauth.clients, findRemedy, config.mode === 'development'),
    domainProblem,
    problemWords,
    basePath: basePath(issuer),
    ...(deps.https ? { https: deps.https } : {}),
  });
  if (deps.openapiVersion !== undefined) await describeRoutes(app, deps.openapiVersion, openapiTexts);
  if (deps.metrics) countRequests(app, deps.metrics);
  allowAnyOrigin(
    app,
    crossOriginPaths({
      issuer,
      registration: config.registration,
      hasDocuments: config.clientMetadataHosts.length > 0,
    }),
  );

  mountDocuments(app, deps, services);

  // OAuth endpoints do not read the cookie: clients authenticate in every request.
  await app.register(async (scope: App) => oauthRoutes(scope, oauth));
  await app.register(async (scope: App) =>
    registrationRoutes(scope, { ...oauth, masterKey: deps.masterKey, redirectSchemes: config.redirectSchemes }),
  );

  // Other sites send people here, also by POST: the parameters are stored, and the cookie of a POST is not used.
  await app.register(async (scope: App) => {
    await scope.register(cookie);
    await authorizePages(scope, signIn);
  });

  // Clients' pages lead here, by GET and by POST.
  await app.register(async (scope: App) => {
    await scope.register(cookie);
    const { sessionLife, session } = signIn;
    await logoutPages(scope, { db, clock, keys, issuer, clients: oauth.clients, sessionLife }, session);
  });

  await mountSessionRoutes(app, deps, services);
  return app;
}

type Services = ReturnType<typeof createServices>;

/** Mounts the public documents: no cookie, no cross-origin rule, prepared bytes. */
function mountDocuments(app: App, deps: Deps, { oauth, statusLists, catalogues }: Services): void {
  const { issuer, db, keys } = deps;
  jwksRoute(app, keys);
  // An authenticated client has its own share of the event streams.
  statusRoutes(app, statusLists, issuer, (request) => optionalClientId(oauth, request));
  discoveryRoutes(app, oauth);
  catalogueDocumentRoute(app, { ...oauth, catalogues });
  openapiRoute(app, basePath(issuer));
  const { isStopping = () => false, explain = (error) => error.message } = deps;
  healthRoutes(app, db, { isStopping, explain });
}

/** Mounts the routes that take authority from the cookie and are subject to the cross-origin rule. */
async function mountSessionRoutes(app: App, deps: Deps, services: Services): Promise<void> {
  const { config, issuer, db, clock } = deps;
  const { oauth, catalogues, api, signIn } = services;
  await app.register(async (first: App) => {
    await first.register(cookie);
    first.addHook('onRequest', sameOrigin(new URL(issuer).origin, config.trustedOrigins));
    await first.register(async (scope: App) => {
      if (config.trustedOrigins.length > 0) allowOrigins(scope, config.trustedOrigins);
      loginRoutes(scope, api, signIn.session);
      sessionRoutes(scope, api, signIn.session);
      accountRoutes(scope, api, signIn.session);
      publishingRoutes(scope, { ...oauth, catalogues });
    });
    const { passwordMinLength } = config;
    const { authentication } = api;
    await first.register(async (web: App) => homePages(web, signIn));
    await first.register(async (web: App) =>
      setupPages(web, { db, clock, passwords: deps.passwords, passwordMinLength, issuer }),
    );
    await first.register(async (web: App) =>
      loginPages(web, { ...signIn, authentication, formKey: deriveFormKey(deps.masterKey) }),
    );
    await first.register(async (web: App) => interactionPages(web, signIn));
    await first.register(async (web: App) => devicePages(web, { ...signIn, limits: authentication.limits }));
  });
}

/** Creates the services that the routes use, once each. */
function createServices(deps: Deps) {
  const { config, issuer, db, clock, keys, masterKey } = deps;
  const assertions = createAssertions({
    db,
    issuer,
    fetchJson: keySetFetch(createGuardedFetch({ allow: config.fetchAllow })),
    onFailure: (clientId, error) =>
      deps.log.warn({ err: error, clientId }, 'the keys of a client could not be fetched'),
  });
  const shared = {
    ...(deps.sign ? { sign: deps.sign } : {}),
    db,
    clock,
    keys,
    issuer,
    access: createPermissionCache(db, issuer),
    proofs: createProofs({ db, masterKey, isNonceRequired: config.dpopNonce === 'required' }),
    verify: createVerifier(keys, issuer),
    quotas: readQuotas(config),
  };
  const oauth = {
    ...shared,
    clients: createClientCache(db, assertions),
    refreshKey: deriveRefreshKey(masterKey),
    graceSeconds: config.refreshGraceSeconds,
    grantLife: readGrantLife(config),
    registration: config.registration,
    documents: createDocuments(config, issuer),
    documentApis: config.clientMetadataApis,
    hasDocuments: config.clientMetadataHosts.length > 0,
  };
  const sessionLife = { idleSeconds: config.sessionIdleSeconds, absoluteSeconds: config.sessionAbsoluteSeconds };
  const api: ApiDeps = {
    ...shared,
    authentication: createAuthentication(deps),
    sessionLife,
    signup: config.signup,
    passwordMinLength: config.passwordMinLength,
  };
  return {
    oauth,
    api,
    statusLists: deps.statusLists ?? createStatusLists(db, keys, issuer, clock),
    catalogues: deps.catalogues ?? createCatalogueCache(db, issuer),
    signIn: { db, clock, endpoint: oauth, sessionLife, session: sessionCookie(issuer), flow: flowCookie(issuer) },
  };
}
