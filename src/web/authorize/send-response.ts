import { type AuthorizationResponse, formTargets, responseLocation } from '../../oauth/index.ts';
import { descriptionText, logOAuthRefusal, type Reply } from '../../platform/http/index.ts';
import { Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { render } from '../../ui/render.ts';

const submit = 'document.forms[0].submit()';

/**
 * Sends the browser to the client: by a redirect that is a GET after any method (RFC 9700 §4.12), or by a form that a
 * script posts, with a button for browsers without scripts (OAuth 2.0 Form Post Response Mode §2).
 */
export function sendAuthorizationResponse(reply: Reply, response: AuthorizationResponse): Reply {
  const parameters = response.refusal ? withRemedy(reply, response, response.refusal) : response.parameters;
  if (response.mode === 'query') return reply.redirect(responseLocation({ ...response, parameters }), 303);
  const { redirectUri } = response;
  const content = html`<p>You are being sent back to the application.</p>
<form method="post" action="${redirectUri}">
${Object.entries(parameters).map(([name, value]) => field({ name, label: '', type: 'hidden', value }))}
<button type="submit">Continue</button>
</form>
<script>${new Html(submit)}</script>`;
  return render(reply, 200, 'One moment', content, { formTargets: formTargets(redirectUri), script: submit });
}

/** Logs a refusal. In development the remedy is added for the client (RFC 6749 §4.1.2.1, `error_description`). */
function withRemedy(
  reply: Reply,
  { parameters }: AuthorizationResponse,
  { client, error }: Required<AuthorizationResponse>['refusal'],
) {
  const { remedy, isShown } = logOAuthRefusal(reply.request, error, client);
  if (!isShown || remedy === null) return parameters;
  return { ...parameters, error_description: `${error.message} ${descriptionText(remedy)}` };
}
