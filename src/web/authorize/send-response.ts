import { type Answer, formTargets, responseLocation } from '../../oauth/index.ts';
import { descriptionText, logOAuthRefusal, type Reply } from '../../platform/http/index.ts';
import { Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { render } from '../../ui/render.ts';

const submit = 'document.forms[0].submit()';

/**
 * Sends the browser to the client: by a redirect that is a GET whatever came before (RFC 9700 §4.12), or by a form that posts
 * itself, and that has a button where no script runs (OAuth 2.0 Form Post Response Mode §2).
 */
export function sendAuthorizationResponse(reply: Reply, answer: Answer): Reply {
  const parameters = answer.refused ? explained(reply, answer, answer.refused) : answer.parameters;
  if (answer.mode === 'query') return reply.redirect(responseLocation({ ...answer, parameters }), 303);
  const { redirectUri } = answer;
  const content = html`<p>You are being sent back to the application.</p>
<form method="post" action="${redirectUri}">
${Object.entries(parameters).map(([name, value]) => field({ name, label: '', type: 'hidden', value }))}
<button type="submit">Continue</button>
</form>
<script>${new Html(submit)}</script>`;
  return render(reply, 200, 'One moment', content, { formTargets: formTargets(redirectUri), script: submit });
}

/** The log has the line about a refusal; in development the client is told the remedy too (RFC 6749 §4.1.2.1, `error_description`). */
function explained(reply: Reply, { parameters }: Answer, { client, error }: Required<Answer>['refused']) {
  const { remedy, isShown } = logOAuthRefusal(reply.request, error, client);
  if (!isShown || remedy === null) return parameters;
  return { ...parameters, error_description: `${error.message} ${descriptionText(remedy)}` };
}
