import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type HTMLElement, parse } from 'node-html-parser';

// A small scripted browser: what a person's browser does between a client and Signet, and no more. It runs no scripts.

export interface BrowserOptions {
  /** PEM of a CA that it believes. */
  readonly ca?: string;
  /** Addresses that it does not go to: the page then only says where it was sent (a client that is no server). */
  readonly stopAt?: string | readonly string[];
}

/** What came, or where the browser was sent and did not go. */
export interface Page {
  readonly url: URL;
  /** 0: not gone to. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly document: HTMLElement;
  /** How it was asked for: a form that posts to `stopAt` leaves its fields here. */
  readonly method: string;
  readonly sent: URLSearchParams | null;
  /** Each address on the way here, the first asked for first. */
  readonly way: readonly string[];
  /** Follows the link that has this text, or leads to this address. */
  follow(link: string): Promise<Page>;
  /** Fills the named fields of the form that has them all, presses the named button (`['decision', 'allow']`), and sends it. */
  submit(fields?: Readonly<Record<string, string>>, button?: readonly [name: string, value: string]): Promise<Page>;
}

export interface Browser {
  /** As if typed into the address line. */
  open(url: string | URL): Promise<Page>;
  readonly cookies: readonly Cookie[];
  forget(): void;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
}

interface Sending {
  readonly method: 'GET' | 'POST';
  readonly form?: URLSearchParams | undefined;
  /** The page that it starts from; null: the address line. */
  readonly initiator: URL | null;
  /** `form-action` of the page that the form stands in: browsers hold every redirect after a form to it, too. */
  readonly formAction?: readonly string[] | undefined;
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 20;

export function newBrowser(options: BrowserOptions = {}): Browser {
  const stops = [options.stopAt ?? []].flat();
  let cookies: Cookie[] = [];

  /** Cookies know no ports (RFC 6265 §8.5). `Lax` goes along when one navigates by GET from another site. */
  function cookiesFor(url: URL, { method, initiator }: Sending): string {
    const isSameSite = initiator === null || siteOf(initiator) === siteOf(url);
    const fit = cookies.filter(
      (one) =>
        one.host === url.hostname &&
        (url.pathname === one.path || url.pathname.startsWith(one.path.endsWith('/') ? one.path : `${one.path}/`)) &&
        (!one.secure || isTrustworthy(url)) &&
        (isSameSite || one.sameSite === 'none' || (one.sameSite === 'lax' && method === 'GET')),
    );
    return fit
      .sort((a, b) => b.path.length - a.path.length)
      .map((one) => `${one.name}=${one.value}`)
      .join('; ');
  }

  function keep(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = readCookie(url, line);
      if (!cookie) continue;
      cookies = cookies.filter(
        (one) => !(one.name === cookie.name && one.host === cookie.host && one.path === cookie.path),
      );
      if (!cookie.isOver) cookies.push(cookie);
    }
  }

  async function go(start: URL, first: Sending): Promise<Page> {
    let [url, sending] = [start, first];
    const way: string[] = [];
    while (way.length <= MOST_REDIRECTS) {
      way.push(url.href);
      if (!isAllowed(url, sending)) throw new Error(`Content-Security-Policy: form-action refuses ${way.join(' → ')}`);
      if (stops.some((stop) => isAt(url, stop))) return pageOf(url, sending, way, null);
      const headers = headersOf(way, sending, cookiesFor(url, sending));
      const answer = await exchange(url, sending, headers, options.ca);
      keep(url, answer.headers['set-cookie'] ?? []);
      const { location } = answer.headers;
      if (!REDIRECTS.includes(answer.status) || location === undefined) return pageOf(url, sending, way, answer);
      // 307 and 308 send the same again, the others ask by GET: Fetch, "HTTP-redirect fetch".
      if (answer.status < 307) sending = { ...sending, method: 'GET', form: undefined };
      url = new URL(location, url);
    }
    throw new Error(`too many redirects: ${way.join(' → ')}`);
  }

  function pageOf(url: URL, { method, form }: Sending, way: readonly string[], answer: Answer | null): Page {
    const text = answer?.text ?? '';
    const document = parse(text);
    const send = (target: URL, sending: Omit<Sending, 'initiator'>) => go(target, { ...sending, initiator: url });
    return {
      url,
      status: answer?.status ?? 0,
      headers: answer?.headers ?? {},
      text,
      document,
      method,
      sent: form ?? null,
      way,
      follow(link) {
        const found = document
          .querySelectorAll('a[href]')
          .find((one) => one.text.trim() === link || one.getAttribute('href') === link);
        if (!found) throw new Error(`there is no link "${link}" at ${url}:\n${text}`);
        return send(new URL(found.getAttribute('href') as string, url), { method: 'GET' });
      },
      submit(fields = {}, button) {
        const { action, method, values } = fill(document, fields, button, `${url} (${answer?.status}):\n${text}`);
        const target = new URL(action || url.href, url);
        const formAction = formActionOf(answer?.headers ?? {});
        if (method === 'POST') return send(target, { method, form: values, formAction });
        target.search = values.toString();
        return send(target, { method, formAction });
      },
    };
  }

  return {
    open: (url) => go(new URL(url), { method: 'GET', initiator: null }),
    get cookies() {
      return cookies;
    },
    forget: () => {
      cookies = [];
    },
  };
}

function isAt(url: URL, stop: string): boolean {
  const address = url.href;
  return address === stop || address.startsWith(`${stop}?`) || address.startsWith(`${stop}#`);
}

const isLoopback = (host: string) => host === 'localhost' || host === '127.0.0.1' || host === '[::1]';
/** Chromium and Firefox keep Secure cookies on loopback over plain http, too; not so those with the prefix `__Host-`. */
const isTrustworthy = (url: URL) => url.protocol === 'https:' || isLoopback(url.hostname);

/** Schemeful same-site; there is no public suffix list among the hosts of a test. */
const siteOf = (url: URL) => `${url.protocol}//${url.hostname}`;

function readCookie(url: URL, line: string): (Cookie & { readonly isOver: boolean }) | null {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  const attributes = new Map(
    rest.map((part) => {
      const [key = '', ...more] = part.split('=');
      return [key.toLowerCase(), more.join('=')];
    }),
  );
  const domain = attributes.get('domain')?.replace(/^\./, '');
  const given = attributes.get('path');
  const path = given?.startsWith('/') ? given : url.pathname.replace(/\/[^/]*$/, '') || '/';
  const secure = attributes.has('secure');
  if (at < 1 || (domain !== undefined && domain !== url.hostname)) return null;
  if (secure && !isTrustworthy(url)) return null;
  // RFC 6265bis §4.1.3: the prefixes are a promise, and a cookie that breaks it is dropped.
  if (/^__(secure|host)-/i.test(name) && !(secure && url.protocol === 'https:')) return null;
  if (/^__host-/i.test(name) && (domain !== undefined || attributes.get('path') !== '/')) return null;
  const sameSite = (attributes.get('samesite')?.toLowerCase() ?? 'lax') as Cookie['sameSite'];
  if (sameSite === 'none' && !secure) return null;
  const maxAge = attributes.get('max-age');
  const expires = attributes.get('expires');
  const isOver =
    maxAge !== undefined ? Number(maxAge) <= 0 : expires !== undefined && Date.parse(expires) <= Date.now();
  return { name, value, host: url.hostname, path, secure, httpOnly: attributes.has('httponly'), sameSite, isOver };
}

/** What a browser says of itself and of where a navigation comes from (Fetch Metadata; Fetch, "Origin"). */
function headersOf(way: readonly string[], { method, form, initiator }: Sending, cookie: string) {
  const url = new URL(way.at(-1) as string);
  const isCrossed = initiator !== null && way.some((one) => new URL(one).origin !== initiator.origin);
  const sites = initiator === null ? [] : [...way.map((one) => siteOf(new URL(one)))];
  const site =
    initiator === null
      ? 'none'
      : !isCrossed
        ? 'same-origin'
        : sites.every((one) => one === siteOf(initiator))
          ? 'same-site'
          : 'cross-site';
  return {
    'user-agent': 'Mozilla/5.0 (scripted)',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-language': 'en',
    'upgrade-insecure-requests': '1',
    ...(cookie === '' ? {} : { cookie }),
    // Signet's pages say `Referrer-Policy: no-referrer`, and by it the origin of a cross-origin POST is `null`.
    ...(method === 'POST' ? { origin: initiator?.origin === url.origin ? url.origin : 'null' } : {}),
    ...(form ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    ...(isTrustworthy(url)
      ? { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' }
      : {}),
  };
}

/** CSP 3, `form-action`: absent from the policy, everything may be reached. */
function formActionOf(headers: IncomingHttpHeaders): string[] | undefined {
  const policy = String(headers['content-security-policy'] ?? '').split(';');
  const [, ...sources] = policy.map((one) => one.trim().split(/\s+/)).find(([name]) => name === 'form-action') ?? [];
  return policy.some((one) => one.trim().startsWith('form-action')) ? sources : undefined;
}

function isAllowed(url: URL, { formAction, initiator }: Sending): boolean {
  if (formAction === undefined) return true;
  return formAction.some((source) => {
    if (source === "'self'") return url.origin === initiator?.origin;
    return source.endsWith(':') ? url.protocol === source : url.href === source || url.href.startsWith(`${source}/`);
  });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function exchange(url: URL, sending: Sending, headers: Record<string, string>, ca?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = sending.form?.toString() ?? null;
    const options = {
      method: sending.method,
      headers: { ...headers, ...(body === null ? {} : { 'content-length': Buffer.byteLength(body) }) },
      signal: AbortSignal.timeout(20_000),
      agent: false as const,
      ...(ca === undefined ? {} : { ca }),
    };
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      let text = '';
      response.setEncoding('utf8').once('error', reject);
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode as number, headers: response.headers, text }));
    });
    request.once('error', (error) => reject(new Error(`${sending.method} ${url}: ${error.message}`, { cause: error })));
    request.end(body ?? undefined);
  });
}

/** The form that has these fields and this button, with what is in it already (HTML, "constructing the entry list"). */
function fill(
  document: HTMLElement,
  fields: Readonly<Record<string, string>>,
  button: readonly [string, string] | undefined,
  where: string,
) {
  const named = (form: HTMLElement, name: string) => form.querySelector(`[name="${name}"]`);
  const pressed = (form: HTMLElement) =>
    form
      .querySelectorAll('button')
      .find((one) => one.getAttribute('name') === button?.[0] && one.getAttribute('value') === button?.[1]);
  const form = document
    .querySelectorAll('form')
    .find((one) => Object.keys(fields).every((name) => named(one, name)) && (button === undefined || pressed(one)));
  if (!form)
    throw new Error(
      `no form with ${[...Object.keys(fields), ...(button ? [button.join('=')] : [])].join(', ')} at ${where}`,
    );
  const values = new URLSearchParams();
  for (const input of form.querySelectorAll('input, select, textarea')) {
    const name = input.getAttribute('name');
    const type = input.getAttribute('type')?.toLowerCase();
    if (!name || type === 'submit' || input.hasAttribute('disabled')) continue;
    if ((type === 'checkbox' || type === 'radio') && !input.hasAttribute('checked') && !(name in fields)) continue;
    const own =
      input.tagName === 'TEXTAREA' ? input.text : (input.getAttribute('value') ?? (type === 'checkbox' ? 'on' : ''));
    values.append(name, fields[name] ?? own);
  }
  if (button) values.append(...button);
  const method = form.getAttribute('method')?.toUpperCase() === 'POST' ? ('POST' as const) : ('GET' as const);
  return { action: form.getAttribute('action') ?? '', method, values };
}
