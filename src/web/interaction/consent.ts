import { type AuthorizationRequest, type ConsentPrompt, documentHost, isDocumentClient } from '../../oauth/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';

/** What each scope lets a client do, for the user who is asked to allow it. */
export const scopeLabels: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  profile: 'See your name and username',
  email: 'See your e-mail address',
  groups: 'See the groups that you are in',
  permissions: 'See what you may do at its API',
  offline_access: 'Keep its access when you sign out',
};

const presetLabels: Readonly<Record<AuthorizationRequest['client']['preset'], string>> = {
  web: 'a website',
  spa: 'a page in your browser',
  native: 'an app on your device',
  mcp: 'an assistant that runs on your device',
  service: 'a service',
  device: 'a device',
};

/** The consent page: names the client, what it asks for, and where the response goes (RFC 6749 §10.2, §4.1.1). */
export function consentPage(
  { request, session, requestedAccess, consentNeeded, promptDigest }: ConsentPrompt,
  { id, apiName }: { readonly id: string; readonly apiName: string | null },
): Html {
  const { client, responseTarget } = request;
  const labels = consentNeeded.scopes
    .filter((one) => one !== 'offline_access')
    .flatMap((one) => scopeLabels[one] ?? []);
  const kind = isDocumentClient(client) ? documentKind(client) : html`${presetLabels[client.preset]}`;
  return html`<p><strong>${client.name}</strong>, ${kind}, wants to act for you, <strong>${session.user.username}</strong>.</p>
${client.isDynamic ? html`<p class="error">This name is not verified.</p>` : null}
${labels.length > 0 ? html`<h2>About you, it may</h2>${list(labels.map((one) => html`${one}`))}` : null}
${apiName === null ? null : apiAccess(apiName, requestedAccess.permissions)}
${labels.length === 0 && apiName === null ? html`<p>It asks for nothing but to know that it is you again.</p>` : null}
${requestedAccess.isOffline ? html`<p>It keeps its access when you sign out, until you take it back.</p>` : null}
${clientLinks(client.settings)}
<p class="quiet">You will be sent to ${redirectHost(responseTarget.redirectUri)}. What you allow can be taken back later.</p>
<form method="post">
${field({ name: 'shown', label: '', type: 'hidden', value: promptDigest })}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="plain">Cancel</button>
</form>
<p class="quiet">Not ${session.user.username}? <a href="../login?next=/interaction/${id}&amp;again=1">Sign in as somebody else</a></p>`;
}

/** Links that the client publishes (OpenID Connect Registration §2). */
function clientLinks({ clientUri, policyUri, tosUri }: AuthorizationRequest['client']['settings']): Html | null {
  const pages = [
    ['Website', clientUri],
    ['Privacy policy', policyUri],
    ['Terms', tosUri],
  ].filter(([, uri]) => uri !== null);
  const links = pages.map(
    ([name, uri], i) => html`${i > 0 ? ' · ' : null}<a href="${uri}" rel="noreferrer">${name}</a>`,
  );
  return links.length === 0 ? null : html`<p class="quiet">${links}</p>`;
}

/** The host of its metadata document is the one thing about the client that is certain. */
function documentKind({ clientId }: AuthorizationRequest['client']): Html {
  return html`an application of <strong>${documentHost(clientId)}</strong>`;
}

function apiAccess(name: string, permissions: ConsentPrompt['requestedAccess']['permissions']): Html {
  if (permissions === null) return html`<h2>At ${name}, it may</h2>${list([html`Do whatever you may do there`])}`;
  if (permissions.length === 0)
    return html`<p>At <strong>${name}</strong>, it asks for nothing that needs a permission.</p>`;
  const lines = permissions.map((one) => html`${one.label || one.name}`);
  return html`<h2>At ${name}, it may</h2>${list(lines)}<p class="quiet">Never more than you may yourself.</p>`;
}

/** Lines that are open; the rest can be expanded. */
const OPEN_LINES = 12;

function list(lines: readonly Html[]): Html {
  const [open, rest] = [lines.slice(0, OPEN_LINES), lines.slice(OPEN_LINES)];
  const items = (some: readonly Html[]) => html`<ul>${some.map((line) => html`<li>${line}</li>`)}</ul>`;
  return html`${items(open)}${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary>${items(rest)}</details>`}`;
}

/** The target of a redirect URI in words. */
function redirectHost(redirectUri: string): Html {
  const { protocol, hostname, host } = new URL(redirectUri);
  if (protocol !== 'https:' && protocol !== 'http:') return html`the app <strong>${protocol.slice(0, -1)}</strong>`;
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return isHere ? html`a program on this computer (<strong>${host}</strong>)` : html`<strong>${host}</strong>`;
}
