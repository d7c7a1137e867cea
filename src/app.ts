import cookie from '@fastify/cookie';
import type { FastifyBaseLogger } from 'fastify';
import { accountRoutes } from './api/account/routes.ts';
import { catalogueDocumentRoute, publishingRoutes } from './api/catalogue/routes.ts';
import { type ApiDeps, clientIfAny } from './api/index.ts';
import { loginRoutes } from './api/login/routes.ts';
import { sessionRoutes } from './api/session/routes.ts';
import {
  type ClientDocuments,
  createAssertions,
  createClientDocuments,
  createKnownClients,
  createProofs,
  createRefusalNotes,
  keySetFetch,
  openPaths,
} from './oauth/index.ts';
import { registrationRoutes } from './oauth/register/routes.ts';
import { discoveryRoutes, oauthRoutes } from './oauth/routes.ts';
import {
  createHashPool,
  createPasswords,
  type HashPool,
  type HashSpeed,
  hashBudget,
  measureHashSpeed,
  type Passwords,
} from './passwords/index.ts';
import { createKnownAccess, createKnownCatalogues, type KnownCatalogues } from './permissions/index.ts';
import { type Config, isLoopbackHost } from './platform/config/index.ts';
import type { Database } from './platform/database/index.ts';
import { createGuardedFetch } from './platform/fetch/index.ts';
import { healthRoutes } from './platform/health/routes.ts';
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
} from './platform/http/index.ts';
import { openapiRoute } from './platform/openapi/routes.ts';
import { createMetrics, type Metrics } from './platform/telemetry/index.ts';
import type { Clock } from './platform/time.ts';
import { type Authentication, type Backend, formKeyOf, passwordBackend, type Quotas } from './signin/index.ts';
import {
  createStatusLists,
  createVerify,
  type GrantLife,
  type KeyRing,
  refreshKeyOf,
  type Sign,
  type StatusLists,
} from './tokens/index.ts';
import { jwksRoute } from './tokens/routes.ts';
import { statusRoutes } from './tokens/status/routes.ts';
import { authorizePages } from './web/authorize/pages.ts';
import { devicePages } from './web/device/pages.ts';
import { interactionPages } from './web/interaction/pages.ts';
import { loginPages } from './web/login/pages.ts';
import { logoutPages } from './web/logout/pages.ts';
import { pages } from './web/pages.ts';

export interface Deps {
  readonly config: Config;
  /** `iss` of every token, and the only origin that URLs are built from. */
  readonly issuer: string;
  readonly db: Database;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly keys: KeyRing;
  /** How tokens are signed; absent: on this thread. */
  readonly sign?: Sign;
  /** Refresh tokens are made under a key of it. */
  readonly masterKey: Buffer;
  /** Given by a server that follows them. */
  readonly statusLists?: StatusLists;
  /** Given by a server that hears of changes elsewhere (`signalsOf`). */
  readonly catalogues?: KnownCatalogues;
  readonly passwords: Passwords;
  /** Asked before Signet's own passwords, in this order. */
  readonly backends?: readonly Backend[];
  readonly isStopping?: () => boolean;
  /** PEM, for `dev --https`; absent: plain http, behind a proxy. */
  readonly https?: { readonly key: string; readonly cert: string };
  /** Counted when somebody reads them: SIGNET_METRICS_PORT. */
  readonly metrics?: Metrics;
  /** Given = the server can describe itself as an OpenAPI document of this version. */
  readonly describedAs?: string;
}

/** The whole service: every room wired and mounted, in the order in which a request meets them. */
export async function buildApp(deps: Deps): Promise<App> {
  const { config, issuer, db, clock, keys, passwords } = deps;
  const isDevelopment = config.mode === 'development';
  const assertions = createAssertions({
    db,
    issuer,
    fetchJson: keySetFetch(createGuardedFetch({ allow: config.fetchAllow })),
    failed: (clientId, error) => deps.log.warn({ err: error, clientId }, 'the keys of a client cannot be had'),
  });
  const clients = createKnownClients(db, assertions);
  const app = createServer({
    log: deps.log,
    trustProxy: config.trustProxy,
    hosts: isDevelopment ? ['localhost', '127.0.0.1', '[::1]'] : null,
    hashWaitMilliseconds: config.hashWaitMilliseconds,
    noteRefusal: createRefusalNotes(clients, isDevelopment),
    basePath: basePath(issuer),
    ...(deps.https ? { https: deps.https } : {}),
  });

  if (deps.describedAs !== undefined) await describeRoutes(app, deps.describedAs);

  if (deps.metrics) countRequests(app, deps.metrics);

  allowAnyOrigin(
    app,
    openPaths({ issuer, registration: config.registration, hasDocuments: config.clientMetadataHosts.length > 0 }),
  );

  // Public documents: no cookie, no cross-origin rule, ready-made bytes.
  jwksRoute(app, keys);
  const statusLists = deps.statusLists ?? createStatusLists(db, keys, issuer, clock);
  const access = createKnownAccess(db, issuer);
  const proofs = createProofs({ db, masterKey: deps.masterKey, isNonceRequired: config.dpopNonce === 'required' });
  const verify = createVerify(keys, issuer);
  const refreshKey = refreshKeyOf(deps.masterKey);
  const graceSeconds = config.refreshGraceSeconds;
  const quotas = quotasOf(config);
  const signing = deps.sign ? { sign: deps.sign } : {};
  const oauth = {
    ...signing,
    db,
    clock,
    keys,
    issuer,
    access,
    clients,
    proofs,
    verify,
    refreshKey,
    graceSeconds,
    grantLife: grantLifeOf(config),
    quotas,
    registration: config.registration,
    documents: documentsOf(config, issuer),
    documentApis: config.clientMetadataApis,
    hasDocuments: config.clientMetadataHosts.length > 0,
  };
  // A client that follows the lists has a share of the streams that is its own.
  statusRoutes(app, statusLists, issuer, (request) => clientIfAny(oauth, request));
  discoveryRoutes(app, oauth);
  const published = { ...oauth, catalogues: deps.catalogues ?? createKnownCatalogues(db, issuer) };
  catalogueDocumentRoute(app, published);
  openapiRoute(app, basePath(issuer));
  healthRoutes(app, db, deps.isStopping ?? (() => false));

  // OAuth takes nothing from the cookie: its callers authenticate in every request.
  await app.register(async (scope: App) => oauthRoutes(scope, oauth));
  await app.register(async (scope: App) =>
    registrationRoutes(scope, { ...oauth, masterKey: deps.masterKey, redirectSchemes: config.redirectSchemes }),
  );

  const authentication = authenticationOf(deps);
  const formKey = formKeyOf(deps.masterKey);
  const sessionLife = { idleSeconds: config.sessionIdleSeconds, absoluteSeconds: config.sessionAbsoluteSeconds };
  const signIn = { endpoint: oauth, sessionLife, session: sessionCookie(issuer), flow: flowCookie(issuer) };

  // Other sites send people here, by forms too: what they bring is stored, and nothing is taken from the cookie of a POST.
  await app.register(async (scope: App) => {
    await scope.register(cookie);
    await authorizePages(scope, signIn);
  });

  // Pages of clients lead here, by GET and by POST.
  await app.register(async (scope: App) => {
    await scope.register(cookie);
    const logout = { db, clock, keys, issuer, clients, sessionIdleSeconds: sessionLife.idleSeconds };
    await logoutPages(scope, logout, sessionCookie(issuer));
  });

  // Everything below takes authority from the cookie, and is held by the one cross-origin rule.
  await app.register(async (first: App) => {
    await first.register(cookie);
    first.addHook('onRequest', sameOrigin(new URL(issuer).origin, config.trustedOrigins));
    await first.register(async (api: App) => {
      if (config.trustedOrigins.length > 0) allowOrigins(api, config.trustedOrigins);
      const session = sessionCookie(issuer);
      const apiDeps: ApiDeps = {
        db,
        clock,
        keys,
        ...signing,
        access,
        verify,
        proofs,
        issuer,
        authentication,
        sessionLife,
        signup: config.signup,
        passwordMinLength: config.passwordMinLength,
        quotas,
      };
      loginRoutes(api, apiDeps, session);
      sessionRoutes(api, apiDeps, session);
      accountRoutes(api, apiDeps, session);
      publishingRoutes(api, published);
    });
    await first.register(async (web: App) =>
      pages(web, { db, clock, passwords, passwordMinLength: config.passwordMinLength, issuer }, signIn),
    );
    await first.register(async (web: App) => loginPages(web, { ...signIn, authentication, formKey }));
    await first.register(async (web: App) => interactionPages(web, signIn));
    await first.register(async (web: App) => devicePages(web, { ...signIn, limits: authentication.limits }));
  });
  return app;
}

/** By the pattern of the route: a path is the caller's word, and may hold an id. */
function countRequests(app: App, metrics: Metrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const seconds = reply.elapsedTime / 1000;
    const { method } = request;
    metrics.request({ route: request.routeOptions.url ?? null, method, status: reply.statusCode, seconds });
    done();
  });
}

function authenticationOf({ config, db, clock, passwords, metrics, backends = [] }: Deps): Authentication {
  return {
    clock,
    passwords,
    backends: [...backends, passwordBackend(db, passwords, clock)],
    limits: { name: config.throttleName, network: config.throttleNetwork, account: config.throttleAccount },
    refusalMilliseconds: passwords.deadlineMilliseconds ?? config.refusalMilliseconds,
    ...(metrics ? { counted: (outcome) => metrics.login(outcome === 'user' ? 'success' : outcome) } : {}),
  };
}

/** How clients are known that have no row: by documents of theirs. */
export function documentsOf(config: Config, issuer: string): ClientDocuments {
  const httpsOnly = !isLoopbackHost(new URL(issuer).hostname);
  return createClientDocuments({
    hosts: config.clientMetadataHosts,
    isDevelopment: config.mode === 'development',
    redirectRules: { httpsOnly, schemes: config.redirectSchemes },
  });
}

/** What one network, or one client that authenticates, may have stored. */
function quotasOf(config: Config): Quotas {
  return {
    interaction: config.throttleAuthorize,
    pushed: config.throttleAuthorize,
    device: config.throttleDevice,
    document: config.throttleDocument,
    signup: config.throttleSignup,
    clientPushed: config.throttleClientPush,
    clientDevice: config.throttleClientDevice,
  };
}

/** How long a refresh grant lives. */
function grantLifeOf(config: Config): GrantLife {
  return { idleSeconds: config.refreshIdleSeconds, absoluteSeconds: config.refreshAbsoluteSeconds };
}

/** Hashes at once: as many as the settings say, or one less than there are cores. */
export function hashWidthOf(config: Config, cores: number): number {
  return config.hashWidth === 0 ? Math.max(1, Math.floor(cores - 1)) : config.hashWidth;
}

export function hashPoolOf(config: Config, cores: number): HashPool {
  const width = hashWidthOf(config, cores);
  return createHashPool({ width, queueLimit: config.hashQueue, maxWaitMs: config.hashWaitMilliseconds });
}

/** The hashing that the settings ask for; `cores` is what the machine has, `speed` how fast it is: measured where it is not given. */
export async function passwordsOf(
  config: Config,
  cores: number,
  pool = hashPoolOf(config, cores),
  speed?: HashSpeed,
): Promise<Passwords> {
  const parameters = {
    memoryKiB: config.argon2MemoryKiB,
    iterations: config.argon2Iterations,
    parallelism: config.argon2Parallelism,
  };
  return createPasswords(
    pool,
    parameters,
    hashBudget(speed ?? (await measureHashSpeed()), config.refusalMilliseconds, parameters),
  );
}

/** What a running server counts, and where the figures come from. */
export function metricsOf(db: Database, pool: HashPool, tokens?: TokenSources): Promise<Metrics> {
  return createMetrics({
    hashPool: () => pool.stats(),
    connections: () => db.connections(),
    ...(tokens ? { signingKeys: () => figuresOf(tokens), statusLists: () => tokens.statusLists.figures() } : {}),
  });
}

type TokenSources = Pick<Deps, 'keys' | 'clock'> & { readonly statusLists: StatusLists };

function figuresOf({ keys, clock }: TokenSources) {
  const now = clock.now().getTime();
  return keys.all().map(({ alg, state, activatedAt }) => {
    const ageSeconds = state === 'current' && activatedAt ? (now - activatedAt.getTime()) / 1000 : null;
    return { alg, state, ageSeconds };
  });
}
