import type { KeyObject } from 'node:crypto';
import { Type } from 'typebox';
import { type AuthorizationRequest, formTargets, loadInteraction } from '../../oauth/index.ts';
import { type SingleFlight, singleFlight } from '../../platform/concurrency.ts';
import { type App, acceptForms, type Reply, type Request } from '../../platform/http/index.ts';
import type { LiveSession } from '../../sessions/index.ts';
import {
  type Authentication,
  authenticate,
  type ClientInfo,
  formDigest,
  logIn,
  repeatSignIn,
} from '../../signin/index.ts';
import type { CspOptions } from '../../ui/layout.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors, retryResponse } from '../../ui/render.ts';
import { interactionFrom, safeReturnTo } from '../return-to.ts';
import { browserBinding, currentSession, requestOrigin, type SignInDeps } from '../session.ts';
import { loginForm } from './form.ts';

export interface LoginDeps extends SignInDeps {
  readonly authentication: Authentication;
  /** Names the forms that are sent, so that one that comes twice is one sign-in. */
  readonly formKey: KeyObject;
}

const ofPages = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const text = Type.Optional(Type.String());
const NOT_FILLED = 'Type your username and your password.';
const BUSY = 'Many people log in just now. Try again in a few seconds.';
const NOT_RIGHT = 'This username and password do not belong together.';

/** Where people log in; held by the cross-origin rule. */
export async function loginPages(app: App, deps: LoginDeps): Promise<void> {
  acceptForms(app);
  renderErrors(app);

  const form = {
    operationId: 'showLogin',
    summary: 'The login form',
    ...ofPages,
    querystring: Type.Object({ next: text, again: text }),
    response: {
      ...errorPages,
      200: htmlResponse('The form.'),
      303: redirectResponse('To `next`: whoever is there is logged in already, and need not be again.'),
    },
  };
  app.get('/login', { schema: form }, async (request, reply) => {
    const next = safeReturnTo(request.query.next, deps.endpoint.issuer);
    const about = await loadContext(deps, request, reply, next);
    // By it a form that is sent twice is recognised; on the way to an interaction the browser has it already.
    if (interactionFrom(next) === null) browserBinding(deps, request, reply);
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
      200: htmlResponse('The form again: a field was left empty, so nothing was tried.'),
      303: redirectResponse('To `next`, with a new session.'),
      401: htmlResponse('The form again: the username and the password do not belong together.'),
      429: retryResponse('Too many attempts.'),
      503: retryResponse('Too many people log in just now, or the database cannot be reached.'),
    },
  };
  const once = singleFlight<Entered>();
  app.post('/login', { schema: submitted }, async (request, reply) => {
    const { username = '', password = '', next } = (request.body ?? {}) as Record<string, string | undefined>;
    return enter(deps, once, request, reply, { username, password, next: safeReturnTo(next, deps.endpoint.issuer) });
  });
}

interface Typed {
  readonly username: string;
  readonly password: string;
  readonly next: string;
}

/** What a form came to: a session whose secret is `token` (null: the browser has it already), or the form again. */
type Entered =
  | { readonly kind: 'in'; readonly token: string | null }
  | { readonly kind: 'again'; readonly status: number; readonly error: string; readonly retryAfterSeconds?: number };

async function enter(deps: LoginDeps, once: SingleFlight<Entered>, request: Request, reply: Reply, typed: Typed) {
  const { username, password, next } = typed;
  const again = async (status: number, error: string) =>
    showForm(reply, status, await loadContext(deps, request, reply, next), { username, error });
  if (username === '' || password === '') return again(200, NOT_FILLED);
  const secret = deps.flow.read(request);
  const browser: ClientInfo = {
    ip: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
    presented: deps.session.read(request),
    ...(secret === null ? {} : { form: formDigest(deps.formKey, { browser: secret, ...typed }) }),
  };
  // A double click: the second waits for the first, and comes to the same.
  const key = browser.form && `${browser.form.toString('hex')} ${browser.presented}`;
  const run = () => attempt(deps, typed, browser);
  const entered = await (key ? once(key, run) : run());
  if (entered.kind === 'again') {
    if (entered.retryAfterSeconds) void reply.header('retry-after', String(entered.retryAfterSeconds));
    return again(entered.status, entered.error);
  }
  if (entered.token !== null) deps.session.write(reply, entered.token, deps.sessionLife.absoluteSeconds);
  return reply.redirect(`${deps.endpoint.issuer}${next}`, 303);
}

/** As at `POST /api/v1/login`: one throttle, one verification, one refusal at its deadline. A form that has made a session is not verified again. */
async function attempt(deps: LoginDeps, { username, password }: Typed, browser: ClientInfo): Promise<Entered> {
  const { db, clock } = deps.endpoint;
  const typed = { username, password, ip: browser.ip };
  const { form, presented } = browser;
  const findRepeat = async () => (form ? repeatSignIn(db, form, presented, clock.now()) : null);
  const outcome = await authenticate(db, deps.authentication, typed, findRepeat);
  if (outcome.kind === 'repeated') return { kind: 'in', token: outcome.as.token };
  if (outcome.kind === 'throttled' || outcome.kind === 'busy') {
    const { retryAfterSeconds } = outcome;
    return outcome.kind === 'busy'
      ? { kind: 'again', status: 503, error: BUSY, retryAfterSeconds }
      : { kind: 'again', status: 429, error: tooMany(retryAfterSeconds), retryAfterSeconds };
  }
  if (outcome.kind === 'refused') return { kind: 'again', status: 401, error: NOT_RIGHT };
  const loggedIn = await logIn(db, deps.authentication, deps.sessionLife, outcome.user, password, browser);
  return loggedIn ? { kind: 'in', token: loggedIn.token } : { kind: 'again', status: 401, error: NOT_RIGHT };
}

function tooMany(seconds: number): string {
  return `There were too many attempts. Try again in ${waitText(seconds)}.`;
}

function waitText(seconds: number): string {
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

async function loadContext(deps: LoginDeps, request: Request, reply: Reply, next: string): Promise<Context> {
  const session = await currentSession(deps, request);
  const secret = interactionFrom(next);
  if (secret === null) return { next, session, isNeeded: false, request: null };
  const looked = await loadInteraction(deps.endpoint, secret, {
    browser: browserBinding(deps, request, reply),
    session,
    ...requestOrigin(request),
  });
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
    interaction: request ? interactionFrom(next) : null,
  });
  const allowed: CspOptions = request ? { formTargets: formTargets(request.to.redirectUri) } : {};
  return render(reply, status, 'Sign in', content, allowed);
}
