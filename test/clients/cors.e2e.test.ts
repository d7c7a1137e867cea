import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';
import { NO_CHROMIUM, startChromium } from '../support/chromium.ts';
import { startListening } from '../support/listening.ts';
import t from '../support/tap.ts';

// What discovery names is called by pages of every origin: as browsers do, with what their libraries send.

const { issuer } = await startListening(t, { SIGNET_REGISTRATION: 'token' });

/** Browsers are sent there, and nothing there is for a page to read (RFC 9700 §2.6). */
const NAVIGATED = ['authorization_endpoint', 'end_session_endpoint'];

const HEADERS = {
  authorization: 'Bearer x',
  dpop: 'x',
  'mcp-protocol-version': '2025-11-25',
  'cache-control': 'no-cache',
  'x-requested-with': 'XMLHttpRequest',
  'if-none-match': '"x"',
};

interface Call {
  readonly method: string;
  readonly url: string;
  readonly type: string | null;
}

interface Described {
  readonly requestBody?: { readonly content?: Record<string, unknown> };
}

const read = async (path: string) => (await fetch(`${issuer}${path}`)).text();
const metadata = JSON.parse(await read('/.well-known/openid-configuration')) as Record<string, unknown>;
const { paths } = parse(await read('/openapi.yaml')) as { paths: Record<string, Record<string, Described>> };

/** Every call that can be made at a path of the document. */
function callsOf(path: string): Call[] {
  const url = `${issuer}${path.replace('{list}', '1')}${path.endsWith('/permissions') ? '?audience=polls' : ''}`;
  return Object.entries(paths[path] ?? {}).map(([method, { requestBody }]) => {
    const type = Object.keys(requestBody?.content ?? {})[0] ?? null;
    return { method: method.toUpperCase(), url, type };
  });
}

const named = Object.entries(metadata).filter(
  (one): one is [string, string] => typeof one[1] === 'string' && one[1].startsWith(`${issuer}/`),
);
const pathOf = ([, address]: [string, string]) => address.slice(issuer.length);
const advertised = named.filter(([name]) => !NAVIGATED.includes(name)).map(pathOf);
const documents = Object.keys(paths).filter((path) => /^\/(\.well-known|status-lists)/.test(path));
const open = [...new Set([...advertised, ...documents])];
const calls = open.flatMap(callsOf);
const navigated = named.filter(([name]) => NAVIGATED.includes(name)).map(pathOf);

t.test('Fetch §4.8, RFC 8414 §2: every address that discovery names answers the preflight of its calls', async (t) => {
  t.ok(advertised.length >= 9 && advertised.includes('/oauth2/register'), advertised.join(' '));
  for (const path of open) t.not(callsOf(path).length, 0, `${path} is described`);
  for (const { method, url } of calls) {
    const headers = {
      origin: 'https://spa.example',
      'access-control-request-method': method,
      'access-control-request-headers': [...Object.keys(HEADERS), 'content-type'].join(','),
    };
    const answer = await fetch(url, { method: 'OPTIONS', headers });
    t.equal(answer.status, 204, `${method} ${url}`);
    t.equal(answer.headers.get('access-control-allow-origin'), '*');
    t.equal(answer.headers.get('access-control-allow-credentials'), null);
    t.ok(answer.headers.get('access-control-allow-methods')?.split(', ').includes(method), `${method} ${url}`);
    const allowed = answer.headers.get('access-control-allow-headers')?.split(', ') ?? [];
    for (const name of [...Object.keys(HEADERS), 'content-type']) t.ok(allowed.includes(name), `${name} of ${url}`);
  }
});

t.test('RFC 9700 §2.6: what browsers are sent to answers none', async (t) => {
  t.equal(navigated.length, NAVIGATED.length);
  for (const path of navigated) {
    const headers = { origin: 'https://spa.example', 'access-control-request-method': 'POST' };
    const answer = await fetch(`${issuer}${path}`, { method: 'OPTIONS', headers });
    t.same([answer.status, answer.headers.get('access-control-allow-origin')], [405, null], path);
  }
});

t.test(
  'Fetch §3.2, RFC 9700 §2.6: as Chromium has it, from a page of another origin',
  { skip: NO_CHROMIUM },
  async (t) => {
    const site = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Elsewhere</title>');
    }).listen(0, '127.0.0.1');
    await once(site, 'listening');
    t.teardown(() => site.close());
    const page = await (await startChromium(t)).newPage();
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);

    /** In the page: the status and what can be read of the headers; null where the browser keeps the answer back. */
    const call = ({ method, url, type }: Call, headers: Record<string, string> = HEADERS) =>
      page.evaluate(
        async ({ method, url, headers, body }) => {
          const stop = new AbortController();
          try {
            const answer = await fetch(url, { method, headers, body, signal: stop.signal });
            return { status: answer.status, headers: Object.fromEntries(answer.headers) };
          } catch {
            return null;
          } finally {
            stop.abort();
          }
        },
        { method, url, headers: type ? { ...headers, 'content-type': type } : headers, body: type ? 'x=1' : null },
      );

    for (const one of calls) {
      const answer = await call(one);
      t.ok(answer !== null && answer.status < 500, `${one.method} ${one.url}: ${answer?.status}`);
    }
    const token = { method: 'POST', url: `${issuer}/oauth2/token`, type: 'application/x-www-form-urlencoded' };
    const refused = await call(token, { ...HEADERS, authorization: 'Basic eDp4' });
    t.match(refused, {
      status: 401,
      headers: { 'www-authenticate': /^Basic/, 'dpop-nonce': /./, 'x-request-id': /./ },
    });
    const keys = { method: 'GET', url: `${issuer}/.well-known/jwks.json`, type: null };
    const { etag = '' } = (await call(keys))?.headers ?? {};
    t.match(await call(keys, { 'if-none-match': etag }), { status: 304 }, 'what is there already is not sent again');

    for (const path of navigated)
      for (const headers of [{}, HEADERS])
        for (const method of ['GET', 'POST'])
          t.equal(await call({ method, url: `${issuer}${path}`, type: null }, headers), null, `${method} ${path}`);
  },
);
