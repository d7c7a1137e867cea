import { CompactSign, generateKeyPair } from 'jose';
import type { Page } from '../clients/browser.ts';
import t, { type Test } from '../support/tap.ts';
import { logoutRequest, NOT_REGISTERED, SIGNED_OUT, startLogoutPlan, unsigned } from './logout-plan.ts';

// oidcc-rp-initiated-logout-certification-test-plan of OpenID's conformance suite, module by module.

const plan = await startLogoutPlan(t);
const { metadata, visit, world, clientId } = plan;

/** The browser is at the suite, with `state` and nothing else. */
function isBack(t: Test, page: Page, state: string | undefined): void {
  t.equal(`${page.url.origin}${page.url.pathname}`, SIGNED_OUT, page.text);
  t.same(Object.fromEntries(page.url.searchParams), state === undefined ? {} : { state });
}

/** A page of Signet's: the suite wants a picture of it. */
function isShown(t: Test, page: Page, title: string): void {
  t.same([page.url.origin, page.status], [world.issuer, 200], page.url.href);
  t.equal(page.document.querySelector('h1')?.text, title);
}

const ASKED = 'Sign out?';
const DONE = 'You are signed out';

t.test(
  'oidcc-rp-initiated-logout-discovery-endpoint-verification: OIDC RP-Initiated Logout §2.1: an end_session_endpoint is there, and every endpoint is https',
  async (t) => {
    t.match(metadata['end_session_endpoint'], /^https:\/\//);
    for (const [name, value] of Object.entries(metadata))
      if (name.endsWith('_endpoint')) t.match(value, /^https:\/\//, name);
  },
);

t.test(
  'oidcc-rp-initiated-logout: OIDC RP-Initiated Logout §2, §3: the user comes back with state alone, and is signed out',
  async (t) => {
    const browser = visit();
    const request = logoutRequest(await browser.signIn());
    isBack(t, await browser.logOut(request), request.state);
    await browser.isOut(t);
  },
);

t.test(
  'oidcc-rp-initiated-logout-no-state: OIDC RP-Initiated Logout §3: the user comes back without one',
  async (t) => {
    const browser = visit();
    const { state: _, ...request } = logoutRequest(await browser.signIn());
    isBack(t, await browser.logOut(request), undefined);
    await browser.isOut(t);
  },
);

t.test(
  'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri: OIDC RP-Initiated Logout §3, §4: nobody is sent there, and the page says what was wrong',
  async (t) => {
    for (const uri of [NOT_REGISTERED, `${SIGNED_OUT}?foo=bar`]) {
      const browser = visit();
      const page = await browser.logOut({
        ...logoutRequest(await browser.signIn()),
        post_logout_redirect_uri: uri,
      });
      isShown(t, page, DONE);
      t.match(page.document.querySelector('.error')?.text, /post_logout_redirect_uri\) is not registered/, uri);
      t.notMatch(page.text, /="[^"]*suite\.example/, 'nor is there a link to it');
      await browser.isOut(t);
    }
  },
);

t.test(
  'oidcc-rp-initiated-logout-modified-id-token-hint, -bad-id-token-hint: OIDC RP-Initiated Logout §2: the user is asked, and sent nowhere',
  async (t) => {
    const { privateKey } = await generateKeyPair('RS256');
    // As the suite makes one of its own: iss and aud the wrong way round.
    const fake = { iss: clientId, sub: 'SubjectID', aud: world.issuer, nonce: 'flibble', iat: 1, exp: 4_000_000_000 };
    const own = await new CompactSign(Buffer.from(JSON.stringify(fake)))
      .setProtectedHeader({ alg: 'RS256' })
      .sign(privateKey);
    const made: ((idToken: string) => string)[] = [unsigned, () => own];
    for (const change of made) {
      const browser = visit();
      const idToken = await browser.signIn();
      const asked = await browser.logOut({ ...logoutRequest(idToken), id_token_hint: change(idToken) });
      isShown(t, asked, ASKED);
      isShown(t, await asked.submit({}, ['decision', 'logout']), DONE);
      await browser.isOut(t);
    }
  },
);

t.test(
  'oidcc-rp-initiated-logout-no-id-token-hint: OIDC RP-Initiated Logout §2: with a URI to come back to and nothing that says whose it is, the user is asked, and sent nowhere',
  async (t) => {
    const browser = visit();
    const { id_token_hint: _, ...request } = logoutRequest(await browser.signIn());
    const asked = await browser.logOut(request);
    isShown(t, asked, ASKED);
    isShown(t, await asked.submit({}, ['decision', 'logout']), DONE);
    await browser.isOut(t);
  },
);

t.test(
  'oidcc-rp-initiated-logout-no-params, -only-state: OIDC RP-Initiated Logout §2: the user says so, and is signed out',
  async (t) => {
    const requests: Record<string, string>[] = [{}, { state: 'only' }];
    for (const request of requests) {
      const browser = visit();
      await browser.signIn();
      const asked = await browser.logOut(request);
      isShown(t, asked, ASKED);
      isShown(t, await asked.submit({}, ['decision', 'logout']), DONE);
      await browser.isOut(t);
    }
  },
);

t.test(
  'oidcc-rp-initiated-logout-no-post-logout-redirect-uri: OIDC RP-Initiated Logout §2: the user is signed out, and a page says so',
  async (t) => {
    const browser = visit();
    const { post_logout_redirect_uri: _, ...request } = logoutRequest(await browser.signIn());
    const page = await browser.logOut(request);
    isShown(t, page, DONE);
    t.equal(page.document.querySelector('.error'), null, 'nothing was wrong');
    await browser.isOut(t);
  },
);
