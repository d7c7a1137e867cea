import type { App } from '../../platform/http/index.ts';
import { currentSession } from '../../sessions/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { htmlResponse, render } from '../../ui/render.ts';
import type { SignInDeps } from '../session.ts';

/** The home page. */
export async function homePages(app: App, deps: SignInDeps): Promise<void> {
  const home = {
    operationId: 'showFrontDoor',
    summary: 'What this server is, and who is signed in',
    tags: ['pages'],
    security: [{ session: [] }, {}] as Record<string, string[]>[],
    response: { 200: htmlResponse('The page.') },
  };
  app.get('/', { schema: { ...home, problems: ['unavailable'] } }, async (request, reply) => {
    const session = await currentSession(deps, deps.session, request);
    return render(reply, 200, 'Signet', homeContent(deps.endpoint.issuer, session?.user.username ?? null));
  });
}

function homeContent(issuer: string, username: string | null): Html {
  const signIn =
    username === null
      ? html`<p><a href="${issuer}/login">Sign in</a></p>`
      : html`<p>You are signed in as <strong>${username}</strong>. <a href="${issuer}/oauth2/logout">Sign out</a></p>`;
  return html`<p>This is the identity server of <code>${issuer}</code>.</p>
${signIn}
<ul>
<li>Programs log in at <code>POST /api/v1/login</code>.</li>
<li>Services verify tokens with <a href="${issuer}/.well-known/jwks.json">the published keys</a>.</li>
<li>Probes ask <a href="${issuer}/health/ready">/health/ready</a>.</li>
</ul>`;
}
