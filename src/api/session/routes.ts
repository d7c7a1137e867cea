import { Type } from 'typebox';
import { getAllPermissions, hasPerm, modulePerms, OWN_AUDIENCE, type Rights } from '../../permissions/index.ts';
import {
  type App,
  offerNonce,
  Problem,
  type Request,
  type SessionCookie,
  stringifyResponse,
} from '../../platform/http/index.ts';
import { currentSession } from '../../sessions/index.ts';
import { authenticateRequest, nextNonce } from '../authentication.ts';
import { type ApiDeps, wireSession, wireUser } from '../requests.ts';
import {
  anyName,
  audience,
  component,
  object,
  readErrors,
  session,
  sessionAccess,
  user,
  writeErrors,
} from '../schemas.ts';
import { apiVersion, cachedApi, tokenUser } from '../tokens.ts';

const currentSessionSchema = component('CurrentSession', {
  is_authenticated: Type.Literal(true),
  user: object({
    ...user.properties,
    is_staff: Type.Boolean(),
    is_superuser: Type.Boolean(),
    groups: Type.Array(Type.String()),
    permissions: Type.Array(Type.String(), { description: "Of that API; without `audience`, of Signet's own." }),
  }),
  session,
});
const anonymousSchema = component('NoSession', {
  is_authenticated: Type.Literal(false),
  user: object({ username: Type.Literal(''), permissions: Type.Array(Type.String(), { maxItems: 0 }) }),
});

/** Names may be any text, including line breaks, so there is no pattern. */
const resultsByName = Type.Object({}, { additionalProperties: Type.Boolean() });

const tags = ['permissions'];

/** For developers who send a token where the cookie is read, and get the anonymous user. */
const COOKIE_ONLY = 'This route reads the session cookie. For a bearer token ask POST /api/v1/has_perm.';

/** The user of the request, and their permissions now. */
export function sessionRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  currentSessionRoute(app, deps, cookie);
  hasPermRoute(app, deps, cookie);
}

function currentSessionRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.get(
    '/api/v1/session',
    {
      ...stringifyResponse,
      schema: {
        operationId: 'getSession',
        summary: 'The user of the cookie, or the anonymous one',
        description:
          'Reads the session cookie alone. A bearer token is not looked at: for one, ask `POST /api/v1/has_perm` or `/oauth2/introspect`.',
        tags,
        security: [...sessionAccess, {}],
        querystring: object({ audience: Type.Optional(audience) }),
        response: { 200: Type.Union([currentSessionSchema, anonymousSchema]) },
        problems: ['unknown_audience', ...readErrors],
      },
    },
    async (request, reply) => {
      const audience = request.query.audience ?? OWN_AUDIENCE;
      const peek = deps.access.peek(audience);
      const current = await currentSession(deps, cookie, request, peek?.id);
      if (!current) {
        if (request.headers.authorization !== undefined) void reply.header('x-signet-hint', COOKIE_ONLY);
        return { is_authenticated: false as const, user: { username: '' as const, permissions: [] } };
      }
      const api = await cachedApi(deps, audience, apiVersion(peek, current.apiVersion));
      const rights = await deps.access.rights(tokenUser(current.user), api, deps.clock.now());
      return {
        is_authenticated: true as const,
        user: {
          ...wireUser(current.user),
          is_staff: current.user.isStaff || rights.isStaff,
          is_superuser: rights.isSuperuser,
          groups: [...rights.groups],
          permissions: [...getAllPermissions(rights)],
        },
        session: wireSession(current),
      };
    },
  );
}

function hasPermRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.post(
    '/api/v1/has_perm',
    {
      onRequest: offerNonce(nextNonce(deps)),
      schema: {
        operationId: 'hasPerm',
        summary: "Django's has_perm and has_module_perms, with the rights of now",
        description:
          'By access token (bearer, or DPoP for one that is bound to a key), for the API of its `aud`; or by cookie, for the API of `audience`.',
        tags,
        security: [{ bearer: [] }, ...sessionAccess],
        body: object({
          audience: Type.Optional(audience),
          perms: Type.Array(anyName, { maxItems: 1000 }),
          modules: Type.Optional(Type.Array(anyName, { maxItems: 1000 })),
        }),
        response: { 200: object({ results: resultsByName, modules: resultsByName }) },
        problems: ['unauthenticated', 'invalid_token', 'unknown_audience', ...writeErrors],
      },
    },
    async (request) => {
      const { perms, modules = [], audience } = request.body;
      const rights = await rightsOfRequest(deps, cookie, request, audience);
      return {
        results: answerEach(perms, (name) => hasPerm(rights, name)),
        modules: answerEach(modules, modulePerms(rights)),
      };
    },
  );
}

async function rightsOfRequest(
  deps: ApiDeps,
  cookie: SessionCookie,
  request: Request,
  audience: string | undefined,
): Promise<Rights> {
  const active = await authenticateRequest(deps, request);
  if (active) {
    if (audience !== undefined && (await cachedApi(deps, audience)).id !== active.api.id)
      throw new Problem('invalid', {
        errors: [{ pointer: '/audience', code: 'invalid', detail: 'A token is asked about the API of its own `aud`.' }],
      });
    return active.rights;
  }
  const peek = audience === undefined ? undefined : deps.access.peek(audience);
  const current = await currentSession(deps, cookie, request, peek?.id);
  // RFC 6750 §3.1: a request without credentials gets the scheme and no error.
  if (!current) throw new Problem('unauthenticated', { headers: { 'www-authenticate': 'Bearer' } });
  if (audience === undefined)
    throw new Problem('invalid', {
      errors: [{ pointer: '/audience', code: 'required', detail: 'Say which API is meant.' }],
    });
  const api = await cachedApi(deps, audience, apiVersion(peek, current.apiVersion));
  return deps.access.rights(tokenUser(current.user), api, deps.clock.now());
}

/** Without a prototype, so that `__proto__` is a name like any other. */
function answerEach(names: readonly string[], check: (name: string) => boolean): Record<string, boolean> {
  const results: Record<string, boolean> = Object.create(null);
  for (const name of names) results[name] = check(name);
  return results;
}
