import type { KeyObject } from 'node:crypto';
import { Type } from 'typebox';
import { type AuthorizationRequest, formTargets, loadInteraction } from '../../oauth/index.ts';
import { type SingleFlight, singleFlight } from '../../platform/concurrency.ts';
import { type App, acceptForms, type Reply, type Request } from '../../platform/http/index.ts';
import { currentSession, type LiveSession } from '../../sessions/index.ts';
import { type Authentication, type ClientInfo, formDigest, signIn } from '../../signin/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { type CspOptions, field } from '../../ui/layout.ts';
import { message, wait } from '../../ui/messages.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors, retryResponse } from '../../ui/render.ts';
import { interactionFrom, safeReturnTo } from '../return-to.ts';
import { browserBinding, requestOrigin, type SignInDeps } from '../session.ts';

export interface LoginDeps extends SignInDeps {
  readonly authentication: Authentication;
  /** Key of the digest by which a form that is sent twice is recognised as one sign-in. */
  readonly formKey: KeyObject;
}

const operation = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const optionalText = Type.Optional(Type.String());

/** The login page. The cross-origin rule applies. */
export async function loginPages(app: App, deps: LoginDeps): Promise<void> {
  acceptForms(app);
  renderErrors(app);

  const get = {
    operationId: 'showLogin',
    summary: 'The login form',
    ...operation,
    querystring: Type.Object({ next: optionalText, again: optionalText }),
    response: {
      ...errorPages,
      200: htmlResponse('The form.'),
      303: redirectResponse('To `next`: a user is signed in already.'),
    },
  };
  app.get('/login', { schema: get }, async (request, reply) => {
    const returnTo = safeReturnTo(request.query.next, deps.endpoint.issuer);
    const context = await loadContext(deps, request, reply, returnTo);
    // The binding recognises a form that is sent twice. On the way to an interaction the browser has one already.
    if (interactionFrom(returnTo) === null) browserBinding(deps, request, reply);
    // A signed-in user may want to sign in as another user.
    const mustSignIn = context.isLoginRequired || request.query.again === '1';
    if (context.session && !mustSignIn) return reply.redirect(`${deps.endpoint.issuer}${returnTo}`, 303);
    return showForm(reply, 200, context, {});
  });

  const post = {
    operationId: 'logInByForm',
    summary: 'Log in, and go on to `next`',
    ...operation,
    form: Type.Object({ username: Type.String(), password: Type.String(), next: optionalText }),
    response: {
      ...errorPages,
      200: htmlResponse('The form again: a field was left empty, so nothing was tried.'),
      303: redirectResponse('To `next`, with a new session.'),
      401: htmlResponse('The form again: wrong username or password.'),
      429: retryResponse('Too many attempts.'),
      503: retryResponse('The server is busy, or the database cannot be reached.'),
    },
  };
  const once = singleFlight<FormOutcome>();
  app.post('/login', { schema: post }, async (request, reply) => {
    const { username = '', password = '', next } = (request.body ?? {}) as Record<string, string | undefined>;
    const submitted = { username, password, next: safeReturnTo(next, deps.endpoint.issuer) };
    return submitForm(deps, once, request, reply, submitted);
  });
}

/** The fields of a submitted form. */
interface LoginFields {
  readonly username: string;
  readonly password: string;
  readonly next: string;
}

/** The outcome of a form: a session whose secret is `token` (null: the browser has it already), or the form again. */
type FormOutcome =
  | { readonly kind: 'signed_in'; readonly token: string | null }
  | { readonly kind: 'again'; readonly status: number; readonly error: string; readonly retryAfterSeconds?: number };

async function submitForm(
  deps: LoginDeps,
  once: SingleFlight<FormOutcome>,
  request: Request,
  reply: Reply,
  fields: LoginFields,
) {
  const { username, password, next } = fields;
  const showAgain = async (status: number, error: string) =>
    showForm(reply, status, await loadContext(deps, request, reply, next), { username, error });
  if (username === '' || password === '') return showAgain(200, message('login.incomplete'));
  const secret = deps.flow.read(request);
  const clientInfo: ClientInfo = {
    ip: request.ip,
    userAgent: request.headers['user-agent'] ?? null,
    sessionToken: deps.session.read(request),
    ...(secret === null ? {} : { formDigest: formDigest(deps.formKey, { browser: secret, ...fields }) }),
  };
  // The second request of a double click waits for the outcome of the first.
  const key = clientInfo.formDigest && `${clientInfo.formDigest.toString('hex')} ${clientInfo.sessionToken}`;
  const run = () => tryForm(deps, fields, clientInfo, secret);
  const outcome = await (key ? once(key, run) : run());
  if (outcome.kind === 'again') {
    if (outcome.retryAfterSeconds) void reply.header('retry-after', String(outcome.retryAfterSeconds));
    return showAgain(outcome.status, outcome.error);
  }
  if (outcome.token !== null) deps.session.write(reply, outcome.token, deps.sessionLife.absoluteSeconds);
  return reply.redirect(`${deps.endpoint.issuer}${next}`, 303);
}

/** What a sign-in comes to, as the form shows it. A form that has made a session is not verified again. */
async function tryForm(
  deps: LoginDeps,
  { username, password }: LoginFields,
  client: ClientInfo,
  browser: string | null,
): Promise<FormOutcome> {
  const attempt = { username, password, client, browser };
  const result = await signIn(deps.endpoint.db, deps.authentication, deps.sessionLife, attempt);
  switch (result.kind) {
    case 'signed_in':
    case 'repeated':
      return { kind: 'signed_in', token: result.token };
    case 'throttled':
      return {
        status: 429,
        error: message('login.throttled', wait(result.retryAfterSeconds)),
        ...result,
        kind: 'again',
      };
    case 'busy':
      return { status: 503, error: message('login.busy'), ...result, kind: 'again' };
    default:
      return { kind: 'again', status: 401, error: message('login.wrong') };
  }
}

interface LoginContext {
  readonly returnTo: string;
  readonly session: LiveSession | null;
  /** Whether a signed-in user has to sign in again. */
  readonly isLoginRequired: boolean;
  /** The authorization request that the sign-in is for. */
  readonly request: AuthorizationRequest | null;
}

async function loadContext(deps: LoginDeps, request: Request, reply: Reply, returnTo: string): Promise<LoginContext> {
  const session = await currentSession(deps, deps.session, request);
  const secret = interactionFrom(returnTo);
  if (secret === null) return { returnTo, session, isLoginRequired: false, request: null };
  const interaction = await loadInteraction(deps.endpoint, secret, {
    browser: browserBinding(deps, request, reply),
    session,
    ...requestOrigin(request),
  });
  const { isLogin = false, request: authorizationRequest = null } = interaction ?? {};
  return { returnTo, session, isLoginRequired: isLogin, request: authorizationRequest };
}

function showForm(
  reply: Reply,
  status: number,
  context: LoginContext,
  typed: { username?: string; error?: string },
): Reply {
  const { returnTo, session, request } = context;
  const username = typed.username ?? request?.loginHint ?? session?.user.username ?? '';
  const content = loginForm({
    returnTo,
    username,
    error: typed.error ?? null,
    clientName: request?.client.name ?? null,
    signedIn: session?.user.username ?? null,
    interaction: request ? interactionFrom(returnTo) : null,
  });
  const csp: CspOptions = request ? { formTargets: formTargets(request.responseTarget.redirectUri) } : {};
  return render(reply, status, 'Sign in', content, csp);
}

interface LoginForm {
  readonly returnTo: string;
  readonly username: string;
  readonly error: string | null;
  /** Name of the client that sent the user here. */
  readonly clientName: string | null;
  /** The user who is signed in and has to sign in again. */
  readonly signedIn: string | null;
  /** The interaction that can be cancelled. */
  readonly interaction: string | null;
}

function loginForm({ returnTo, username, error, clientName, signedIn, interaction }: LoginForm): Html {
  return html`${clientName === null ? null : html`<p>To go on to <strong>${clientName}</strong>.</p>`}
${signedIn === null ? null : html`<p class="quiet">You are signed in as <strong>${signedIn}</strong>, and asked to sign in again.</p>`}
${error === null ? null : html`<p class="error" role="alert">${error}</p>`}
<form method="post">
${field({ name: 'next', label: '', type: 'hidden', value: returnTo })}
${field({ name: 'username', label: 'Username', type: 'text', autocomplete: 'username', value: username, isRequired: true, hasFocus: username === '' })}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', isRequired: true, hasFocus: username !== '' })}
<button type="submit">Sign in</button>
</form>
${interaction === null ? null : html`<form method="post" action="interaction/${interaction}"><button type="submit" name="decision" value="deny" class="plain">Cancel</button></form>`}`;
}
