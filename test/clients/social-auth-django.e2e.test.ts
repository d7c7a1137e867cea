import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { fromDebian } from './debian.ts';
import { startPythonSite } from './python.ts';
import { stock } from './record.ts';
import { goThrough, startWorld } from './world.ts';

const packages = ['python3-social-django', 'python3-social-auth-core', 'python3-django', 'python3-jose'] as const;

await stock(fromDebian('social-auth-app-django', packages), async (_t, flow) => {
  const world = await startWorld(t);

  await flow('OpenIdConnectAuth: discovery, authorization code, nonce, at_hash, userinfo, refresh', async (t) => {
    const port = await freePort();
    const made = await world.client({
      preset: 'web',
      redirectUris: [`http://127.0.0.1:${port}/complete/oidc/`],
      isFirstParty: true,
      // This release knows no PKCE, and sends a nonce.
      settings: { pkce: 'if-sent' },
    });
    const folder = mkdtempSync(join(tmpdir(), 'signet-django-'));
    const words = [world.issuer, made.clientId, made.secret, folder];
    const site = await startPythonSite(t, 'django_site.py', port, words, world.caPath);
    const browser = world.browser();
    const page = await goThrough(browser, `${site.url}/login/oidc/`);
    t.equal(page.url.href, `${site.url}/`, `${page.text.slice(0, 2000)}\n${site.log()}`);
    const before = JSON.parse(page.text);
    t.match(before, { username: 'alice', email: 'alice@example.com' });
    const after = JSON.parse((await browser.open(`${site.url}/?refresh`)).text);
    t.not(after.access_token, before.access_token);
  });
});
