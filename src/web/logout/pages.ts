import { Type } from 'typebox';
import { type ClientCache, formTargets, oauthError, responseLocation } from '../../oauth/index.ts';
import { type LogoutRequest, nextLogoutStep, readLogoutRequest } from '../../oauth/logout/index.ts';
import {
  type App,
  acceptForms,
  isCrossOrigin,
  logOAuthRefusal,
  Problem,
  type Reply,
  type Request,
  type SessionCookie,
} from '../../platform/http/index.ts';
import { currentSession, type SessionDeps } from '../../sessions/index.ts';
import { logOut } from '../../signin/index.ts';
import type { KeyRing } from '../../tokens/index.ts';
import { message } from '../../ui/messages.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors } from '../../ui/render.ts';
import { question, signedOut, signedOutUnregistered, stayed } from './views.ts';

export interface LogoutPageDeps extends SessionDeps {
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly clients: Pick<ClientCache, 'load'>;
}

const PATH = '/oauth2/logout';

const optionalText = Type.Optional(Type.String());
const parameters = {
  id_token_hint: optionalText,
  logout_hint: optionalText,
  client_id: optionalText,
  post_logout_redirect_uri: optionalText,
  state: optionalText,
  ui_locales: optionalText,
};
const operation = {
  tags: ['pages'],
  security: [{ session: [] }, {}] as Record<string, string[]>[],
  response: {
    200: htmlResponse('The question whether to sign out, or the result.'),
    303: redirectResponse('To `post_logout_redirect_uri`, with `state`.'),
    ...errorPages,
  },
};

/**
 * The logout endpoint (OIDC RP-Initiated Logout §2). It is exempt from the cross-origin rule, because pages of clients
 * lead here: a POST from another site ends no session, and a decision is taken only from a page of Signet.
 */
export async function logoutPages(app: App, deps: LogoutPageDeps, cookie: SessionCookie): Promise<void> {
  acceptForms(app);
  renderErrors(app);

  const get = {
    operationId: 'endSessionOfBrowser',
    summary: 'Log out of this browser (OIDC RP-Initiated Logout §2)',
    ...operation,
    querystring: Type.Object(parameters),
  };
  app.get(PATH, { schema: get }, async (request, reply) =>
    // RFC 9110 §9.3.2: a HEAD gets the headers of the page, and ends no session.
    respond(deps, cookie, request, reply, {
      isConfirmed: false,
      isCrossSitePost: false,
      isHarmless: request.method === 'HEAD',
    }),
  );

  const post = {
    operationId: 'endSessionByForm',
    summary: 'The same by a form; the pages of Signet send `decision` with it',
    ...operation,
    form: Type.Object({
      ...parameters,
      decision: Type.Optional(Type.Union([Type.Literal('logout'), Type.Literal('stay')])),
    }),
  };
  app.post(PATH, { schema: post }, async (request, reply) => {
    const isCrossSitePost = isCrossOrigin(request, new URL(deps.issuer).origin);
    const { decision } = readFields(request);
    if (!isCrossSitePost && decision === 'stay') return render(reply, 200, 'You are still signed in', stayed);
    const isConfirmed = !isCrossSitePost && decision === 'logout';
    return respond(deps, cookie, request, reply, { isConfirmed, isCrossSitePost, isHarmless: isCrossSitePost });
  });
}

interface LogoutMode {
  readonly isConfirmed: boolean;
  /** The request carries no cookies. */
  readonly isCrossSitePost: boolean;
  /** The request ends no session. */
  readonly isHarmless: boolean;
}

async function respond(deps: LogoutPageDeps, cookie: SessionCookie, request: Request, reply: Reply, mode: LogoutMode) {
  const { db, clock } = deps;
  const now = clock.now();
  const fields = readFields(request);
  const logout = await readLogoutRequest(deps, fields);
  const refusal = logout.fault && logOAuthRefusal(request, oauthError(logout.fault), logout.client ?? undefined);
  const token = cookie.read(request);
  const session = await currentSession(deps, cookie, request);
  const step = await nextLogoutStep(db, logout, session, mode, now);
  if (step === 'ask' || (step === 'end' && mode.isHarmless))
    return render(
      reply,
      200,
      'Sign out?',
      question(fields, session?.user.username ?? null, logout.client?.name ?? null),
      {
        formTargets: logout.redirectUri === null ? '' : formTargets(logout.redirectUri),
      },
    );
  // An expired session is ended too, with the tokens issued in it: the user or an ID token has asked for it.
  if (step !== 'done' && !mode.isHarmless && token !== null) await logOut(db, token, now);
  if (!mode.isHarmless) cookie.clear(reply);
  const location = returnLocation(logout, fields['state']);
  // OIDC RP-Initiated Logout §3, §4: an unregistered address is not followed, and the logout itself succeeds.
  const isUnregistered = logout.client !== null && fields['post_logout_redirect_uri'] !== undefined;
  if (location === null)
    return render(
      reply,
      200,
      'You are signed out',
      isUnregistered ? signedOutUnregistered(refusal?.isShown ? refusal.remedy : null) : signedOut(null),
    );
  // Nothing shows that the client has sent the user here: the user decides whether to go on.
  if (step === 'done')
    return render(reply, 200, 'You are signed out', signedOut({ name: logout.client?.name ?? '', href: location }));
  return reply.code(303).header('location', location).send();
}

/** OIDC RP-Initiated Logout §3: returns the address that the client asked for, with its `state`. */
function returnLocation({ redirectUri }: LogoutRequest, state: string | undefined): string | null {
  if (redirectUri === null) return null;
  return responseLocation({ redirectUri, mode: 'query', parameters: state === undefined ? {} : { state } });
}

/** Characters. */
const MAX_STATE_LENGTH = 8192;

/** Reads the query or the form, never both. An empty parameter counts as absent (RFC 6749 §3.1). */
function readFields(request: Request): Record<string, string> {
  const [query, form] = [request.query, request.body ?? {}] as [Record<string, string>, Record<string, string>];
  if (request.method === 'POST' && Object.keys(query).some((name) => name in form))
    throw new Problem('bad_request', { detail: message('logout.parameter_repeated') });
  const fields = Object.entries(request.method === 'POST' ? form : query);
  // As at the authorization endpoint: without its state the client would not recognise the response.
  if (fields.some(([name, value]) => name === 'state' && value.length > MAX_STATE_LENGTH))
    throw new Problem('bad_request', { detail: message('logout.state_too_long', { max: MAX_STATE_LENGTH }) });
  return Object.fromEntries(fields.filter(([, value]) => value !== ''));
}
