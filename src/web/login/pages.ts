import { Type } from 'typebox';
import { type Authentication, authenticate, type LiveSession, logIn } from '../../identity/index.ts';
import { type AuthorizationRequest, formTargets, lookAtInteraction } from '../../oauth/index.ts';
import { type App, acceptForms, type Reply, type Request } from '../../platform/http/index.ts';
import type { Allowance } from '../layout.ts';
import { interactionOf, nextOf } from '../next.ts';
import { errorPages, sentTo, show, showErrors, shown, shownLater } from '../show.ts';
import { browserOf, type SignInDeps, sessionOf } from '../visitor.ts';
import { loginForm } from './form.ts';

export interface LoginDeps extends SignInDeps {
  readonly authentication: Authentication;
}

const ofPages = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const text = Type.Optional(Type.String());
const NOT_FILLED = 'Type your username and your password.';
const NOT_RIGHT = 'This username and password do not belong together.';

/** Where people log in; held by the cross-origin rule. */
export async function loginPages(app: App, deps: LoginDeps): Promise<void> {
  acceptForms(app);
  showErrors(app);

  const form = {
    operationId: 'showLogin',
    summary: 'The login form',
    ...ofPages,
    querystring: Type.Object({ next: text, again: text }),
    response: {
      ...errorPages,
      200: shown('The form.'),
      303: sentTo('To `next`: whoever is there is logged in already, and need not be again.'),
    },
  };
  app.get('/login', { schema: form }, async (request, reply) => {
    const next = nextOf(request.query.next, deps.endpoint.issuer);
    const about = await contextOf(deps, request, reply, next);
    // Whoever is signed in may want to be somebody else.
    const isAsked = about.isNeeded || request.query.again === '1';
    if (about.session && !isAsked) return reply.redirect(`${deps.endpoint.issuer}${next}`, 303);
    return showForm(reply, 200, about, {});
  });

  const submitted = {
    operationId: 'logInByForm',
    summary: 'Log in, and go on to `next`',
    ...ofPages,
    form: Type.Object({ username: Type.String(), password: Type.String(), next: text }),
    response: {
      ...errorPages,
      200: shown('The form again: a field was left empty, so nothing was tried.'),
      303: sentTo('To `next`, with a new session.'),
      401: shown('The form again: the username and the password do not belong together.'),
      429: shownLater('Too many attempts.'),
      503: shownLater('Too many people log in just now, or the database cannot be reached.'),
    },
  };
  app.post('/login', { schema: submitted }, async (request, reply) => {
    const { username = '', password = '', next } = (request.body ?? {}) as Record<string, string | undefined>;
    return enter(deps, request, reply, { username, password, next: nextOf(next, deps.endpoint.issuer) });
  });
}

interface Typed {
  readonly username: string;
  readonly password: string;
  readonly next: string;
}

/** As at `POST /api/v1/login`: one throttle, one verification, one refusal at its deadline. */
async function enter(deps: LoginDeps, request: Request, reply: Reply, { username, password, next }: Typed) {
  const { db, issuer } = deps.endpoint;
  const browser = {
    ip: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
    presented: deps.session.read(request),
  };
  if (username === '' || password === '')
    return showForm(reply, 200, await contextOf(deps, request, reply, next), { username, error: NOT_FILLED });
  const outcome = await authenticate(db, deps.authentication, { username, password, ip: browser.ip });
  const again = async (status: number, error: string) =>
    showForm(reply, status, await contextOf(deps, request, reply, next), { username, error });
  if (outcome.kind === 'throttled' || outcome.kind === 'busy') {
    void reply.header('retry-after', String(outcome.retryAfterSeconds));
    return outcome.kind === 'busy'
      ? again(503, 'Many people log in just now. Try again in a few seconds.')
      : again(429, `There were too many attempts. Try again in ${waitOf(outcome.retryAfterSeconds)}.`);
  }
  if (outcome.kind === 'refused') return again(401, NOT_RIGHT);
  const loggedIn = await logIn(db, deps.authentication, deps.sessionLife, outcome.user, password, browser);
  if (!loggedIn) return again(401, NOT_RIGHT);
  deps.session.write(reply, loggedIn.token, deps.sessionLife.absoluteSeconds);
  return reply.redirect(`${issuer}${next}`, 303);
}

function waitOf(seconds: number): string {
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

interface Context {
  readonly next: string;
  readonly session: LiveSession | null;
  /** Whether somebody who is signed in is to do it again. */
  readonly isNeeded: boolean;
  /** What it is for. */
  readonly request: AuthorizationRequest | null;
}

async function contextOf(deps: LoginDeps, request: Request, reply: Reply, next: string): Promise<Context> {
  const session = await sessionOf(deps, request);
  const secret = interactionOf(next);
  if (secret === null) return { next, session, isNeeded: false, request: null };
  const looked = await lookAtInteraction(deps.endpoint, secret, { browser: browserOf(deps, request, reply), session });
  return { next, session, isNeeded: looked?.isLogin ?? false, request: looked?.request ?? null };
}

function showForm(reply: Reply, status: number, about: Context, typed: { username?: string; error?: string }): Reply {
  const { next, session, request } = about;
  const username = typed.username ?? request?.loginHint ?? session?.user.username ?? '';
  const content = loginForm({
    next,
    username,
    error: typed.error ?? null,
    clientName: request?.client.name ?? null,
    signedIn: session?.user.username ?? null,
    interaction: request ? interactionOf(next) : null,
  });
  const allowed: Allowance = request ? { formTargets: formTargets(request.to.redirectUri) } : {};
  return show(reply, status, 'Sign in', content, allowed);
}
