import { Type } from 'typebox';
import {
  answerInteraction,
  type ConsentPrompt,
  continueInteraction,
  formTargets,
  type NextStep,
  type ResolvedRequest,
} from '../../oauth/index.ts';
import { Api } from '../../permissions/index.ts';
import { singleFlight } from '../../platform/concurrency.ts';
import { type App, acceptForms, type Reply, type Request } from '../../platform/http/index.ts';
import { currentSession } from '../../sessions/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { message } from '../../ui/messages.ts';
import { errorPages, htmlResponse, redirectResponse, render, renderErrors } from '../../ui/render.ts';
import { sendAuthorizationResponse } from '../authorize/send-response.ts';
import { browserBinding, requestOrigin, type SignInDeps } from '../session.ts';
import { consentPage } from './consent.ts';

const operation = { tags: ['pages'], security: [{ session: [] }, {}] as Record<string, string[]>[] };
const responses = {
  ...errorPages,
  200: htmlResponse(
    'The question to the user; or, by `response_mode=form_post`, a form that goes to the client by itself.',
  ),
  303: redirectResponse('To the login page; or to the client, with a code or an error.'),
  410: htmlResponse('Unknown, expired, already used, or started in another browser.'),
};

/**
 * The pages of an interaction: an authorization request that waits for its user to sign in or to consent. The
 * cross-origin rule applies.
 */
export async function interactionPages(app: App, deps: SignInDeps): Promise<void> {
  acceptForms(app);
  renderErrors(app);
  // Both requests of a double click get the same response. A later repeat is served from the stored request.
  const once = singleFlight<NextStep>();
  const browserContext = async (request: Request, reply: Reply) => ({
    browser: browserBinding(deps, request, reply),
    session: await currentSession(deps, deps.session, request),
    ...requestOrigin(request),
  });

  const get = {
    operationId: 'showInteraction',
    summary: 'Go on with an authorization request, for who is signed in now',
    ...operation,
    params: Type.Object({ id: Type.String() }),
    response: responses,
  };
  app.get('/interaction/:id', { schema: get }, async (request, reply) => {
    const { id } = request.params;
    // A HEAD is given no code, and does not replace the one that was issued: its response is not read, but may be
    // logged (RFC 9110 §9.3.2).
    if (request.method === 'HEAD') return render(reply, 200, 'One moment', html``);
    const next = await continueInteraction(deps.endpoint, id, await browserContext(request, reply));
    return showNext(deps, reply, id, next);
  });

  const post = {
    operationId: 'answerInteraction',
    summary: 'Allow or deny what a client asks for',
    ...operation,
    params: Type.Object({ id: Type.String() }),
    form: Type.Object({
      decision: Type.Union([Type.Literal('allow'), Type.Literal('deny')]),
      shown: Type.Optional(Type.String({ description: 'As the page had it: what was shown, and to whom.' })),
    }),
    response: responses,
  };
  app.post('/interaction/:id', { schema: post }, async (request, reply) => {
    const { id } = request.params;
    const { decision, shown: promptDigest } = (request.body ?? {}) as Record<string, string | undefined>;
    const context = await browserContext(request, reply);
    const key = JSON.stringify([id, context.browser, context.session?.id, decision, promptDigest]);
    const next = await once(key, () => answerInteraction(deps.endpoint, id, context, { decision, promptDigest }));
    return showNext(deps, reply, id, next);
  });
}

async function showNext(deps: SignInDeps, reply: Reply, id: string, next: NextStep): Promise<Reply> {
  const { issuer } = deps.endpoint;
  switch (next.kind) {
    case 'response':
      return sendAuthorizationResponse(reply, next.response);
    case 'login':
      return reply.redirect(`${issuer}/login?next=/interaction/${id}`, 303);
    case 'interaction':
      return reply.redirect(`${issuer}/interaction/${next.secret}`, 303);
    case 'redeemed':
      return render(reply, 200, 'You are signed in', alreadySignedIn(next.resolvedRequest, issuer));
    case 'gone':
      return render(reply, 410, message('interaction.gone_title'), html`<p>${message('interaction.gone')}</p>`);
    default:
      return showConsent(deps, reply, id, next);
  }
}

async function showConsent({ endpoint }: SignInDeps, reply: Reply, id: string, next: ConsentPrompt): Promise<Reply> {
  const { request } = next;
  const api = request.api && (await endpoint.db.fork().findOne(Api, request.api.id));
  const content = consentPage(next, { id, apiName: api?.name ?? null });
  return render(reply, 200, `Allow ${request.client.name}?`, content, {
    formTargets: formTargets(request.responseTarget.redirectUri),
  });
}

/** The client has its response already. */
function alreadySignedIn({ client, responseTarget }: ResolvedRequest, issuer: string): Html {
  const home = client.settings.clientUri ?? siteUrl(responseTarget.redirectUri);
  return html`<p>You have signed in to <strong>${client.name}</strong> already.</p>
<p>${home === null ? html`Go back to it, or <a href="${issuer}/">see who is signed in here</a>` : html`<a href="${home}">Go on to ${client.name}</a>`}.</p>`;
}

/** Returns the site of a redirect URI; null for an app on a device. */
function siteUrl(redirectUri: string): string | null {
  const { protocol, origin } = new URL(redirectUri);
  return protocol === 'https:' || protocol === 'http:' ? `${origin}/` : null;
}
