import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';

export interface LoginForm {
  readonly next: string;
  readonly username: string;
  readonly error: string | null;
  /** The client that sent the user here. */
  readonly clientName: string | null;
  /** Who is signed in, and is asked again. */
  readonly signedIn: string | null;
  /** What can be called off. */
  readonly interaction: string | null;
}

export function loginForm({ next, username, error, clientName, signedIn, interaction }: LoginForm): Html {
  return html`${clientName === null ? null : html`<p>To go on to <strong>${clientName}</strong>.</p>`}
${signedIn === null ? null : html`<p class="quiet">You are signed in as <strong>${signedIn}</strong>, and asked to sign in again.</p>`}
${error === null ? null : html`<p class="error" role="alert">${error}</p>`}
<form method="post">
${field({ name: 'next', label: '', type: 'hidden', value: next })}
${field({ name: 'username', label: 'Username', type: 'text', autocomplete: 'username', value: username, isRequired: true, hasFocus: username === '' })}
${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', isRequired: true, hasFocus: username !== '' })}
<button type="submit">Sign in</button>
</form>
${interaction === null ? null : html`<form method="post" action="interaction/${interaction}"><button type="submit" name="decision" value="deny" class="plain">Cancel</button></form>`}`;
}
