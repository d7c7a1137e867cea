import { Type } from 'typebox';
import { type App, answerErrorsAsPages, type PageError, type Reply } from '../platform/http/index.ts';
import { type Html, html } from './html.ts';
import { type Allowance, page, policyWith } from './layout.ts';

/** Sends a page of one card. */
export function show(reply: Reply, status: number, title: string, content: Html, allowed: Allowance = {}): Reply {
  return reply
    .code(status)
    .header('content-security-policy', policyWith(allowed))
    .header('x-frame-options', 'DENY')
    .type('text/html; charset=utf-8')
    .send(page(title, content));
}

/** A page, for the schema of a route. */
export function shown(description: string) {
  return { description, content: { 'text/html': { schema: Type.String() } } };
}

/** The same where whoever asks is to wait first. */
export function shownLater(description: string) {
  return { ...shown(description), headers: { 'Retry-After': { type: 'integer', description: 'Seconds.' } as never } };
}

/** RFC 9110 §15.4.4: a GET of another address follows. */
export function sentTo(description: string) {
  return { description, type: 'null' } as const;
}

/** What is refused before a page's route is asked, and what only happens when something is broken: pages, all of them. */
export const errorPages = {
  400: shown('The request cannot be read.'),
  403: shown('It comes from a page of another site.'),
  413: shown('The request is too large.'),
  415: shown('It is no form.'),
  421: shown('This server answers to another host name.'),
  503: shownLater('Not available just now.'),
};

/** People meet errors in a browser: each is a page, whose last line is for whoever is told about it. */
export function showErrors(app: App): void {
  answerErrorsAsPages(app, (reply, error) => void show(reply, error.status, error.title, errorPage(error)));
}

function errorPage({ code, detail, remedy: forDeveloper, requestId, status }: PageError): Html {
  const remedy =
    status === 503 || status === 429
      ? 'Try again in a moment.'
      : 'Go back to the application that you came from and begin again there. If that does not help, tell those who run it what stands here.';
  return html`${detail === '' ? null : html`<p>${detail}</p>`}
<p>${remedy}</p>
${forDeveloper === null ? null : html`<p>In development only: ${forDeveloper}</p>`}
<p class="quiet"><code>${code}</code> · <code>${requestId}</code></p>`;
}
