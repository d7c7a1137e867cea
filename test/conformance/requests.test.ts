import { openTestEmbedded } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { type Asking, answerAt, asking, checkGranted, checkRefused, flow, newBrowser, walk } from './player.ts';
import { CALLBACK, PLANS, type Suite, startSuite } from './suite.ts';

// The modules of the Basic and of the Form Post Basic plan that are about what a request may say, in words of our own.

async function withoutEffect(t: Test, suite: Suite) {
  for (const [module, more] of [
    ['oidcc-ensure-request-with-unknown-parameter-succeeds, RFC 6749 §3.1', { extra: 'foobar' }],
    ['oidcc-display-page, OIDC Core §3.1.2.1', { display: 'page' }],
    ['oidcc-display-popup, OIDC Core §3.1.2.1', { display: 'popup' }],
    ['oidcc-ui-locales, OIDC Core §3.1.2.1', { ui_locales: 'se' }],
    ['oidcc-claims-locales, OIDC Core §5.2', { claims_locales: 'se' }],
    ['oidcc-login-hint, OIDC Core §3.1.2.1', { login_hint: 'buffy@localhost' }],
  ] as const)
    await t.test(`${module}: taken, and no error`, async (t) => {
      const { asked } = await flow(t, suite, more);
      t.equal(asked[0], 'login', 'in a fresh browser there is a page to look at');
    });

  await t.test('oidcc-login-hint, OIDC Core §3.1.2.1: what is hinted stands in the form', async (t) => {
    const browser = newBrowser(suite);
    const request = new URLSearchParams(asking(suite, suite.first, { login_hint: 'alice' }));
    const { response } = await browser.open(`${suite.at('authorization_endpoint')}?${request}`);
    t.match(response.body, /name="username"[^>]*value="alice"/);
  });

  await t.test(
    'oidcc-ensure-request-with-acr-values-succeeds, OIDC Core §3.1.2.1: the ID token has one of those offered',
    async (t) => {
      const offered = suite.document['acr_values_supported'] as string[];
      const { claims } = await flow(t, suite, { acr_values: offered.join(' ') });
      t.ok(offered.includes(claims['acr'] as string));
      await flow(t, suite, { acr_values: '1 2' });
    },
  );
}

async function refused(t: Test, suite: Suite) {
  await t.test(
    'oidcc-response-type-missing, RFC 6749 §3.1.1: the client hears of it, by the mode it asked for',
    async (t) => {
      const wanted = asking(suite, suite.first, { response_type: undefined });
      const { sent, asked } = await walk(suite, newBrowser(suite), wanted);
      t.same(asked, []);
      t.equal(checkRefused(t, suite, wanted, answerAt(t, suite, sent)), 'invalid_request');
    },
  );

  await t.test(
    'oidcc-ensure-registered-redirect-uri, OIDC Core §3.1.2.1: a page, and nobody is sent anywhere',
    async (t) => {
      const browser = newBrowser(suite);
      await flow(t, suite, {}, { browser });
      for (const redirect_uri of [`${CALLBACK}/4f0a9c2b1d`, undefined]) {
        const { sent } = await walk(suite, browser, asking(suite, suite.first, { redirect_uri }));
        t.equal(sent.response.statusCode, 400);
        t.equal(sent.response.headers.location, undefined);
        t.match(sent.response.headers['content-type'], /^text\/html/);
        t.match(sent.response.body, /redirect_uri/, 'it says what is wrong: a screenshot of it is uploaded');
        t.notMatch(sent.response.body, /<form|="[^"]*suite\.example/, 'it is shown, and leads nowhere');
      }
    },
  );
}

const unsigned = (claims: object) =>
  `${[{ alg: 'none' }, claims].map((one) => Buffer.from(JSON.stringify(one)).toString('base64url')).join('.')}.`;
/** What the suite leaves beside a request object; response_mode, state and nonce stand in it alone. */
const besideOf = (all: Asking): Asking =>
  Object.fromEntries(
    Object.entries(all).filter(([name]) => ['response_type', 'client_id', 'scope', 'redirect_uri'].includes(name)),
  );

async function requestObjects(t: Test, suite: Suite) {
  const browser = newBrowser(suite);
  await flow(t, suite, {}, { browser });

  await t.test(
    'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported, OIDC Core §3.1.2.6, §6.1: refused where it listens',
    async (t) => {
      t.equal(suite.document['request_parameter_supported'], false);
      const all = asking(suite, suite.first);
      const { sent, asked } = await walk(suite, browser, { ...besideOf(all), request: unsigned(all) });
      t.same(asked, []);
      t.equal(checkRefused(t, suite, all, answerAt(t, suite, sent)), 'request_not_supported');
    },
  );

  await t.test(
    'OIDC Core §6.1: what an object says of its answer is text, or nothing; what stands beside it counts first',
    async (t) => {
      const all = asking(suite, suite.first);
      const refusal = async (request: string, more: Asking = {}) => {
        const { sent } = await walk(suite, browser, { ...besideOf(all), ...more, request });
        return answerAt(t, suite, sent, 'query');
      };
      const error = 'request_not_supported';
      for (const unread of [
        unsigned({ state: 7, response_mode: ['form_post'] }),
        unsigned([1]),
        'e30.!.',
        'a.b.c.d.e',
        'x',
      ])
        t.match(await refusal(unread), { error, state: undefined }, unread);
      const says = unsigned({ state: 'of the object', response_mode: 'form_post' });
      t.match(await refusal(says, { state: 'beside it', response_mode: 'query' }), { error, state: 'beside it' });
      const signed = `${unsigned({ state: 'of the object' })}c2ln`;
      t.match(
        await refusal(signed),
        { error, state: 'of the object' },
        'a signature is not looked at: nothing is granted',
      );
    },
  );

  await t.test(
    'oidcc-ensure-request-object-with-redirect-uri, OIDC Core §6.1: a redirect_uri that is not registered is never gone to',
    async (t) => {
      const all = asking(suite, suite.first);
      const wrong = { ...besideOf(all), redirect_uri: `${CALLBACK}_invalid`, request: unsigned(all) };
      const { sent } = await walk(suite, browser, wrong);
      t.equal(sent.response.statusCode, 400);
      t.equal(sent.response.headers.location, undefined);
      t.match(sent.response.body, /redirect_uri/);
      t.notMatch(sent.response.body, /<form/);
    },
  );

  await t.test(
    'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported, OIDC Core §6.2: refused, nothing is fetched',
    async (t) => {
      t.equal(suite.document['request_uri_parameter_supported'], false);
      const wanted = asking(suite, suite.first, { request_uri: 'https://suite.example/test/a/signet/requesturi/x#y' });
      const { sent } = await walk(suite, browser, wanted);
      t.equal(checkRefused(t, suite, wanted, answerAt(t, suite, sent)), 'request_uri_not_supported');
    },
  );
}

async function signedInBefore(t: Test, suite: Suite) {
  await t.test('oidcc-prompt-login, OIDC Core §3.1.2.1: the user logs in again, and auth_time is later', async (t) => {
    const browser = newBrowser(suite);
    const first = await flow(t, suite, {}, { browser });
    suite.clock.pass(1);
    const second = await flow(t, suite, { prompt: 'login' }, { browser });
    t.same(second.asked[0], 'login');
    t.ok((second.claims['auth_time'] as number) > (first.claims['auth_time'] as number));
    t.equal(second.claims.sub, first.claims.sub);
  });

  await t.test(
    'oidcc-prompt-none-not-logged-in, OIDC Core §3.1.2.6: an error at once, with a long state',
    async (t) => {
      const wanted = asking(suite, suite.first, { prompt: 'none', state: 'aB3'.repeat(43).slice(0, 128) });
      const { sent, asked } = await walk(suite, newBrowser(suite), wanted);
      t.same(asked, []);
      t.equal(checkRefused(t, suite, wanted, answerAt(t, suite, sent)), 'login_required');
    },
  );

  /** The same user twice in one browser; the second time nothing is shown. */
  const twice = async (t: Test, first: Record<string, string>, second: (idToken: string) => Record<string, string>) => {
    const browser = newBrowser(suite);
    const one = await flow(t, suite, first, { browser });
    suite.clock.pass(5);
    const other = await flow(t, suite, second(one.tokens.id_token), { browser });
    t.same(other.asked, [], 'nobody is asked anything');
    t.equal(other.claims['auth_time'], one.claims['auth_time']);
    t.equal(other.claims.sub, one.claims.sub);
    return other;
  };

  await t.test('oidcc-prompt-none-logged-in, OIDC Core §3.1.2.1: answered silently, of the same login', async (t) => {
    await twice(t, {}, () => ({ prompt: 'none' }));
  });

  await t.test('oidcc-id-token-hint, OIDC Core §3.1.2.1: the ID token of before, with prompt=none', async (t) => {
    await twice(t, {}, (idToken) => ({ prompt: 'none', id_token_hint: idToken }));
  });

  await t.test(
    'oidcc-max-age-10000, OIDC Core §3.1.2.1: createLru enough is not asked again, auth_time is there',
    async (t) => {
      const { claims } = await twice(t, { max_age: '15000' }, () => ({ max_age: '10000' }));
      t.type(claims['auth_time'], 'number');
    },
  );

  await t.test(
    'oidcc-max-age-1, OIDC Core §3.1.2.1: too long ago is asked again, and auth_time is of now',
    async (t) => {
      const browser = newBrowser(suite);
      const first = await flow(t, suite, {}, { browser });
      suite.clock.pass(2);
      const second = await flow(t, suite, { max_age: '1' }, { browser });
      t.equal(second.asked[0], 'login');
      t.ok((second.claims['auth_time'] as number) > (first.claims['auth_time'] as number));
      t.ok(suite.clock.now().getTime() / 1000 - (second.claims['auth_time'] as number) <= 1);
      const silent = asking(suite, suite.first, { max_age: '1', prompt: 'none' });
      suite.clock.pass(2);
      const { sent } = await walk(suite, browser, silent);
      t.equal(checkRefused(t, suite, silent, answerAt(t, suite, sent)), 'login_required', 'and none of it silently');
    },
  );
}

for (const [plan, mode] of PLANS)
  t.test(`oidcc-${plan}-certification-test-plan: requests`, async (t) => {
    const db = await openTestEmbedded();
    t.teardown(() => db.close());
    const suite = await startSuite(db, mode);
    await withoutEffect(t, suite);
    await refused(t, suite);
    await requestObjects(t, suite);
    await signedInBefore(t, suite);
    await t.test('the player itself: an answer is believed only with its state and iss (RFC 9207 §2.4)', async (t) => {
      const wanted = asking(suite, suite.first, { state: undefined });
      const { sent } = await walk(suite, newBrowser(suite), wanted);
      const answer = answerAt(t, suite, sent);
      checkGranted(t, suite, wanted, answer);
      t.notOk('state' in answer, 'what was not sent does not come back');
    });
  });
