import type { App } from '../../src/platform/http/index.ts';
import { ISSUER } from './server.ts';

type Headers = Record<string, string>;

/** Cookies and redirects of a browser, without a network. `test/clients/browser.ts` is the one over the wire. */
export function newBrowser(app: App, issuer: string = ISSUER) {
  const cookies = new Map<string, string>();
  const send = async (method: 'GET' | 'HEAD' | 'POST', url: string, form?: Headers | string, headers: Headers = {}) => {
    const payload = typeof form === 'string' ? form : new URLSearchParams(form).toString();
    const response = await app.inject({
      method,
      url: url.startsWith(issuer) ? url.slice(issuer.length) : url,
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      ...(form === undefined ? {} : { payload }),
    });
    for (const { name, value } of response.cookies)
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    return { response, url };
  };
  type Sent = Awaited<ReturnType<typeof send>>;

  /** Follows redirects while they lead to Signet. */
  const follow = async (sent: Sent): Promise<Sent> => {
    let at = sent;
    for (let hop = 0; hop < 10; hop++) {
      const { location } = at.response.headers;
      if (typeof location !== 'string' || !location.startsWith(`${issuer}/`)) return at;
      at = await send('GET', location);
    }
    throw new Error(`it goes round: ${at.url}`);
  };

  return {
    cookies,
    send,
    get: (url: string) => send('GET', url),
    /** Opens an address and follows its redirects. */
    open: async (url: string) => follow(await send('GET', url)),
    /** Sends the form of a page, with its hidden fields, to its action. */
    submit: async ({ response, url }: Sent, fields: Headers) =>
      follow(await send('POST', url, { ...hiddenFields(response.body), ...fields })),
    follow,
  };
}

export function hiddenFields(page: string): Headers {
  const [form = ''] = /<form[\s\S]*?<\/form>/.exec(page) ?? [];
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)];
  return Object.fromEntries(inputs.map(([, name, value]) => [name, decoded(value as string)]));
}

const decoded = (text: string) => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

/** Returns the parameters of a redirect to a client. */
export function responseParameters({
  response,
}: {
  response: { statusCode: number; headers: Record<string, unknown> };
}): Record<string, string | number> {
  const location = String(response.headers['location'] ?? '');
  return URL.canParse(location)
    ? { status: response.statusCode, ...Object.fromEntries(new URL(location).searchParams) }
    : { status: response.statusCode };
}
