import { Type } from 'typebox';
import { recordEvent } from '../../audit/index.ts';
import { Client, listAuthorizedClients, revokeConsent } from '../../oauth/index.ts';
import { explainPermissions } from '../../permissions/index.ts';
import { type App, Problem, type SessionCookie, tryLater } from '../../platform/http/index.ts';
import { endSessions, listSessions } from '../../sessions/index.ts';
import { changeOwnPassword, checkPassword, reserveAttempt } from '../../signin/index.ts';
import { User, userPrincipal } from '../../users/index.ts';
import { type ApiDeps, auditContext, clientInfo, requireSession, wireSession } from '../requests.ts';
import { audience, bySession, changing, closed, named, reading, session } from '../schemas.ts';
import { cachedApi } from '../tokens.ts';

const own = { tags: ['account'], security: bySession };

/** What a user does with the own account. By cookie only: a token for an API never reaches it. */
export function accountRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  grantRoutes(app, deps, cookie);
  app.post(
    '/api/v1/account/password',
    {
      schema: {
        operationId: 'changePassword',
        ...own,
        summary: 'Change the own password; this session goes on under a new id, every other one ends',
        body: closed({
          current_password: Type.String(),
          new_password: Type.String(),
        }),
        response: { 200: closed({ session }) },
        problems: ['unauthenticated', 'conflict', 'too_many_attempts', 'busy', ...changing],
      },
    },
    async (request, reply) => {
      const current = await requireSession(deps, cookie, request);
      const browser = clientInfo(request, cookie);
      const { current_password: given, new_password: wanted } = request.body;
      const { user } = current;
      const reservation = await reserveGuess(deps, user, browser.ip);
      const errors = await checkPassword(wanted, deps.passwordMinLength, user, '/new_password');
      if (errors.length > 0) {
        await reservation.release();
        throw new Problem('invalid', { errors });
      }
      const fromEpoch = await verifyOwn(deps, user, given, reservation);
      const encoded = await deps.authentication.passwords.hash(wanted);
      if (encoded === null) throw tryLater('busy', 5);
      const change = { user, encoded, fromEpoch, session: current, life: deps.sessionLife, client: browser };
      const changed = await changeOwnPassword(deps.db, auditContext(deps, request, user), change);
      if ('conflict' in changed && changed.conflict === 'session')
        throw new Problem('unauthenticated', { detail: 'This session has ended meanwhile.' });
      if ('conflict' in changed)
        throw new Problem('conflict', { detail: 'The password was changed meanwhile. Log in with the new one.' });
      cookie.write(reply, changed.token, deps.sessionLife.absoluteSeconds);
      return { session: wireSession(changed.session) };
    },
  );

  app.get(
    '/api/v1/account/sessions',
    {
      schema: {
        operationId: 'listSessions',
        ...own,
        summary: 'The own live sessions, newest first',
        response: { 200: closed({ sessions: Type.Array(listed) }) },
        problems: ['unauthenticated', ...reading],
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

  app.delete(
    '/api/v1/account/sessions/:id',
    {
      schema: {
        operationId: 'endSession',
        ...own,
        summary: 'End one of the own sessions',
        params: closed({ id: Type.String({ format: 'uuid' }) }),
        response: { 204: Type.Null() },
        problems: ['unauthenticated', 'not_found', ...changing],
      },
    },
    async (request, reply) => {
      const current = await requireSession(deps, cookie, request);
      const ended = await end(deps, { user: current.user.id, id: request.params.id });
      if (ended.length === 0) throw new Problem('not_found', { detail: 'None of your live sessions has that id.' });
      if (request.params.id === current.id) cookie.clear(reply);
      return reply.code(204).send(null);
    },
  );

  app.delete(
    '/api/v1/account/sessions',
    {
      schema: {
        operationId: 'endOtherSessions',
        ...own,
        summary: 'End every other one of the own sessions',
        response: { 200: closed({ ended: Type.Integer() }) },
        problems: ['unauthenticated', ...changing],
      },
    },
    async (request) => {
      const current = await requireSession(deps, cookie, request);
      return { ended: (await end(deps, { user: current.user.id, except: current.id })).length };
    },
  );

  app.get(
    '/api/v1/account/permissions',
    {
      schema: {
        operationId: 'listPermissions',
        ...own,
        summary: 'The own effective permissions, each with every source of it',
        querystring: closed({ audience: Type.Optional(audience) }),
        response: { 200: closed({ permissions: Type.Array(explained) }) },
        problems: ['unauthenticated', 'unknown_audience', ...reading],
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

const allowed = named('AllowedClient', {
  client_id: Type.String(),
  name: Type.String(),
  is_first_party: Type.Boolean(),
  scopes: Type.Array(Type.String()),
  permissions: Type.Array(closed({ audience: Type.String(), name: Type.String(), label: Type.String() })),
  created_at: Type.String({ format: 'date-time' }),
  last_used_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

/** What clients may do for the user, and how that ends. */
function grantRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.get(
    '/api/v1/account/grants',
    {
      schema: {
        operationId: 'listAccountGrants',
        ...own,
        summary: 'The clients that may act for the user, and what was agreed to',
        response: { 200: closed({ grants: Type.Array(allowed) }) },
        problems: ['unauthenticated', ...reading],
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
        ...own,
        summary: 'Take back what a client was allowed: what it holds for the user ends, and it has to ask again',
        params: closed({ client_id: Type.String({ maxLength: 255 }) }),
        response: { 204: Type.Null() },
        problems: ['unauthenticated', 'not_found', ...changing],
      },
    },
    async (request, reply) => {
      const { user } = await requireSession(deps, cookie, request);
      const isEnded = await deps.db.fork().transactional(async (tx) => {
        const client = await tx.findOne(Client, { clientId: request.params.client_id });
        return client !== null && revokeConsent(tx, user.id, client.id, 'ended_by_user', deps.clock.now());
      });
      if (!isEnded) throw new Problem('not_found', { detail: 'You have allowed no client of that id anything.' });
      return reply.code(204).send(null);
    },
  );
}

const listed = named('ListedSession', {
  ...session.properties,
  is_current: Type.Boolean(),
  ip: Type.Union([Type.String(), Type.Null()]),
  user_agent: Type.Union([Type.String(), Type.Null()]),
});

const explained = named('ExplainedPermission', {
  audience: Type.String(),
  name: Type.String(),
  from: Type.Union([Type.Literal('user'), Type.Literal('group'), Type.Literal('superuser')]),
  group: Type.Union([Type.String(), Type.Null()]),
});

type Guess = Extract<Awaited<ReturnType<typeof reserveAttempt>>, { ok: true }>;

/** Guesses at the current password count like guesses at the login form, in the same counters. */
async function reserveGuess(deps: ApiDeps, user: { username: string }, ip: string): Promise<Guess> {
  const reserved = await reserveAttempt(
    deps.db,
    deps.authentication.limits,
    { name: user.username, ip },
    deps.clock.now(),
  );
  if (!reserved.ok) throw tryLater('too_many_attempts', reserved.retryAfterSeconds);
  return reserved;
}

/** Answers the epoch of the current password. */
async function verifyOwn(deps: ApiDeps, user: { id: string }, given: string, reservation: Guess): Promise<number> {
  const { passwords } = deps.authentication;
  const stored = await deps.db.fork().findOne(User, { id: user.id, isActive: true });
  const checked = await passwords.verify(given, stored?.password ?? null);
  if (!checked.ok || checked.matches) await reservation.release();
  if (!checked.ok) throw tryLater('busy', checked.retryAfterSeconds);
  if (stored && checked.matches) return stored.passwordEpoch;
  throw new Problem('invalid', {
    errors: [{ pointer: '/current_password', code: 'password_incorrect', detail: 'This is not the current password.' }],
  });
}

async function end(deps: ApiDeps, which: { user: string; id?: string; except?: string }): Promise<string[]> {
  const now = deps.clock.now();
  return deps.db.fork().transactional(async (tx) => {
    const ended = await endSessions(tx, now, which, 'ended_by_user');
    for (const sid of ended) recordEvent(tx, now, { kind: 'session_ended', userId: which.user, detail: { sid } });
    return ended;
  });
}
