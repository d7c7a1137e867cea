import { type AuthorizationRequest, type ConsentPrompt, documentHost, isDocumentClient } from '../../oauth/index.ts';
import { type Html, html } from '../../ui/html.ts';
import { field } from '../../ui/layout.ts';
import { scopeLabels } from './scope-labels.ts';

const kinds: Readonly<Record<AuthorizationRequest['client']['preset'], string>> = {
  web: 'a website',
  spa: 'a page in your browser',
  native: 'an app on your device',
  mcp: 'an assistant that runs on your device',
  service: 'a service',
  device: 'a device',
};

/** What is requestedAccess of the user, in words: who asks, for what, and where the answer goes (RFC 6749 §10.2, §4.1.1). */
export function consentPage(
  { request, session, requestedAccess, consentNeeded, promptDigest }: ConsentPrompt,
  { id, apiName }: { readonly id: string; readonly apiName: string | null },
): Html {
  const { client, to } = request;
  const words = consentNeeded.scopes.filter((one) => one !== 'offline_access').flatMap((one) => scopeLabels[one] ?? []);
  const kind = isDocumentClient(client) ? documentKind(client) : html`${kinds[client.preset]}`;
  return html`<p><strong>${client.name}</strong>, ${kind}, wants to act for you, <strong>${session.user.username}</strong>.</p>
${client.isDynamic ? html`<p class="error">${isDocumentClient(client) ? 'The name is its own word' : 'It has registered itself'}: nobody here has looked at what it calls itself.</p>` : null}
${words.length > 0 ? html`<h2>About you, it may</h2>${list(words.map((one) => html`${one}`))}` : null}
${apiName === null ? null : atApi(apiName, requestedAccess.permissions)}
${words.length === 0 && apiName === null ? html`<p>It asks for nothing but to know that it is you again.</p>` : null}
${requestedAccess.isOffline ? html`<p>It keeps its access when you sign out, until you take it back.</p>` : null}
${clientPages(client.settings)}
<p class="quiet">You will be sent to ${redirectHost(to.redirectUri)}. What you allow can be taken back later.</p>
<form method="post">
${field({ name: 'shown', label: '', type: 'hidden', value: promptDigest })}
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny" class="plain">Cancel</button>
</form>
<p class="quiet">Not ${session.user.username}? <a href="../login?next=/interaction/${id}&amp;again=1">Sign in as somebody else</a></p>`;
}

/** What the client publishes about itself (OpenID Connect Registration §2). */
function clientPages({ clientUri, policyUri, tosUri }: AuthorizationRequest['client']['settings']): Html | null {
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

/** What is certain of it: where it is published. */
function documentKind({ clientId }: AuthorizationRequest['client']): Html {
  return html`an application of <strong>${documentHost(clientId)}</strong>`;
}

function atApi(name: string, permissions: ConsentPrompt['requestedAccess']['permissions']): Html {
  if (permissions === null) return html`<h2>At ${name}, it may</h2>${list([html`Do whatever you may do there`])}`;
  if (permissions.length === 0)
    return html`<p>At <strong>${name}</strong>, it asks for nothing that needs a permission.</p>`;
  const lines = permissions.map((one) => html`${one.label || one.name}`);
  return html`<h2>At ${name}, it may</h2>${list(lines)}<p class="quiet">Never more than you may yourself.</p>`;
}

/** Lines that stand there at once; the rest can be resolvedRequest. */
const OPEN_LINES = 12;

function list(lines: readonly Html[]): Html {
  const [open, rest] = [lines.slice(0, OPEN_LINES), lines.slice(OPEN_LINES)];
  const items = (some: readonly Html[]) => html`<ul>${some.map((line) => html`<li>${line}</li>`)}</ul>`;
  return html`${items(open)}${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary>${items(rest)}</details>`}`;
}

/** Where the browser goes, as people know places. */
function redirectHost(redirectUri: string): Html {
  const { protocol, hostname, host } = new URL(redirectUri);
  if (protocol !== 'https:' && protocol !== 'http:') return html`the app <strong>${protocol.slice(0, -1)}</strong>`;
  const isHere = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return isHere ? html`a program on this computer (<strong>${host}</strong>)` : html`<strong>${host}</strong>`;
}
