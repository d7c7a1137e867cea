/**
 * ui: what pages are made of.
 * Owns: the HTML template, the layout and its content security policy, form fields, how an answer is sent to a browser.
 * Does not own: any page.
 * Neighbours: oauth below; web above.
 * Standards: HTML, WCAG 2.2, Content Security Policy 3.
 */
import { digest } from '../platform/digest.ts';
import { type Html, html } from './html.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--quiet:#566173;--paper:#f5f6f8;--card:#fff;--line:#cfd5de;--edge:#76818f;--accent:#1f5fbf;--on:#fff;--bad:#a3192b}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--quiet:#a4aebd;--paper:#12161c;--card:#1b212a;--line:#3a4453;--edge:#8592a3;--accent:#7eb0ff;--on:#0c1420;--bad:#ff9aa6}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem 1rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:26rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.75rem}
h1{margin:0 0 .5rem;font-size:1.35rem;line-height:1.25}
p{margin:.5rem 0}.quiet{color:var(--quiet)}
label{display:block;margin:1rem 0 .25rem;font-weight:600}
input{width:100%;padding:.6rem .7rem;border:1px solid var(--edge);border-radius:.4rem;background:var(--card);color:inherit;font:inherit}
input[aria-invalid=true]{border-color:var(--bad)}
.error{color:var(--bad);margin:.25rem 0 0}
button{width:100%;margin-top:1.5rem;padding:.7rem;border:0;border-radius:.4rem;background:var(--accent);color:var(--on);font:inherit;font-weight:600;cursor:pointer}
button.plain{margin-top:.75rem;background:none;border:1px solid var(--edge);color:inherit}
ul{margin:.5rem 0 .75rem}li{margin:.25rem 0;overflow-wrap:anywhere}h2{margin:1.25rem 0 .25rem;font-size:1rem}
summary{cursor:pointer;color:var(--accent)}strong{overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
a{color:var(--accent)}code{overflow-wrap:anywhere}ul{padding-left:1.2rem}`;

const styleHash = digest(STYLE).toString('base64');

/** What a page needs beyond the default policy, which allows nothing. */
export interface CspOptions {
  /** Sources for `form-action`: browsers apply it to redirects after a form too (CSP 3). */
  readonly formTargets?: string;
  /** The exact text of the page's only script. */
  readonly script?: string;
}

/**
 * Returns the Content-Security-Policy of a page: no foreign content; the style sheet and the script, if any, by their
 * hashes.
 */
export function contentSecurityPolicy({ formTargets, script }: CspOptions = {}): string {
  const forms = formTargets ? `'self' ${formTargets}` : "'self'";
  const scripts = script === undefined ? '' : ` script-src 'sha256-${digest(script).toString('base64')}';`;
  return `default-src 'none'; style-src 'sha256-${styleHash}';${scripts} form-action ${forms}; base-uri 'none'; frame-ancestors 'none'`;
}

const NAME = 'Signet';
const styleTag = html`<style>`;

/** Returns the HTML of a page with one card. */
export function page(title: string, content: Html): string {
  return `<!doctype html>${html`<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title === NAME ? NAME : `${title} · ${NAME}`}</title>${styleTag}`}${STYLE}</style></head>${html`<body><main><h1>${title}</h1>${content}</main></body></html>`}`;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: 'text' | 'email' | 'password' | 'hidden';
  readonly autocomplete?: string;
  readonly value?: string;
  readonly hint?: string;
  readonly isRequired?: boolean;
  readonly errors?: readonly string[];
  /** Focus is on this field: the first one, or the first with an error. */
  readonly hasFocus?: boolean;
}

/** Returns a labelled input with its hint and errors, linked for screen readers. */
export function field(one: Field): Html {
  if (one.type === 'hidden') return html`<input type="hidden" name="${one.name}" value="${one.value}">`;
  const errors = one.errors ?? [];
  const describedBy = [one.hint ? `${one.name}-hint` : '', errors.length > 0 ? `${one.name}-error` : '']
    .filter((id) => id !== '')
    .join(' ');
  return html`<label for="${one.name}">${one.label}</label>
<input id="${one.name}" name="${one.name}" type="${one.type}" autocomplete="${one.autocomplete ?? 'off'}"${one.value ? html` value="${one.value}"` : null}${one.isRequired ? html` required` : null}${one.hasFocus ? html` autofocus` : null}${errors.length > 0 ? html` aria-invalid="true"` : null}${describedBy ? html` aria-describedby="${describedBy}"` : null}>
${one.hint ? html`<p class="quiet" id="${one.name}-hint">${one.hint}</p>` : null}
${errors.length > 0 ? html`<div id="${one.name}-error">${errors.map((error) => html`<p class="error">${error}</p>`)}</div>` : null}`;
}
