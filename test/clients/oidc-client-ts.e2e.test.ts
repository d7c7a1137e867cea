import { type INavigator, InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { jwtClaims } from '../support/flows.ts';
import t from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { EDITORS, goThrough, startWorld } from './world.ts';

// A library for pages: its fetch is a browser's, which asks before it sends and keeps answers that do not name its origin.

const ORIGIN = 'https://spa.example';
const CALLBACK = `${ORIGIN}/callback`;
const BYE = `${ORIGIN}/bye`;
const world = await startWorld(t);
const sent: string[] = [];
const plainFetch = globalThis.fetch;

/** Fetch, "CORS protocol": what a page of ORIGIN may send and see. */
globalThis.fetch = async (input, init = {}) => {
  const request = new Request(input, init);
  const url = new URL(request.url);
  sent.push(`${request.method} ${url.pathname}`);
  const isAllowed = (response: Response) =>
    ['*', ORIGIN].includes(response.headers.get('access-control-allow-origin') ?? '');
  const own = [...request.headers.keys()].filter(
    (name) => !['accept', 'accept-language', 'content-language'].includes(name),
  );
  const isSimple = own.every(
    (name) => name === 'content-type' && request.headers.get(name) === 'application/x-www-form-urlencoded',
  );
  if (!isSimple) {
    const headers = {
      origin: ORIGIN,
      'access-control-request-method': request.method,
      'access-control-request-headers': own.join(','),
    };
    const preflight = await plainFetch(request.url, { method: 'OPTIONS', headers });
    const names = (preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/,\s*/);
    if (
      !preflight.ok ||
      !isAllowed(preflight) ||
      !own.every((name) => names.includes(name) || (names.includes('*') && name !== 'authorization'))
    )
      throw new TypeError(
        `CORS: the preflight of ${request.method} ${url.pathname} (${own}) was refused: ${preflight.status}`,
      );
  }
  const headers = new Headers(request.headers);
  headers.set('origin', ORIGIN);
  headers.set('sec-fetch-site', 'cross-site');
  const response = await plainFetch(new Request(request, { headers }));
  if (!isAllowed(response))
    throw new TypeError(`CORS: the answer of ${request.method} ${url.pathname} names no origin`);
  return response;
};

/** In the place of `window.location`. */
function navigatorOf(went: URL[]): INavigator {
  const here = {
    navigate: async ({ url }: { url: string }) => {
      went.push(new URL(url));
      return { url };
    },
    close: () => {},
  };
  return { prepare: async () => here, callback: async () => {} };
}

await stock(fromNpm('oidc-client-ts'), async (_t, flow) => {
  const made = await world.client({
    preset: 'spa',
    redirectUris: [CALLBACK],
    isFirstParty: true,
    settings: { postLogoutRedirectUris: [BYE] },
  });

  async function manager(more: object = {}) {
    const went: URL[] = [];
    const store = () => new WebStorageStateStore({ store: new InMemoryWebStorage() });
    const settings = {
      authority: world.issuer,
      client_id: made.clientId,
      redirect_uri: CALLBACK,
      post_logout_redirect_uri: BYE,
      scope: 'openid profile email',
      userStore: store(),
      stateStore: store(),
      automaticSilentRenew: false,
      ...more,
    };
    return { went, users: new UserManager(settings, navigatorOf(went)) };
  }

  await flow(
    'page of another origin (CORS): authorization code, PKCE, userinfo, refresh, revocation, logout',
    async (t) => {
      const { went, users } = await manager({ loadUserInfo: true });
      await users.signinRedirect();
      const browser = world.browser({ stopAt: [CALLBACK, BYE] });
      const page = await goThrough(browser, went.pop() as URL);
      const user = await users.signinRedirectCallback(page.url.href);
      t.match(user.profile, { preferred_username: 'alice', email: 'alice@example.com' }, user.toStorageString());
      const next = await users.signinSilent();
      t.not(next?.refresh_token, user.refresh_token);
      await users.revokeTokens(['refresh_token']);
      await users.signoutRedirect();
      let bye = await browser.open(went.pop() as URL);
      if (bye.status !== 0) bye = await bye.submit({}, ['decision', 'logout']);
      t.equal(bye.url.origin + bye.url.pathname, BYE);
      await users.signoutRedirectCallback(bye.url.href);
      t.equal(await users.getUser(), null);
      t.ok(sent.includes('GET /.well-known/openid-configuration') && sent.includes('POST /oauth2/token'));
    },
  );

  await flow('a token for an API, by a parameter of its own', async (t) => {
    const { went, users } = await manager({ extraQueryParams: { audience: 'polls' } });
    await users.signinRedirect();
    const page = await goThrough(world.browser({ stopAt: CALLBACK }), went.pop() as URL);
    const { access_token } = await users.signinRedirectCallback(page.url.href);
    const claims = jwtClaims(access_token);
    t.match(claims, { aud: 'polls', permissions: EDITORS });
    // Else it waits for the end of the token.
    await users.removeUser();
  });
});
