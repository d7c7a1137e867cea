import { Type } from 'typebox';
import { type App, type Problem, type SessionCookie, tryLater } from '../../platform/http/index.ts';
import { type LoggedIn, logOut, signIn, signUp } from '../../signin/index.ts';
import { findActiveUser } from '../../users/index.ts';
import { invalidFields } from '../problems.ts';
import { refusal } from '../refusals.ts';
import { type ApiDeps, auditContext, clientInfo, requireSession, wireSession, wireUser } from '../requests.ts';
import {
  accessToken,
  audience,
  component,
  object,
  publicAccess,
  scope,
  session,
  sessionAccess,
  user,
  writeErrors,
} from '../schemas.ts';
import { apiVersion, type PreparedToken, prepareToken, type TokenParameters, tokenUser } from '../tokens.ts';

const tags = ['login'];

/** Sign-up, login, logout, and tokens from a session: the contract of first-party apps. */
export function loginRoutes(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  signUpRoute(app, deps);
  logInRoute(app, deps, cookie);
  tokenRoute(app, deps, cookie);
  logOutRoute(app, deps, cookie);
}

function signUpRoute(app: App, deps: ApiDeps): void {
  app.post(
    '/api/v1/signup',
    {
      schema: {
        operationId: 'signUp',
        summary: 'Create an account',
        tags,
        security: publicAccess,
        body: object({
          username: Type.String(),
          password: Type.String(),
          email: Type.Optional(Type.String()),
          first_name: Type.Optional(Type.String()),
          last_name: Type.Optional(Type.String()),
        }),
        response: { 201: object({ user }) },
        problems: ['signup_closed', 'invalid', 'too_many_attempts', 'busy', ...writeErrors],
      },
    },
    async (request, reply) => {
      if (deps.signup !== 'open') throw refusal('signup_off');
      const { username, password, email = '', first_name: firstName = '', last_name: lastName = '' } = request.body;
      const result = await signUp(deps, auditContext(deps, request, null), request.ip, {
        username,
        password,
        email,
        firstName,
        lastName,
      });
      if (result.kind === 'throttled') throw tryLater('too_many_attempts', result.retryAfterSeconds);
      if (result.kind === 'busy') throw tryLater('busy', result.retryAfterSeconds);
      if (result.kind === 'invalid') throw invalidFields(result.errors);
      return reply.code(201).send({ user: wireUser(result.user) });
    },
  );
}

function logInRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.post(
    '/api/v1/login',
    {
      schema: {
        operationId: 'logIn',
        summary: 'Log in: a session cookie, and an access token when `audience` is given',
        tags,
        security: publicAccess,
        body: object({
          username: Type.String({ description: 'Username, or a verified e-mail address.' }),
          password: Type.String(),
          audience: Type.Optional(audience),
          scope: Type.Optional(scope),
        }),
        response: { 200: component('Login', { user, session, ...optional(accessToken) }) },
        problems: [
          'invalid_credentials',
          'unknown_audience',
          'token_over_budget',
          'too_many_attempts',
          'busy',
          ...writeErrors,
        ],
      },
    },
    async (request, reply) => {
      const { username, password, audience, scope } = request.body;
      const token: { prepared?: PreparedToken } = {};
      // After authentication and before any write: the API may not exist, or the token may not fit.
      const beforeSession = async (userId: string) => {
        if (audience !== undefined) token.prepared = await prepareUserToken(deps, userId, { audience, scope });
      };
      const attempt = { username, password, client: clientInfo(request, cookie), beforeSession };
      const result = await signIn(deps.db, deps.authentication, deps.sessionLife, attempt);
      if (result.kind === 'throttled') throw tryLater('too_many_attempts', result.retryAfterSeconds);
      if (result.kind === 'busy') throw tryLater('busy', result.retryAfterSeconds);
      if (result.kind !== 'signed_in') throw wrongCredentials();
      cookie.write(reply, result.token, deps.sessionLife.absoluteSeconds);
      return {
        user: wireUser(result.user),
        session: wireSession(result.session),
        ...(await token.prepared?.sign(tokenSession(result.session))),
      };
    },
  );
}

function tokenRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.post(
    '/api/v1/token',
    {
      schema: {
        operationId: 'issueToken',
        summary: 'An access token for an API, from the session; the session is the grant, so there is no refresh token',
        tags,
        security: sessionAccess,
        body: object({ audience, scope: Type.Optional(scope) }),
        response: { 200: component('AccessToken', accessToken) },
        problems: ['unauthenticated', 'unknown_audience', 'token_over_budget', ...writeErrors],
      },
    },
    async (request) => {
      const peek = deps.access.peek(request.body.audience);
      const current = await requireSession(deps, cookie, request, peek?.id);
      const version = apiVersion(peek, current.apiVersion);
      return (await prepareToken(deps, request.body, tokenUser(current.user), version)).sign(current);
    },
  );
}

function logOutRoute(app: App, deps: ApiDeps, cookie: SessionCookie): void {
  app.post(
    '/api/v1/logout',
    {
      schema: {
        operationId: 'logOut',
        summary: 'End the session of the cookie, if there is one',
        tags,
        security: [...sessionAccess, {}],
        response: { 204: Type.Null() },
        problems: writeErrors,
      },
    },
    async (request, reply) => {
      const token = cookie.read(request);
      // An expired session is ended too, with its tokens.
      if (token !== null) await logOut(deps.db, token, deps.clock.now());
      cookie.clear(reply);
      return reply.code(204).send(null);
    },
  );
}

function tokenSession({ id, authTime, amr, expiresAt }: LoggedIn['session']) {
  return { id, authTime, amr, endsAt: expiresAt };
}

async function prepareUserToken(deps: ApiDeps, userId: string, parameters: TokenParameters): Promise<PreparedToken> {
  const user = await findActiveUser(deps.db, userId);
  if (!user) throw wrongCredentials();
  return prepareToken(deps, parameters, tokenUser(user));
}

/** One error for an unknown user, a wrong password, an inactive user and an unusable password. */
function wrongCredentials(): Problem {
  return refusal('credentials_wrong');
}

function optional(fields: typeof accessToken) {
  return {
    access_token: Type.Optional(fields.access_token),
    token_type: Type.Optional(fields.token_type),
    expires_in: Type.Optional(fields.expires_in),
  };
}
