import { createHash } from 'node:crypto';
import { AuthorizationCode } from '../../src/oauth/authorization-entities.ts';
import { issueCode, type NewCode } from '../../src/oauth/authorize/code.ts';
import { grantNames } from '../../src/oauth/client-settings/index.ts';
import type { Api } from '../../src/permissions/index.ts';
import { digest } from '../../src/platform/digest.ts';
import { Session } from '../../src/sessions/index.ts';
import { type Alg, deriveRefreshKey, openGrant, signIdToken } from '../../src/tokens/index.ts';
import { newBrowser, responseParameters } from './browser.ts';
import { bearer, type Fields, type Headers, PASSWORD, type SignedIn } from './http.ts';
import { masterKey } from './server.ts';
import type { TestClient, World } from './world.ts';

// The requests of the grants of OAuth, in the order in which a client sends them.

export const CALLBACK = 'https://app.example/cb';
/** A post-logout redirect URI. */
export const BACK = 'https://app.example/signed-out?from=signet';
export const VERIFIER = 'a-verifier-of-the-client-that-is-long-enough-0123456789';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
export const DEVICE = grantNames.device;
export const EXCHANGE = grantNames['token-exchange'];
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const jwtPart = (token: string, at: number) =>
  JSON.parse(Buffer.from(token.split('.')[at] as string, 'base64url').toString());
export const jwtHeader = (token: string) => jwtPart(token, 0);
export const jwtClaims = (token: string) => jwtPart(token, 1);

/** Where the code flow begins: the API, the client and the session, unless a request names others. */
interface CodeDefaults {
  readonly polls: Api;
  readonly web: TestClient;
  readonly session: SignedIn['session'];
}

/** Codes without the authorization endpoint, and what is done with them. */
export function codeFlow({ db, clock, http }: World, { polls, web, session }: CodeDefaults) {
  const post = (endpoint: string, fields: Fields, by = web, headers: Headers = {}) =>
    http.oauth(endpoint, fields, by, headers);
  const code = async (by = web, more: Partial<NewCode> = {}): Promise<string> => {
    const given = {
      client: by.principal,
      session: session.id,
      api: polls.id,
      scope: 'openid profile',
      permissions: null,
      isOffline: false,
      redirectUri: CALLBACK,
      codeChallenge: CHALLENGE,
      nonce: 'n-0',
      claims: null,
      dpopJkt: null,
      ...more,
    };
    const issued = await issueCode(db, given, { digests: [], interaction: null }, clock.now());
    if (typeof issued === 'string') throw new Error(issued);
    return issued.code;
  };
  const redeem = (code: string, more: Fields = {}, by = web) =>
    post(
      'token',
      { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...more },
      by,
    );
  return {
    post,
    code,
    redeem,
    introspect: async (token: string, by = web) => (await post('introspect', { token }, by)).json(),
    /** Userinfo. */
    about: (token: string) => http.get('/oauth2/userinfo', bearer(token)),
    exchange: (by: TestClient, token: string, more: Fields = {}, headers: Headers = {}) =>
      post(
        'token',
        { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN, ...more },
        by,
        headers,
      ),
    /** A user's token for polls that a client gets by the code flow. */
    subjectToken: async (by = web, more: Partial<NewCode> = {}): Promise<string> =>
      (await redeem(await code(by, more), {}, by)).json().access_token,
  };
}

/** The URL of an authorization request, as a stock client builds it; undefined leaves a parameter out. */
function authorizeUrl(client: Pick<TestClient, 'id'>, more: Record<string, string | undefined> = {}): string {
  const all = {
    client_id: client.id,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    state: 's-1',
    nonce: 'n-1',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...more,
  };
  const kept = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined);
  return `/oauth2/authorize?${new URLSearchParams(kept)}`;
}

/** Authorization requests in browsers. */
export function browserFlow({ db, app, issuer }: World) {
  const openBrowser = () => newBrowser(app, issuer);
  type Browser = ReturnType<typeof openBrowser>;
  const ask = (browser: Browser, client: TestClient, more: Record<string, string | undefined> = {}) =>
    browser.open(authorizeUrl(client, more));
  return {
    urlFor: authorizeUrl,
    openBrowser,
    /** Opens a browser and signs a user in. */
    async signedInBrowser(username = 'alice') {
      const browser = openBrowser();
      const { response } = await browser.send('POST', '/login', { username, password: PASSWORD });
      if (response.statusCode !== 303) throw new Error(`${username} could not log in: ${response.body}`);
      return browser;
    },
    ask,
    answer: async (browser: Browser, client: TestClient, more: Record<string, string | undefined> = {}) =>
      responseParameters(await ask(browser, client, more)),
    codeRow: (code: unknown) => db.fork().findOneOrFail(AuthorizationCode, digest(String(code))),
    codes: () => db.fork().count(AuthorizationCode),
  };
}

interface DeviceAuthorization {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

/** Devices that ask and poll, and the page where users decide. `tv` asks, unless a request names another. */
export function deviceFlow({ http }: World, tv: TestClient) {
  const page = (cookie: string, query = '') => http.get(`/oauth2/device${query}`, cookie === '' ? {} : { cookie });
  const submit = (cookie: string, fields: Fields, headers: Headers = {}) =>
    http.form('/oauth2/device', fields, { ...(cookie === '' ? {} : { cookie }), ...headers });
  const confirmationIn = (body: string) => /name="confirmation" value="([\w-]+)"/.exec(body)?.[1] ?? '';
  return {
    begin: async (by = tv, fields: Fields = {}): Promise<DeviceAuthorization> =>
      (await http.oauth('device_authorization', fields, by)).json(),
    poll: (code: string, by = tv, fields: Fields = {}) =>
      http.oauth('token', { grant_type: DEVICE, device_code: code, ...fields }, by),
    page,
    submit,
    confirmationIn,
    async decide(cookie: string, userCode: string, decision: string) {
      const confirmation = confirmationIn((await submit(cookie, { user_code: userCode })).body);
      return submit(cookie, { user_code: userCode, decision, confirmation });
    },
  };
}

/** The idle and the absolute lifetime of grants. */
export const LIFE = { idleSeconds: 30 * 86_400, absoluteSeconds: 90 * 86_400 };

/** What a client holds in a session, and the end of the session. */
export function logoutFlow({ db, clock, keys, issuer, http }: World, polls: Api) {
  const cookie = (browser: SignedIn | null): Headers => (browser ? { cookie: browser.cookie } : {});
  return {
    idToken: ({ id }: TestClient, { user, sid }: Pick<SignedIn, 'user' | 'sid'>, alg: Alg = 'RS256') =>
      signIdToken(
        keys,
        {
          ...{ issuer, alg, clientId: id, sub: user.id, sid, authTime: clock.now() },
          ...{ amr: ['pwd'], acr: null, nonce: 'n', accessToken: null, claims: {} },
        },
        clock.now(),
      ),
    /** A family of refresh tokens in a session. */
    async grant({ principal }: TestClient, { user, sid }: SignedIn, isOffline = false) {
      const session = await db.fork().findOneOrFail(Session, sid);
      const owner = { id: user.id, passwordEpoch: session.passwordEpoch };
      const given = { user: owner, client: principal, api: polls.id, scope: 'openid', session, isOffline };
      return db.fork().transactional((tx) => openGrant(tx, deriveRefreshKey(masterKey), given, LIFE, clock.now()));
    },
    get: (fields: Fields, browser: SignedIn | null, headers: Headers = {}) =>
      http.get(`/oauth2/logout?${new URLSearchParams(fields)}`, { ...cookie(browser), ...headers }),
    post: (fields: Fields, browser: SignedIn | null, headers: Headers = {}) =>
      http.form('/oauth2/logout', fields, { ...cookie(browser), ...headers }),
  };
}
