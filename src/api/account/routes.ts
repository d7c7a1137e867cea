import { Type } from 'typebox';
import { recordEvent } from '../../audit/index.ts';
import { Client, listAuthorizedClients, revokeConsent } from '../../oauth/index.ts';
import { explainPermissions } from '../../permissions/index.ts';
import { type App, Problem, type SessionCookie, tryLater } from '../../platform/http/index.ts';
import { endSessions, listSessions } from '../../sessions/index.ts';
import { changeOwnPassword, checkPassword, reserveAttempt } from '../../signin/index.ts';
import { message } from '../../ui/messages.ts';
import { User, userPrincipal } from '../../users/index.ts';
import { invalidFields } from '../problems.ts';
import { refusal } from '../refusals.ts';
import { type ApiDeps, auditContext, clientInfo, requireSession, wireSession } from '../requests.ts';
import { audience, component, object, readErrors, session, sessionAccess, writeErrors } from '../schemas.ts';
import { cachedApi } from '../tokens.ts';

const routeSchema = { tags: ['account'], security: sessionAccess };

/** The user's own account. By cookie only: an access token never reaches it. */
export function accountRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  grantRoutes(app, deps, cookie);
  passwordRoute(app, deps, cookie);
  listSessionsRoute(app, deps, cookie);
  endSessionRoute(app, deps, cookie);
  endOtherSessionsRoute(app, deps, cookie);
  permissionsRoute(app, deps, cookie);
}

function passwordRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.post(
    '/api/v1/account/password',
    {
      schema: {
        operationId: 'changePassword',
        ...routeSchema,
        summary: 'Change the own password; this session goes on under a new id, every other one ends',
        body: object({
          current_password: Type.String(),
          new_password: Type.String(),
        }),
        response: { 200: object({ session }) },
        problems: ['unauthenticated', 'conflict', 'too_many_attempts', 'busy', ...writeErrors],
      },
    },
    async (request, reply) => {
      const current = await requireSession(deps, cookie, request);
      const browser = clientInfo(request, cookie);
      const { current_password: currentPassword, new_password: newPassword } = request.body;
      const { user } = current;
      const reservation = await reservePasswordAttempt(deps, user, browser.ip);
      const errors = await checkPassword(newPassword, deps.passwordMinLength, user);
      if (errors.length > 0) {
        await reservation.release();
        throw invalidFields(errors, { '/password': '/new_password' });
      }
      const fromEpoch = await verifyCurrentPassword(deps, user, currentPassword, reservation);
      const encoded = await deps.authentication.passwords.hash(newPassword);
      if (encoded === null) throw tryLater('busy', 5);
      const change = { user, encoded, fromEpoch, session: current, life: deps.sessionLife, client: browser };
      const changed = await changeOwnPassword(deps.db, auditContext(deps, request, user), change);
      if ('conflict' in changed && changed.conflict === 'session') throw refusal('session_ended');
      if ('conflict' in changed) throw refusal('password_changed_meanwhile');
      cookie.write(reply, changed.token, deps.sessionLife.absoluteSeconds);
      return { session: wireSession(changed.session) };
    },
  );
}

function listSessionsRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.get(
    '/api/v1/account/sessions',
    {
      schema: {
        operationId: 'listSessions',
        ...routeSchema,
        summary: 'The own live sessions, newest first',
        response: { 200: object({ sessions: Type.Array(sessionSchema) }) },
        problems: ['unauthenticated', ...readErrors],
      },
    },
    async (request) => {
      const current = await requireSession(deps, cookie, request);
      const sessions = await listSessions(deps.db.fork(), current.user.id, deps.clock.now());
      return {
        sessions: sessions.map((one) => ({
          ...wireSession(one),
          is_current: one.id === current.id,
          ip: one.ip ?? null,
          user_agent: one.userAgent ?? null,
        })),
      };
    },
  );
}

function endSessionRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.delete(
    '/api/v1/account/sessions/:id',
    {
      schema: {
        operationId: 'endSession',
        ...routeSchema,
        summary: 'End one of the own sessions',
        params: object({ id: Type.String({ format: 'uuid' }) }),
        response: { 204: Type.Null() },
        problems: ['unauthenticated', 'not_found', ...writeErrors],
      },
    },
    async (request, reply) => {
      const current = await requireSession(deps, cookie, request);
      const ended = await endAndRecord(deps, { user: current.user.id, id: request.params.id });
      if (ended.length === 0) throw refusal('own_session_not_found');
      if (request.params.id === current.id) cookie.clear(reply);
      return reply.code(204).send(null);
    },
  );
}

function endOtherSessionsRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.delete(
    '/api/v1/account/sessions',
    {
      schema: {
        operationId: 'endOtherSessions',
        ...routeSchema,
        summary: 'End every other one of the own sessions',
        response: { 200: object({ ended: Type.Integer() }) },
        problems: ['unauthenticated', ...writeErrors],
      },
    },
    async (request) => {
      const current = await requireSession(deps, cookie, request);
      return { ended: (await endAndRecord(deps, { user: current.user.id, except: current.id })).length };
    },
  );
}

function permissionsRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.get(
    '/api/v1/account/permissions',
    {
      schema: {
        operationId: 'listPermissions',
        ...routeSchema,
        summary: 'The own effective permissions, each with every source of it',
        querystring: object({ audience: Type.Optional(audience) }),
        response: { 200: object({ permissions: Type.Array(permissionSchema) }) },
        problems: ['unauthenticated', 'unknown_audience', ...readErrors],
      },
    },
    async (request) => {
      const current = await requireSession(deps, cookie, request);
      const api = request.query.audience === undefined ? undefined : await cachedApi(deps, request.query.audience);
      const sources = await explainPermissions(deps.db.fork(), userPrincipal(current.user), deps.clock.now(), api?.id);
      return { permissions: sources };
    },
  );
}

const grantSchema = component('AllowedClient', {
  client_id: Type.String(),
  name: Type.String(),
  is_first_party: Type.Boolean(),
  scopes: Type.Array(Type.String()),
  permissions: Type.Array(object({ audience: Type.String(), name: Type.String(), label: Type.String() })),
  created_at: Type.String({ format: 'date-time' }),
  last_used_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

/** The user's grants to clients, and how to end them. */
function grantRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.get(
    '/api/v1/account/grants',
    {
      schema: {
        operationId: 'listAccountGrants',
        ...routeSchema,
        summary: 'The clients that may act for the user, and what was agreed to',
        response: { 200: object({ grants: Type.Array(grantSchema) }) },
        problems: ['unauthenticated', ...readErrors],
      },
    },
    async (request) => {
      const current = await requireSession(deps, cookie, request);
      const grants = await listAuthorizedClients(deps.db.fork(), current.user.id, deps.clock.now());
      return {
        grants: grants.map(({ client, scopes, permissions, since, lastUsedAt }) => ({
          client_id: client.clientId,
          name: client.name,
          is_first_party: client.isFirstParty,
          scopes: [...scopes],
          permissions: [...permissions],
          created_at: since.toISOString(),
          last_used_at: lastUsedAt?.toISOString() ?? null,
        })),
      };
    },
  );

  app.delete(
    '/api/v1/account/grants/:client_id',
    {
      schema: {
        operationId: 'endAccountGrant',
        ...routeSchema,
        summary: 'Take back what a client was allowed: what it holds for the user ends, and it has to ask again',
        params: object({ client_id: Type.String({ maxLength: 255 }) }),
        response: { 204: Type.Null() },
        problems: ['unauthenticated', 'not_found', ...writeErrors],
      },
    },
    async (request, reply) => {
      const { user } = await requireSession(deps, cookie, request);
      const isEnded = await deps.db.fork().transactional(async (tx) => {
        const client = await tx.findOne(Client, { clientId: request.params.client_id });
        return client !== null && revokeConsent(tx, user.id, client.id, 'ended_by_user', deps.clock.now());
      });
      if (!isEnded) throw refusal('own_grant_not_found');
      return reply.code(204).send(null);
    },
  );
}

const sessionSchema = component('ListedSession', {
  ...session.properties,
  is_current: Type.Boolean(),
  ip: Type.Union([Type.String(), Type.Null()]),
  user_agent: Type.Union([Type.String(), Type.Null()]),
});

const permissionSchema = component('ExplainedPermission', {
  audience: Type.String(),
  name: Type.String(),
  from: Type.Union([Type.Literal('user'), Type.Literal('group'), Type.Literal('superuser')]),
  group: Type.Union([Type.String(), Type.Null()]),
});

type Reservation = Extract<Awaited<ReturnType<typeof reserveAttempt>>, { ok: true }>;

/** Attempts at the current password count like attempts at the login form, in the same counters. */
async function reservePasswordAttempt(deps: ApiDeps, user: { username: string }, ip: string): Promise<Reservation> {
  const reservation = await reserveAttempt(
    deps.db,
    deps.authentication.limits,
    { name: user.username, ip },
    deps.clock.now(),
  );
  if (!reservation.ok) throw tryLater('too_many_attempts', reservation.retryAfterSeconds);
  return reservation;
}

/** Verifies the current password and returns its epoch. */
async function verifyCurrentPassword(
  deps: ApiDeps,
  user: { id: string },
  currentPassword: string,
  reservation: Reservation,
): Promise<number> {
  const { passwords } = deps.authentication;
  const storedUser = await deps.db.fork().findOne(User, { id: user.id, isActive: true });
  const verification = await passwords.verify(currentPassword, storedUser?.password ?? null);
  if (!verification.ok || verification.matches) await reservation.release();
  if (!verification.ok) throw tryLater('busy', verification.retryAfterSeconds);
  if (storedUser && verification.matches) return storedUser.passwordEpoch;
  throw new Problem('invalid', {
    errors: [
      {
        pointer: '/current_password',
        code: 'password_incorrect',
        detail: message('current_password.password_incorrect'),
      },
    ],
  });
}

async function endAndRecord(deps: ApiDeps, filter: { user: string; id?: string; except?: string }): Promise<string[]> {
  const now = deps.clock.now();
  return deps.db.fork().transactional(async (tx) => {
    const ended = await endSessions(tx, now, filter, 'ended_by_user');
    for (const sid of ended) recordEvent(tx, now, { kind: 'session_ended', userId: filter.user, detail: { sid } });
    return ended;
  });
}
