import type { ClientSettings } from '../../src/oauth/client-settings/index.ts';
import { Client, createClient } from '../../src/oauth/index.ts';
import { createApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { Session } from '../../src/sessions/index.ts';
import { type Alg, deriveRefreshKey, openGrant, signIdToken } from '../../src/tokens/index.ts';
import { audit, makeUser, masterKey, startApp, testClock } from '../support/server.ts';

export const PASSWORD = 'a long enough phrase';
export const BACK = 'https://app.example/signed-out?from=signet';
const LIFE = { idleSeconds: 30 * 86_400, absoluteSeconds: 90 * 86_400 };

/** Two users, two clients, browsers that log in, and grants that clients hold in their sessions. */
export async function logoutWorld(db: Database, environment: Record<string, string> = {}) {
  const clock = testClock();
  const service = await startApp(db, { clock, environment });
  const { app, keys, issuer } = service;
  const api = await createApi(db.fork(), audit(), 'polls');

  const make = async (name: string, settings: Partial<ClientSettings>) => {
    const given = { name, preset: 'web', redirectUris: ['https://app.example/cb'], requests: [api] } as const;
    const { client } = await createClient(db.fork(), audit(clock.now()), { ...given, isFirstParty: true });
    await db.fork().nativeUpdate(Client, { id: client.id }, { settings });
    return { id: client.id, clientId: client.clientId, name };
  };
  type CreatedClient = Awaited<ReturnType<typeof make>>;

  for (const name of ['alice', 'bob']) await makeUser(db, service.passwords, name, PASSWORD);
  /** A browser that has just logged in. */
  const logIn = async (username = 'alice') => {
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/login',
      payload: { username, password: PASSWORD },
    });
    if (response.statusCode !== 200) throw new Error(response.body);
    const [{ name, value }] = response.cookies as [{ name: string; value: string }];
    const { user, session } = response.json() as { user: { id: string }; session: { id: string } };
    const cookie = `${name}=${value}`;
    const isSignedIn = async () =>
      (await app.inject({ url: '/api/v1/session', headers: { cookie } })).json().is_authenticated as boolean;
    return { cookie, sid: session.id, user: user.id, isSignedIn };
  };
  type Browser = Awaited<ReturnType<typeof logIn>>;

  const idToken = (client: CreatedClient, browser: Pick<Browser, 'sid' | 'user'>, alg: Alg = 'RS256') =>
    signIdToken(
      keys,
      {
        issuer,
        alg,
        clientId: client.clientId,
        sub: browser.user,
        sid: browser.sid,
        authTime: clock.now(),
        amr: ['pwd'],
        acr: null,
        nonce: 'n',
        accessToken: null,
        claims: {},
      },
      clock.now(),
    );

  /** What a client is given in a session. */
  const grant = async (client: CreatedClient, browser: Browser, isOffline = false) => {
    const session = await db.fork().findOneOrFail(Session, browser.sid);
    return db.fork().transactional(async (tx) => {
      const user = { id: browser.user, passwordEpoch: session.passwordEpoch };
      const given = { user, client: client.id, api: api.id, scope: 'openid', session, isOffline };
      return openGrant(tx, deriveRefreshKey(masterKey), given, LIFE, clock.now());
    });
  };

  const cookieHeader = (browser: Browser | null) => (browser ? { cookie: browser.cookie } : {});
  const get = (fields: Record<string, string>, browser: Browser | null, headers: Record<string, string> = {}) =>
    app.inject({
      url: `/oauth2/logout?${new URLSearchParams(fields)}`,
      headers: { ...cookieHeader(browser), ...headers },
    });
  const post = (fields: Record<string, string>, browser: Browser | null, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/oauth2/logout',
      headers: { ...cookieHeader(browser), 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    });
  return { ...service, clock, api, make, logIn, idToken, grant, get, post };
}
