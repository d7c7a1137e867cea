import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';

/** What the form gives back, so that it is read anew with the answer. */
const KEPT = ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'];

/** Posts to its own address, wherever a proxy has put it. */
const ACTION = 'logout';

/** Who is signed in, as far as is known, and who sent the browser here. Nothing has happened yet. */
export function question(
  given: Readonly<Record<string, string>>,
  username: string | null,
  client: string | null,
): Html {
  const kept = KEPT.flatMap((name) => (given[name] === undefined ? [] : [{ name, value: given[name] }]));
  return html`${username === null ? null : html`<p>You are signed in as <strong>${username}</strong>.</p>`}
${client === null ? null : html`<p><strong>${client}</strong> sent you here to sign out.</p>`}
<p class="quiet">Signing out ends your session in this browser, for everything that you signed in to with it.</p>
<form method="post" action="${ACTION}">
${kept.map(({ name, value }) => field({ name, value, label: '', type: 'hidden' }))}
<button type="submit" name="decision" value="logout">Sign out</button>
<button type="submit" name="decision" value="stay" class="plain">Stay signed in</button>
</form>`;
}

/** With where to go on, when a client is known that wants its users back. */
export function signedOut(client: { readonly name: string; readonly href: string } | null): Html {
  return html`<p>Nobody is signed in in this browser. You can close this page.</p>
${client ? html`<p><a href="${client.href}">Back to ${client.name}</a></p>` : null}`;
}

/** The client asked for an address that is not registered for it. `remedy`: for developers, in development. */
export function signedOutAstray(remedy: string | null): Html {
  return html`<p class="error" role="alert">You are signed out. The app's return address (post_logout_redirect_uri) is not registered, so we cannot send you back. Go back to it on your own.</p>
${remedy === null ? null : html`<p>In development only: ${remedy}</p>`}
${signedOut(null)}`;
}

export const stayed = html`<p>Nothing was changed. You can close this page.</p>`;
