import type { Page } from 'playwright-core';
import { startWorld } from '../clients/world.ts';
import { NO_CHROMIUM, startChromium } from '../support/chromium.ts';
import { CHALLENGE } from '../support/flows.ts';
import { PASSWORD } from '../support/http.ts';
import t from '../support/tap.ts';

// Needs a real browser: whether it follows the response of a form to a program behind a private-use scheme.

await t.test('redirects to a scheme of SIGNET_REDIRECT_SCHEMES in Chromium', { skip: NO_CHROMIUM }, async (t) => {
  const world = await startWorld(t, { https: false, environment: { SIGNET_REDIRECT_SCHEMES: 'cursor' } });
  const redirectUri = 'cursor://signet.example/callback';
  const made = await world.client({
    preset: 'mcp',
    redirectUris: [redirectUri],
    redirectRules: { httpsOnly: true, schemes: ['cursor'] },
    boundary: ['polls.view_choice'],
  });
  const url = `${world.issuer}/oauth2/authorize?${new URLSearchParams({
    client_id: made.clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 's-1',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  })}`;
  const browser = await startChromium(t);
  const context = await browser.newContext();
  const openConsent = async (page: Page) => {
    await page.goto(url);
    if (new URL(page.url()).pathname === '/login') {
      await page.fill('input[name=username]', 'alice');
      await page.fill('input[name=password]', PASSWORD);
      await page.click('form:has(input[name=password]) button');
    }
    await page.waitForSelector('button[value=allow]');
  };

  await t.test(
    'CSP 3 §6.4 (form-action), RFC 8252 §7.1: the browser goes on to the program, from the consent page and every time',
    async (t) => {
      for (const time of ['first', 'second']) {
        const page = await context.newPage();
        await openConsent(page);
        t.match(
          await page.textContent('body'),
          /the app cursor/,
          `${time}: RFC 8252 §8.6: asked, and told where it goes`,
        );
        const gone = page.waitForRequest((request) => request.url().startsWith('cursor:'));
        await page.click('button[value=allow]');
        const answer = new URL((await gone).url());
        t.equal(answer.searchParams.get('state'), 's-1');
        t.match(answer.searchParams.get('code'), /^[\w-]{43}$/);
        t.equal(answer.searchParams.get('iss'), world.issuer);
      }
    },
  );

  await t.test('CSP 3 §6.4: without the scheme in form-action the browser would stay', async (t) => {
    const page = await context.newPage();
    await openConsent(page);
    await page.route('**/interaction/**', async (route) => {
      if (route.request().method() === 'POST') return route.continue();
      const response = await route.fetch();
      const policy = response.headers()['content-security-policy'] as string;
      t.match(policy, /form-action 'self' cursor:;/);
      await route.fulfill({
        response,
        headers: { ...response.headers(), 'content-security-policy': policy.replace(' cursor:', '') },
      });
    });
    await page.reload();
    const said = page.waitForEvent('console', (message) => /Content Security Policy/.test(message.text()));
    await page.click('button[value=allow]');
    t.match((await said).text(), /form-action 'self'/);
  });
});
