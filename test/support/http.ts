import type { App } from '../../src/platform/http/index.ts';

// Requests to the service of a test, without a network: forms, JSON, and requests of a client or of a user.

export const PASSWORD = 'a long enough phrase';

export type Headers = Readonly<Record<string, string | string[]>>;
export type Fields = Readonly<Record<string, string>>;

/** A client's id, and its secret; null for a client without one. */
export interface ClientCredentials {
  readonly id: string;
  readonly secret: string | null;
}

/** What a login gives to a browser or to a first-party app. */
export interface SignedIn {
  /** `name=value`, as a browser sends it. */
  readonly cookie: string;
  readonly user: { readonly id: string };
  readonly session: { readonly id: string };
  /** The id of the session, as tokens have it. */
  readonly sid: string;
  /** The access token, if an audience was given. */
  readonly token: string;
  /** Whether the session is live. */
  isSignedIn(): Promise<boolean>;
}

export interface LoginOptions {
  readonly password?: string;
  readonly audience?: string;
  readonly scope?: string;
  readonly headers?: Headers;
}

/** Client authentication by `client_secret_basic`. */
export const basic = ({ id, secret }: ClientCredentials) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** Returns the session cookie of a response: `name=value`. */
export function sessionCookie(response: { readonly cookies: readonly unknown[] }): string {
  const [{ name, value }] = response.cookies as [{ name: string; value: string }];
  return `${name}=${value}`;
}

export function openHttp(app: App) {
  const get = (url: string, headers: Headers = {}) => app.inject({ url, headers });
  /** POSTs a form. */
  const form = (url: string, fields: Fields | string, headers: Headers = {}) =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
    });
  /** Sends JSON; a string is sent unchanged. */
  const json = (url: string, body: unknown, headers: Headers = {}, method: 'POST' | 'PUT' | 'PATCH' = 'POST') =>
    app.inject({
      method,
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });

  return {
    get,
    form,
    json,
    /** POSTs a form of a client to an endpoint of OAuth. A client without a secret sends its id. */
    oauth: (endpoint: string, fields: Fields, by: ClientCredentials, headers: Headers = {}) =>
      by.secret === null
        ? form(`/oauth2/${endpoint}`, { client_id: by.id, ...fields }, headers)
        : form(`/oauth2/${endpoint}`, fields, { ...basic(by), ...headers }),
    /** Logs a user in by the JSON API; throws if the login is refused. */
    async logIn(username: string, { headers, ...more }: LoginOptions = {}): Promise<SignedIn> {
      const response = await json('/api/v1/login', { username, password: PASSWORD, ...more }, headers);
      if (response.statusCode !== 200) throw new Error(`login of ${username}: ${response.body}`);
      const { user, session, access_token: token } = response.json();
      const cookie = sessionCookie(response);
      const isSignedIn = async () => (await get('/api/v1/session', { cookie })).json().is_authenticated;
      return { cookie, user, session, sid: session.id, token, isSignedIn };
    },
    /** Requests of the browser that a user signed in with. */
    as: ({ cookie }: Pick<SignedIn, 'cookie'>) => ({
      get: (url: string, headers: Headers = {}) => get(url, { cookie, ...headers }),
      form: (url: string, fields: Fields | string, headers: Headers = {}) => form(url, fields, { cookie, ...headers }),
      json: (url: string, body: unknown, headers: Headers = {}) => json(url, body, { cookie, ...headers }),
      /** POSTs nothing. */
      post: (url: string) => app.inject({ method: 'POST', url, headers: { cookie } }),
      delete: (url: string) => app.inject({ method: 'DELETE', url, headers: { cookie } }),
    }),
    /** Asks `has_perm` by a token. */
    hasPerm: (token: string, perms: readonly string[] = []) => json('/api/v1/has_perm', { perms }, bearer(token)),
  };
}
