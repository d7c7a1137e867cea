import { createHash } from 'node:crypto';
import { openTestEmbedded } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import {
  answerAt,
  askForTokens,
  asking,
  checkGranted,
  checkIdToken,
  checkTokenError,
  checkTokens,
  checkUserinfo,
  flow,
  newBrowser,
  redeem,
  userinfo,
  walk,
} from './player.ts';
import { PLANS, type Suite, startSuite } from './suite.ts';

// The modules of the Basic and of the Form Post Basic plan that are about codes, tokens and userinfo, in words of our own.

async function codesAndTokens(t: Test, suite: Suite) {
  await t.test('oidcc-server, OIDC Core §3.1.2.5, §3.1.3.3: code, tokens, ID token, userinfo', async (t) => {
    const { claims, about, asked } = await flow(t, suite);
    t.same(asked, ['login', 'consent']);
    t.notOk('name' in claims, 'nothing of the user that was not asked for');
    t.same(about, { sub: claims.sub });
    t.ok((suite.document['token_endpoint_auth_methods_supported'] as string[]).includes('client_secret_basic'));
  });

  await t.test('oidcc-server-client-secret-post, OIDC Core §9: the secret in the form', async (t) => {
    await flow(t, suite, {}, { client: suite.byPost });
    t.ok((suite.document['token_endpoint_auth_methods_supported'] as string[]).includes('client_secret_post'));
  });

  await t.test(
    'oidcc-idtoken-signature, OIDC Core §10.1, §3.1.3.7: RS256 where nothing is said, with a kid',
    async (t) => {
      await flow(t, suite);
      const kids = suite.jwks.keys.map((one) => one['kid']);
      t.equal(new Set(kids).size, kids.length);
      t.ok(kids.every((one) => typeof one === 'string' && one !== ''));
    },
  );

  await t.test('oidcc-idtoken-unsigned, OIDC Discovery §3: skipped, because none is not offered', async (t) => {
    t.notOk((suite.document['id_token_signing_alg_values_supported'] as string[]).includes('none'));
  });

  await t.test(
    'oidcc-ensure-request-without-nonce-succeeds-for-code-flow, OIDC Core §3.1.2.1: nonce is optional',
    async (t) => {
      const { claims } = await flow(t, suite, { nonce: undefined });
      t.notOk('nonce' in claims);
    },
  );

  await t.test('oidcc-ensure-post-request-succeeds, OIDC Core §3.1.2.1: the request as a form', async (t) => {
    await flow(t, suite, {}, { method: 'POST' });
    const browser = newBrowser(suite);
    await flow(t, suite, {}, { browser });
    const { asked } = await flow(t, suite, {}, { browser, method: 'POST' });
    t.same(asked, [], 'who is signed in is known all the same: the browser is sent on by GET');
  });

  await t.test(
    'oidcc-ensure-request-with-valid-pkce-succeeds, RFC 7636 §4.5: PKCE from a client that need not',
    async (t) => {
      const verifier = 'a-verifier-that-the-suite-has-made-up-0123456789';
      const challenge = createHash('sha256').update(verifier).digest('base64url');
      await flow(t, suite, { code_challenge: challenge, code_challenge_method: 'S256' }, { verifier });
    },
  );
}

async function reuse(t: Test, suite: Suite) {
  await t.test('oidcc-codereuse, RFC 6749 §4.1.2: a code counts once', async (t) => {
    const { code } = await flow(t, suite);
    checkTokenError(t, await redeem(suite, suite.first, code), 'invalid_grant');
  });

  await t.test(
    'oidcc-codereuse-30seconds, RFC 6749 §4.1.2: half a minute later too, and then its tokens end',
    async (t) => {
      const { code, tokens } = await flow(t, suite);
      suite.clock.pass(30);
      t.equal((await userinfo(suite, tokens.access_token)).statusCode, 200, 'until then they are good');
      checkTokenError(t, await redeem(suite, suite.first, code), 'invalid_grant');
      const late = await userinfo(suite, tokens.access_token);
      t.match([late.statusCode, late.headers['www-authenticate']], [401, /error="invalid_token"/]);
      const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      checkTokenError(t, await askForTokens(suite, suite.first, refresh), 'invalid_grant');
    },
  );
}

async function refreshing(t: Test, suite: Suite) {
  await t.test(
    'oidcc-refresh-token, OIDC Core §11, §12.2, RFC 6749 §6: refreshed, compared, and of no use to another client',
    async (t) => {
      t.ok((suite.document['grant_types_supported'] as string[]).includes('refresh_token'));
      t.ok((suite.document['scopes_supported'] as string[]).includes('offline_access'));
      const offline = { scope: 'openid offline_access', prompt: 'consent' };
      const once = async (client: Suite['first'], nonce: string, more: Record<string, string>) => {
        const { tokens, claims, asked } = await flow(t, suite, { ...offline, nonce }, { client });
        t.same(asked, ['login', 'consent']);
        t.match(tokens.scope ?? offline.scope, /\boffline_access\b/);
        suite.clock.pass(1);
        const asks = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, ...more };
        const next = checkTokens(t, await askForTokens(suite, client, asks));
        t.not(next.access_token, tokens.access_token);
        // OIDC Core §12.2: a refreshed ID token need have no nonce, and has none here.
        const later = await checkIdToken(t, suite, client, next, undefined);
        for (const name of ['iss', 'sub', 'aud', 'auth_time', 'azp'] as const) t.same(later[name], claims[name], name);
        t.ok((later.iat as number) > (claims.iat as number), 'iat is of the new one');
        checkUserinfo(t, await userinfo(suite, next.access_token), claims.sub);
        return next;
      };
      await once(suite.first, 'n-0123456', { scope: offline.scope });
      const second = await once(suite.second, `${'n'.repeat(39)}-._~`, {});
      const stolen = { grant_type: 'refresh_token', refresh_token: second.refresh_token, scope: offline.scope };
      checkTokenError(t, await askForTokens(suite, suite.first, stolen), 'invalid_grant');
      const { scope: _, ...own } = stolen;
      checkTokens(t, await askForTokens(suite, suite.second, own));
    },
  );
}

async function aboutTheUser(t: Test, suite: Suite) {
  for (const [module, how] of [
    ['oidcc-userinfo-get', 'get'],
    ['oidcc-userinfo-post-header', 'post-header'],
    ['oidcc-userinfo-post-body', 'post-body'],
  ] as const)
    await t.test(`${module}, OIDC Core §5.3.1, RFC 6750 §2: the token by ${how}`, async (t) => {
      const { tokens, claims } = await flow(t, suite);
      checkUserinfo(t, await userinfo(suite, tokens.access_token, how), claims.sub);
    });

  await t.test('the player itself: a code of one client is of no use to another (RFC 6749 §4.1.3)', async (t) => {
    const wanted = asking(suite, suite.first);
    const { sent } = await walk(suite, newBrowser(suite), wanted);
    const code = checkGranted(t, suite, wanted, answerAt(t, suite, sent));
    checkTokenError(t, await redeem(suite, suite.second, code), 'invalid_grant');
  });
}

for (const [plan, mode] of PLANS)
  t.test(`oidcc-${plan}-certification-test-plan: codes, tokens and userinfo`, async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const suite = await startSuite(db, mode);
    await codesAndTokens(t, suite);
    await reuse(t, suite);
    await refreshing(t, suite);
    await aboutTheUser(t, suite);
  });
