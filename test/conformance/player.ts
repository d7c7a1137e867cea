import { createHash, randomBytes } from 'node:crypto';
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import type { Test } from 'tap';
import { hiddenFields, newBrowser as openBrowser } from '../support/browser.ts';
import { basic, bearer, PASSWORD } from '../support/http.ts';
import { CALLBACK, type Client, type Suite } from './suite.ts';

// Plays one module as the suite does: asks, walks as its user through the pages, and believes nothing that comes back.

export type Browser = ReturnType<typeof openBrowser>;
type Sent = Awaited<ReturnType<Browser['get']>>;
type Response = Sent['response'];
export type Asking = Readonly<Record<string, string>>;
export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope?: string;
}

export const newBrowser = (suite: Suite): Browser => openBrowser(suite.app, suite.issuer);

/** An authorization request as the suite makes it: no PKCE, a state and a nonce of ten characters. Undefined leaves one out. */
export function asking(suite: Suite, client: Client, more: Record<string, string | undefined> = {}): Asking {
  const all = {
    client_id: client.id,
    redirect_uri: CALLBACK,
    scope: 'openid',
    state: randomBytes(5).toString('hex'),
    nonce: randomBytes(5).toString('hex'),
    response_type: 'code',
    ...(suite.mode === 'form_post' ? { response_mode: 'form_post' } : {}),
    ...more,
  };
  return Object.fromEntries(Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined));
}

/** What the user did on the way, and where the browser came to stand. */
export interface Walked {
  readonly asked: readonly string[];
  readonly sent: Sent;
}

/** Opens the authorization endpoint; alice logs in and allows, where she is asked. */
export async function walk(
  suite: Suite,
  browser: Browser,
  wanted: Asking,
  method: 'GET' | 'POST' = 'GET',
): Promise<Walked> {
  const endpoint = suite.at('authorization_endpoint');
  let sent = await browser.follow(
    method === 'GET'
      ? await browser.get(`${endpoint}?${new URLSearchParams(wanted)}`)
      : await browser.send('POST', endpoint, wanted),
  );
  const asked: string[] = [];
  while (asked.length < 4 && sent.response.statusCode === 200) {
    if (/name="password"/.test(sent.response.body)) {
      asked.push('login');
      sent = await browser.submit(sent, { username: 'alice', password: PASSWORD });
    } else if (/name="decision" value="allow"/.test(sent.response.body)) {
      asked.push('consent');
      sent = await browser.submit(sent, { decision: 'allow' });
    } else break;
  }
  return { asked, sent };
}

/** The parameters that reach the callback, by the way that the plan is about and by no other (OAuth 2.0 Form Post Response Mode §2). */
export function answerAt(t: Test, suite: Suite, { response }: Sent, mode = suite.mode): Record<string, string> {
  if (mode === 'query') {
    const location = new URL(String(response.headers.location));
    t.equal(location.href.split('?')[0], CALLBACK, 'the answer goes to the registered redirect_uri');
    t.equal(location.hash, '', 'nothing comes in the fragment');
    const names = [...location.searchParams.keys()];
    t.equal(new Set(names).size, names.length, 'each parameter once');
    return Object.fromEntries(location.searchParams);
  }
  t.equal(response.statusCode, 200);
  t.equal(response.headers.location, undefined);
  const [, attributes = ''] = /<form([^>]*)>/.exec(response.body) ?? [];
  t.match(attributes, 'method="post"');
  t.match(attributes, `action="${CALLBACK}"`);
  t.notMatch(attributes, /enctype/, 'application/x-www-form-urlencoded is what forms have by themselves');
  t.match(response.body, '<script>document.forms[0].submit()</script>', 'it sends itself');
  t.match(String(response.headers['content-security-policy']), /script-src 'sha256-.*form-action 'self' https:/);
  return hiddenFields(response.body);
}

/** RFC 6749 §4.1.2, RFC 9207 §2: a code that cannot be guessed, and what came with the request. */
export function checkGranted(t: Test, suite: Suite, wanted: Asking, answer: Record<string, string>): string {
  t.equal(answer['error'], undefined, String(answer['error_description']));
  t.same(Object.keys(answer).sort(), wanted['state'] === undefined ? ['code', 'iss'] : ['code', 'iss', 'state']);
  t.equal(answer['state'], wanted['state']);
  t.equal(answer['iss'], suite.issuer);
  const code = answer['code'] as string;
  t.ok(entropyOf(code) >= 96, `RFC 6749 §10.10: ${code}`);
  return code;
}

/** OIDC Core §3.1.2.6, RFC 6749 §4.1.2.1: an error that the suite takes, with what it may have beside it. */
export function checkRefused(t: Test, suite: Suite, wanted: Asking, answer: Record<string, string>): string {
  const { error = '', error_description: description = '', state, iss, ...rest } = answer;
  t.same(rest, {}, 'no code, and nothing that nobody knows');
  t.equal(state, wanted['state'], 'state is not touched');
  t.equal(iss, suite.issuer);
  t.match(error, /^[a-z_]+$/);
  t.match(description, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  return error;
}

/** As the suite measures it: the entropy of the characters that there are, times how many. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const one of text) counts.set(one, (counts.get(one) ?? 0) + 1);
  const perCharacter = [...counts.values()].reduce(
    (sum, count) => sum - (count / text.length) * Math.log2(count / text.length),
    0,
  );
  return perCharacter * text.length;
}

/** As Spring sends every form. */
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

/** The token endpoint, with the secret in the header or in the form as the client is made. */
export function askForTokens(suite: Suite, client: Client, fields: Record<string, string>): Promise<Response> {
  const headers = { 'content-type': FORM, accept: 'application/json' };
  const url = suite.at('token_endpoint');
  if (client.auth === 'client_secret_basic') return suite.http.form(url, fields, { ...headers, ...basic(client) });
  return suite.http.form(url, { ...fields, client_id: client.id, client_secret: client.secret }, headers);
}

export const redeem = (suite: Suite, client: Client, code: string, more: Record<string, string> = {}) =>
  askForTokens(suite, client, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...more });

/** RFC 6749 §5.1. */
export function checkTokens(t: Test, response: Response): Tokens {
  t.equal(response.statusCode, 200, response.body);
  t.match(response.headers['content-type'], /^application\/json(;|$)/);
  t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache' });
  const tokens = response.json() as Tokens;
  t.match(tokens.token_type, /^bearer$/i);
  t.ok(Number.isInteger(tokens.expires_in) && tokens.expires_in > 0, 'expires_in is a number above zero');
  for (const one of [tokens.access_token, tokens.refresh_token, tokens.id_token]) t.match(one, /^[\x20-\x7e]+$/);
  t.ok(entropyOf(tokens.access_token) >= 96 && entropyOf(tokens.refresh_token) >= 96, 'RFC 6749 §10.10');
  return tokens;
}

/** RFC 6749 §5.2, OIDC Core §3.1.3.4. */
export function checkTokenError(t: Test, response: Response, error: string): void {
  t.equal(response.statusCode, 400, response.body);
  t.match(response.headers['content-type'], /^application\/json(;|$)/);
  t.match(response.headers, { 'cache-control': 'no-store', pragma: 'no-cache' });
  const said = response.json();
  t.equal(said.error, error);
  t.match(said.error_description, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  t.same(
    Object.keys(said).filter((one) => !['error', 'error_description'].includes(one)),
    [],
  );
}

/** OIDC Core §2, §3.1.3.7: everything that the suite looks at in every ID token. */
export async function checkIdToken(
  t: Test,
  suite: Suite,
  client: Client,
  { id_token: token, access_token: accessToken }: Tokens,
  nonce: string | undefined,
): Promise<JWTPayload> {
  const header = decodeProtectedHeader(token);
  t.equal(header.alg, 'RS256');
  t.equal(suite.jwks.keys.filter((one) => one['kid'] === header.kid).length, 1, 'kid names one of the published keys');
  const now = suite.clock.now();
  const wanted = { issuer: suite.issuer, audience: client.id, currentDate: now, algorithms: ['RS256'] };
  const { payload } = await jwtVerify(token, suite.keys, wanted);
  t.match(payload.sub, /^[\x20-\x7e]{1,255}$/);
  t.equal(payload['nonce'], nonce, 'the nonce of the request, or none');
  const seconds = now.getTime() / 1000;
  t.ok(
    Math.abs(seconds - (payload.iat as number)) <= 300 && (payload.exp as number) > seconds,
    'iat and exp are of now',
  );
  t.type(payload['acr'], 'string');
  const authTime = payload['auth_time'] as number;
  t.ok(Number.isInteger(authTime) && authTime <= seconds, 'auth_time is not of the future');
  const half = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
  t.equal(payload['at_hash'], half, 'OIDC Core §3.1.3.6');
  return payload;
}

const STRINGS = ['sub', 'name', 'given_name', 'family_name', 'preferred_username', 'email'];

/** OIDC Core §5.1, §5.3.2: as JSON, with the same sub, and every standard claim of its type. */
export function checkUserinfo(t: Test, response: Response, sub: unknown): Record<string, unknown> {
  t.equal(response.statusCode, 200, response.body);
  t.match(response.headers['content-type'], /^application\/json(;|$)/);
  const said = response.json() as Record<string, unknown>;
  t.equal(said['sub'], sub);
  for (const [name, value] of Object.entries(said)) {
    if (STRINGS.includes(name)) t.match(value, /./, name);
    else if (name === 'email_verified') t.type(value, 'boolean', name);
    else t.fail(`${name}: nobody asked for it`);
  }
  return said;
}

export function userinfo(suite: Suite, accessToken: string, how: 'get' | 'post-header' | 'post-body' = 'get') {
  const url = suite.at('userinfo_endpoint');
  if (how === 'get') return suite.http.get(url, bearer(accessToken));
  if (how === 'post-header') return suite.app.inject({ method: 'POST', url, headers: bearer(accessToken) });
  return suite.http.form(url, { access_token: accessToken }, { 'content-type': FORM });
}

export interface Flown {
  readonly asked: readonly string[];
  readonly code: string;
  readonly tokens: Tokens;
  readonly claims: JWTPayload;
  readonly about: Record<string, unknown>;
}

export interface Variant {
  readonly browser?: Browser;
  readonly client?: Client;
  readonly method?: 'GET' | 'POST';
  readonly verifier?: string;
}

/** The flow that almost every module is made of, each step of it checked. */
export async function flow(
  t: Test,
  suite: Suite,
  more: Record<string, string | undefined> = {},
  { browser = newBrowser(suite), client = suite.first, method = 'GET', verifier }: Variant = {},
): Promise<Flown> {
  const wanted = asking(suite, client, more);
  const { asked, sent } = await walk(suite, browser, wanted, method);
  const code = checkGranted(t, suite, wanted, answerAt(t, suite, sent));
  const shown: Record<string, string> = verifier === undefined ? {} : { code_verifier: verifier };
  const tokens = checkTokens(t, await redeem(suite, client, code, shown));
  const claims = await checkIdToken(t, suite, client, tokens, wanted['nonce']);
  const about = checkUserinfo(t, await userinfo(suite, tokens.access_token), claims.sub);
  return { asked, code, tokens, claims, about };
}
