import t from '../support/tap.ts';
// @ts-expect-error JavaScript: its types would bring those of browsers to every file here.
import { appOf } from './auth-express.mjs';
import { fromNpm, stock } from './record.ts';
import { goThrough, startSite, startWorld } from './world.ts';

const world = await startWorld(t);

await stock(fromNpm('@auth/express'), async (_t, flow) => {
  await flow('custom provider of type oidc: authorization code, PKCE, state, nonce', async (t) => {
    const site = await startSite(t, async (url) => {
      const redirectUris = [`${url}/auth/callback/signet`];
      const made = await world.client({ preset: 'web', redirectUris, isFirstParty: true, requests: [] });
      return appOf(world.issuer, made.clientId, made.secret);
    });
    const browser = world.browser();
    const login = await (await browser.open(`${site.url}/auth/signin`)).submit();
    t.equal(login.url.origin, world.issuer, login.text);
    const page = await goThrough(browser, login.url);
    t.equal(page.url.origin, site.url, page.text);
    const session = await browser.open(`${site.url}/auth/session`);
    t.match(JSON.parse(session.text), { user: { email: 'alice@example.com' } });
  });
});
