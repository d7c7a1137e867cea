import { getRequestListener } from '@hono/node-server';
import {
  getAuth,
  initOidcAuthMiddleware,
  oidcAuthMiddleware,
  processOAuthCallback,
  revokeSession,
} from '@hono/oidc-auth';
import { Hono } from 'hono';
import t from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { EDITORS, goThrough, startSite, startWorld } from './world.ts';

const world = await startWorld(t);

await stock(fromNpm('@hono/oidc-auth'), async (_t, flow) => {
  for (const [name, scopes] of [
    ['authorization code with every scope of discovery, refresh, revocation', undefined],
    ['authorization code with named scopes', 'openid email'],
  ] as const)
    await flow(name, async (t) => {
      const site = await startSite(t, async (url) => {
        const made = await world.client({
          preset: 'web',
          redirectUris: [`${url}/callback`],
          isFirstParty: true,
          requests: [],
        });
        const app = new Hono();
        app.use(
          initOidcAuthMiddleware({
            OIDC_AUTH_SECRET: 'a secret of thirty-two characters',
            OIDC_AUTH_REFRESH_INTERVAL: '-1',
            OIDC_ISSUER: world.issuer,
            OIDC_CLIENT_ID: made.clientId,
            OIDC_CLIENT_SECRET: made.secret,
            OIDC_REDIRECT_URI: `${url}/callback`,
            ...(scopes ? { OIDC_SCOPES: scopes } : {}),
          }),
        );
        app.get('/logout', async (c) => {
          await revokeSession(c);
          return c.text('bye');
        });
        app.get('/callback', (c) => processOAuthCallback(c));
        app.use('*', oidcAuthMiddleware());
        app.get('/', async (c) => c.json(await getAuth(c)));
        return getRequestListener(app.fetch);
      });
      const browser = world.browser();
      const page = await goThrough(browser, `${site.url}/`);
      t.equal(page.status, 200, page.text);
      const { sub, email, rtk } = JSON.parse(page.text);
      t.same([typeof sub, email], ['string', 'alice@example.com']);
      t.type(rtk, 'string');
      // Its session is over at once, so this visit refreshed.
      const next = JSON.parse((await browser.open(`${site.url}/`)).text);
      t.not(next.rtk, rtk);
      t.equal((await browser.open(`${site.url}/logout`)).text, 'bye');
    });

  await flow('permissions of the ID token by oidcClaimsHook (--permissions-in id_token)', async (t) => {
    const site = await startSite(t, async (url) => {
      const redirectUris = [`${url}/callback`];
      const made = await world.client({
        preset: 'web',
        redirectUris,
        isFirstParty: true,
        settings: { permissionsIn: 'id_token' },
      });
      const app = new Hono();
      app.use(
        initOidcAuthMiddleware({
          OIDC_AUTH_SECRET: 'a secret of thirty-two characters',
          OIDC_ISSUER: world.issuer,
          OIDC_CLIENT_ID: made.clientId,
          OIDC_CLIENT_SECRET: made.secret,
          OIDC_REDIRECT_URI: `${url}/callback`,
          OIDC_SCOPES: 'openid permissions',
        }),
      );
      app.get('/callback', (c) => {
        c.set('oidcClaimsHook', async (_before, claims) => ({ permissions: claims?.['permissions'] }) as never);
        return processOAuthCallback(c);
      });
      app.use('*', oidcAuthMiddleware());
      app.get('/', async (c) => c.json(await getAuth(c)));
      return getRequestListener(app.fetch);
    });
    const page = await goThrough(world.browser(), `${site.url}/`);
    t.same(JSON.parse(page.text).permissions, EDITORS, page.text);
  });
});
