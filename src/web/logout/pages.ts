import { Type } from 'typebox';
import { type ClientCache, formTargets, responseLocation } from '../../oauth/index.ts';
import { type LogoutRequest, nextLogoutStep, readLogoutRequest } from '../../oauth/logout/index.ts';
import type { Database } from '../../platform/database/index.ts';
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
import type { Clock } from '../../platform/time.ts';
import { findSession } from '../../sessions/index.ts';
import { logOut } from '../../signin/index.ts';
import type { KeyRing } from '../../tokens/index.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors } from '../../ui/render.ts';
import { question, signedOut, signedOutAstray, stayed } from './views.ts';

export interface LogoutPageDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly issuer: string;
  readonly clients: Pick<ClientCache, 'load'>;
  readonly sessionIdleSeconds: number;
}

const PATH = '/oauth2/logout';

const text = Type.Optional(Type.String());
const parameters = {
  id_token_hint: text,
  logout_hint: text,
  client_id: text,
  post_logout_redirect_uri: text,
  state: text,
  ui_locales: text,
};
const ofPages = {
  tags: ['pages'],
  security: [{ session: [] }, {}] as Record<string, string[]>[],
  response: {
    200: htmlResponse('The question whether to sign out, or what became of it.'),
    303: redirectResponse('To `post_logout_redirect_uri`, with `state`.'),
    ...errorPages,
  },
};

/**
 * Where a client sends a browser to log out (OIDC RP-Initiated Logout §2). It stands outside the cross-origin rule, because pages of
 * clients lead here: what another page posts ends nothing, and a decision is taken from a page of Signet's own alone.
 */
export async function logoutPages(app: App, deps: LogoutPageDeps, cookie: SessionCookie): Promise<void> {
  acceptForms(app);
  renderErrors(app);

  const get = {
    operationId: 'endSessionOfBrowser',
    summary: 'Log out of this browser (OIDC RP-Initiated Logout §2)',
    ...ofPages,
    querystring: Type.Object(parameters),
  };
  app.get(PATH, { schema: get }, async (request, reply) =>
    // RFC 9110 §9.3.2: who asks for the head alone wants to know what would be answered.
    answer(deps, cookie, request, reply, {
      isConfirmed: false,
      isCrossSitePost: false,
      isHarmless: request.method === 'HEAD',
    }),
  );

  const post = {
    operationId: 'endSessionByForm',
    summary: 'The same by a form; the pages of Signet send `decision` with it',
    ...ofPages,
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
    return answer(deps, cookie, request, reply, { isConfirmed, isCrossSitePost, isHarmless: isCrossSitePost });
  });
}

interface How {
  readonly isConfirmed: boolean;
  /** Cookies do not come with it. */
  readonly isCrossSitePost: boolean;
  /** It ends nothing. */
  readonly isHarmless: boolean;
}

async function answer(deps: LogoutPageDeps, cookie: SessionCookie, request: Request, reply: Reply, how: How) {
  const { db, clock } = deps;
  const now = clock.now();
  const given = readFields(request);
  const asked = await readLogoutRequest(deps, given);
  const note = asked.fault && logOAuthRefusal(request, asked.fault, asked.client ?? undefined);
  const token = cookie.read(request);
  const session = token === null ? null : await findSession(db, token, now, deps.sessionIdleSeconds);
  const step = await nextLogoutStep(db, asked, session, how, now);
  if (step === 'ask' || (step === 'end' && how.isHarmless))
    return render(
      reply,
      200,
      'Sign out?',
      question(given, session?.user.username ?? null, asked.client?.name ?? null),
      {
        formTargets: asked.redirectUri === null ? '' : formTargets(asked.redirectUri),
      },
    );
  // One whose time is up is ended too, with what was given in it: somebody has said so, or an ID token.
  if (step !== 'done' && !how.isHarmless && token !== null) await logOut(db, token, now);
  if (!how.isHarmless) cookie.clear(reply);
  const next = backTo(asked, given['state']);
  // OIDC RP-Initiated Logout §3, §4: what was not registered is not followed, and the logout itself is in order.
  const isAstray = asked.client !== null && given['post_logout_redirect_uri'] !== undefined;
  if (next === null)
    return render(
      reply,
      200,
      'You are signed out',
      isAstray ? signedOutAstray(note?.isShown ? note.remedy : null) : signedOut(null),
    );
  // Nobody has htmlResponse that the client means it: the user goes on, or does not.
  if (step === 'done')
    return render(reply, 200, 'You are signed out', signedOut({ name: asked.client?.name ?? '', href: next }));
  return reply.code(303).header('location', next).send();
}

/** OIDC RP-Initiated Logout §3: where the client wanted the browser back, with its `state`. */
function backTo({ redirectUri }: LogoutRequest, state: string | undefined): string | null {
  if (redirectUri === null) return null;
  return responseLocation({ redirectUri, mode: 'query', parameters: state === undefined ? {} : { state } });
}

/** Characters. */
const LONGEST_STATE = 8192;

/** Of the query or of the form, never of both; an empty one is absent (RFC 6749 §3.1). */
function readFields(request: Request): Record<string, string> {
  const [query, form] = [request.query, request.body ?? {}] as [Record<string, string>, Record<string, string>];
  if (request.method === 'POST' && Object.keys(query).some((name) => name in form))
    throw new Problem('bad_request', { detail: 'A parameter is in the query and in the form.' });
  const fields = Object.entries(request.method === 'POST' ? form : query);
  // As at the authorization endpoint: the client would not know its own answer without it.
  if (fields.some(([name, value]) => name === 'state' && value.length > LONGEST_STATE))
    throw new Problem('bad_request', { detail: 'The parameter state is too long.' });
  return Object.fromEntries(fields.filter(([, value]) => value !== ''));
}
