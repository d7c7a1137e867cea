import { Type } from 'typebox';
import { type App, type PageError, type Reply, renderErrorsAsPages } from '../platform/http/index.ts';
import { type Html, html } from './html.ts';
import { type CspOptions, contentSecurityPolicy, page } from './layout.ts';
import { message } from './messages.ts';

/** Sends a page with one card. */
export function render(reply: Reply, status: number, title: string, content: Html, csp: CspOptions = {}): Reply {
  return reply
    .code(status)
    .header('content-security-policy', contentSecurityPolicy(csp))
    .header('x-frame-options', 'DENY')
    .type('text/html; charset=utf-8')
    .send(page(title, content));
}

/** A page, for the response schema of a route. */
export function htmlResponse(description: string) {
  return { description, content: { 'text/html': { schema: Type.String() } } };
}

/** A page with `Retry-After`, for the response schema of a route. */
export function retryResponse(description: string) {
  return {
    ...htmlResponse(description),
    headers: { 'Retry-After': { type: 'integer', description: 'Seconds.' } as never },
  };
}

/** A redirect, for the response schema of a route (RFC 9110 §15.4.4). */
export function redirectResponse(description: string) {
  return { description, type: 'null' } as const;
}

/** Responses of every page route: errors before the route runs, and failures of the server. */
export const errorPages = {
  400: htmlResponse('The request cannot be read.'),
  403: htmlResponse('The request comes from a page of another site.'),
  413: htmlResponse('The request is too large.'),
  415: htmlResponse('The body is not a form.'),
  421: htmlResponse('This server has another host name.'),
  503: retryResponse('Temporarily unavailable.'),
};

/** Renders the errors of page routes as pages. Their last line is for the people who run the server. */
export function renderErrors(app: App): void {
  renderErrorsAsPages(app, (reply, error) => {
    void render(reply, error.status, error.title ?? message('page.refused'), errorPage(error));
  });
}

function errorPage({ code, detail, remedy: forDeveloper, requestId, status }: PageError): Html {
  const advice = message(status === 503 || status === 429 ? 'page.again_soon' : 'page.again_at_application');
  return html`${detail === '' ? null : html`<p>${detail}</p>`}
<p>${advice}</p>
${forDeveloper === null ? null : html`<p>In development only: ${forDeveloper}</p>`}
<p class="quiet"><code>${code}</code> · <code>${requestId}</code></p>`;
}
