import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { message } from '../../ui/messages.ts';

/** Parameters that the form sends again with the answer. */
const FORM_PARAMETERS = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'];

/** Relative, so that forms post to their own address behind any proxy. */
const ACTION = 'logout';

/** The question whether to sign out: names the user, and the client that sent the browser here. Nothing is ended yet. */
export function question(
  fields: Readonly<Record<string, string>>,
  username: string | null,
  client: string | null,
): Html {
  const hidden = FORM_PARAMETERS.flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : [{ name, value }];
  });
  return html`${username === null ? null : html`<p>You are signed in as <strong>${username}</strong>.</p>`}
${client === null ? null : html`<p><strong>${client}</strong> sent you here to sign out.</p>`}
<p class="quiet">Signing out ends your session in this browser, for everything that you signed in to with it.</p>
<form method="post" action="${ACTION}">
${hidden.map(({ name, value }) => field({ name, value, label: '', type: 'hidden' }))}
<button type="submit" name="decision" value="logout">Sign out</button>
<button type="submit" name="decision" value="stay" class="plain">Stay signed in</button>
</form>`;
}

/** With a link back, if the client asked for its user back. */
export function signedOut(client: { readonly name: string; readonly href: string } | null): Html {
  return html`<p>No user is signed in in this browser. You can close this page.</p>
${client ? html`<p><a href="${client.href}">Back to ${client.name}</a></p>` : null}`;
}

/** For an address that is not registered for the client. `remedy`: for developers, in development. */
export function signedOutUnregistered(remedy: string | null): Html {
  return html`<p class="error" role="alert">${message('logout.unregistered')}</p>
${remedy === null ? null : html`<p>In development only: ${remedy}</p>`}
${signedOut(null)}`;
}

export const stayed = html`<p>Nothing was changed. You can close this page.</p>`;
