import { randomBytes } from 'node:crypto';
// @ts-expect-error Express brings no types.
import express from 'express';
import oidc, { type ConfigParams } from 'express-openid-connect';
// @ts-expect-error It brings no types.
import session from 'express-session';
import t, { type Test } from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { goThrough, type Site, startSite, startWorld } from './world.ts';

const { auth, requiresAuth } = oidc;
const world = await startWorld(t);

/** An app as its README has it, with the code flow of its EXAMPLES. */
function startApp(own: Test, more: (url: string) => ConfigParams) {
  return startSite(own, async (url) => {
    const made = await world.client({
      preset: 'web',
      redirectUris: [`${url}/callback`],
      isFirstParty: true,
      serves: ['polls'],
      settings: { postLogoutRedirectUris: [url, `${url}/`], backchannelLogoutUri: `${url}/backchannel-logout` },
    });
    const app = express();
    app.use(
      auth({
        issuerBaseURL: world.issuer,
        baseURL: url,
        clientID: made.clientId,
        clientSecret: made.secret,
        secret: randomBytes(32).toString('hex'),
        idpLogout: true,
        authRequired: false,
        ...more(url),
      }),
    );
    // biome-ignore lint/suspicious/noExplicitAny: Express brings no types.
    type Any = any;
    app.get('/', (request: Any, response: Any) => response.json(request.oidc.user ?? null));
    app.get('/profile', requiresAuth(), async (request: Any, response: Any) => {
      let { access_token, isExpired, refresh } = request.oidc.accessToken;
      if (request.query.refresh !== undefined) ({ access_token } = await refresh.call(request.oidc.accessToken));
      response.json({
        userinfo: await request.oidc.fetchUserInfo(),
        isExpired: isExpired.call(request.oidc.accessToken),
        access_token,
      });
    });
    return app;
  });
}

await stock(fromNpm('express-openid-connect'), async (_t, flow) => {
  await flow('authorization code, userinfo, refresh, logout', async (t) => {
    const site = await startApp(t, () => ({
      authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access' },
    }));
    const browser = world.browser();
    const page = await goThrough(browser, `${site.url}/profile`);
    t.equal(page.status, 200, page.text);
    t.match(JSON.parse(page.text), {
      userinfo: { preferred_username: 'alice', email: 'alice@example.com' },
      isExpired: false,
    });
    const again = JSON.parse((await browser.open(`${site.url}/profile?refresh`)).text);
    t.not(again.access_token, JSON.parse(page.text).access_token);
    let bye = await browser.open(`${site.url}/logout`);
    if (bye.document.querySelector('[name="decision"]')) bye = await bye.submit({}, ['decision', 'logout']);
    t.equal(bye.url.href, `${site.url}/`);
    t.equal(bye.text, 'null');
    t.equal((await browser.open(`${site.url}/profile`)).url.pathname, '/login', 'and at Signet, too');
  });

  await flow('authorization code by form_post', async (t) => {
    const site = await startApp(t, () => ({
      authorizationParams: { response_type: 'code', response_mode: 'form_post', scope: 'openid profile' },
    }));
    const browser = world.browser();
    const page = await (await goThrough(browser, `${site.url}/login`)).submit();
    t.equal(page.url.href, `${site.url}/`, page.text);
    t.type(JSON.parse(page.text).sub, 'string');
  });

  await flow('pushed authorization request (PAR)', async (t) => {
    const site = await startApp(t, () => ({
      authorizationParams: { response_type: 'code', scope: 'openid profile' },
      pushedAuthorizationRequests: true,
    }));
    const page = await goThrough(world.browser(), `${site.url}/login`);
    t.type(JSON.parse(page.text).sub, 'string');
  });

  await flow('logout elsewhere (back-channel)', async (t) => {
    const [here, there] = await Promise.all(
      Array.from({ length: 2 }, () =>
        startApp(t, () => ({
          authorizationParams: { response_type: 'code', scope: 'openid profile' },
          backchannelLogout: { store: new session.MemoryStore() },
        })),
      ),
    );
    const browser = world.browser();
    for (const site of [here, there] as Site[])
      t.equal((await goThrough(browser, `${site.url}/login`)).url.href, `${site.url}/`);
    const look = async () => JSON.parse((await browser.open(`${there?.url}/`)).text);
    t.type((await look()).sub, 'string');
    const bye = await browser.open(`${here?.url}/logout`);
    if (bye.document.querySelector('[name="decision"]')) await bye.submit({}, ['decision', 'logout']);
    await world.run('logout-notices');
    t.ok(there?.requests.includes('POST /backchannel-logout'));
    t.equal(await look(), null);
  });
});
