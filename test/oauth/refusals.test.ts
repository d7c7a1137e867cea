import { pino } from 'pino';
import { PKCE_SETTINGS } from '../../src/oauth/client-settings/index.ts';
import { OAUTH_STATUS, type OAuthErrorCode } from '../../src/platform/http/index.ts';
import { logOptions } from '../../src/platform/telemetry/log.ts';
import { findRemedy } from '../../src/ui/remedies.ts';
import { responseParameters } from '../support/browser.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK, DEVICE } from '../support/flows.ts';
import { basic } from '../support/http.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

interface Line {
  readonly msg: string;
  readonly level: number;
  readonly code: string;
  readonly reason: string;
  readonly client: { id: string; name?: string } | null;
  readonly remedy: string | null;
}

async function refusalWorld(mode: 'development' | 'production') {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const lines: Line[] = [];
  const log = pino(logOptions('info'), { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  const s = await openPolls(db, { environment: { SIGNET_ISSUER: 'https://id.example' }, log, mode });
  await s.user('bob');
  /** What the log says of what is done here. */
  const logLines = async (run: () => Promise<unknown>): Promise<Line[]> => {
    lines.length = 0;
    await run();
    return lines.filter((one) => one.msg === 'refused');
  };
  return { ...s, logLines };
}

const noPkce = { code_challenge: undefined, code_challenge_method: undefined };
const everySetting = PKCE_SETTINGS.map((one) => one.setting);

t.test('docs/oauth.md: every code of OAuth has its place in the one table of remedies', (t) => {
  for (const code of Object.keys(OAUTH_STATUS) as OAuthErrorCode[])
    t.not(findRemedy({ code, reason: undefined }, null), undefined, code);
  t.end();
});

for (const mode of ['development', 'production'] as const)
  t.test(`docs/oauth.md: each refusal of OAuth is one line with client, reason and remedy, in ${mode}`, async (t) => {
    const s = await refusalWorld(mode);
    const { logLines, web, third, spa, openBrowser, post, app } = s;
    const clientRef = (one: typeof web, name: string) => ({ id: one.id, name });
    const isAt = (t: Test, lines: Line[], expected: Partial<Record<keyof Line, unknown>>, what: string) => {
      t.equal(lines.length, 1, `${what}: one line`);
      t.match(lines[0], { level: 30, ...expected }, what);
    };

    await t.test('an authorization without PKCE names the setting of each library, and the other states', async (t) => {
      let answer: Record<string, string | number> = {};
      const lines = await logLines(async () => {
        answer = responseParameters(await openBrowser().get(s.urlFor(web, noPkce)));
      });
      isAt(t, lines, { code: 'invalid_request', client: clientRef(web, 'Web'), reason: /PKCE/ }, 'pkce');
      for (const word of [...everySetting, `client update ${web.id} --pkce if-sent`, '--pkce off'])
        t.ok(lines[0]?.remedy?.includes(word), word);
      for (const word of [...everySetting, '--pkce off'])
        t.equal(String(answer['error_description']).includes(word), mode === 'development', word);
      const [publicLine] = await logLines(() => openBrowser().get(s.urlFor(spa, noPkce)));
      t.match(publicLine?.remedy, /OIDC_USE_PKCE.*public client/);
      t.notMatch(publicLine?.remedy, /--pkce/, 'a public client has no other state');
      const formPost = await openBrowser().get(s.urlFor(web, { ...noPkce, response_mode: 'form_post' }));
      t.equal(formPost.response.body.includes('OIDC_USE_PKCE'), mode === 'development');
      const pushed = await logLines(() => post('par', { response_type: 'code', redirect_uri: CALLBACK }));
      isAt(t, pushed, { client: clientRef(web, 'Web'), remedy: /OIDC_USE_PKCE/ }, 'pushed');
    });

    await t.test(
      'what is refused by a page has its line; the page names the remedy in development alone',
      async (t) => {
        const browser = openBrowser();
        const pages: [Record<string, string | undefined>, object, RegExp][] = [
          [{ redirect_uri: 'https://evil.example/' }, { client: clientRef(web, 'Web') }, /--redirect-uri/],
          [{ redirect_uri: undefined }, { client: clientRef(web, 'Web') }, /Send redirect_uri/],
          [{ client_id: 'c_nobody' }, { client: { id: 'c_nobody' } }, /npx signet client list/],
          [{ client_id: 'a-secret-in-the-wrong-field' }, { client: null }, /npx signet client list/],
        ];
        for (const [more, expected, remedy] of pages) {
          let page = '';
          const lines = await logLines(async () => {
            page = (await browser.get(s.urlFor(web, more))).response.body;
          });
          isAt(t, lines, { ...expected, remedy }, JSON.stringify(more));
          t.equal(remedy.test(page), mode === 'development', 'the page');
          t.notMatch(JSON.stringify(lines), /a-secret/);
        }
      },
    );

    await t.test('every endpoint that clients ask, by whatever way they name themselves', async (t) => {
      const wrong = { ...web, secret: 'wrong' };
      const code = await s.code();
      const { access_token: token } = (await s.redeem(await s.code(web, { scope: 'profile' }))).json();
      const cases: [string, () => Promise<unknown>, object][] = [
        [
          'wrong secret',
          () => post('token', { grant_type: 'client_credentials' }, wrong),
          { code: 'invalid_client', remedy: /rotate-secret/ },
        ],
        [
          'public with a secret',
          () => post('token', {}, { ...spa, secret: 'x' }),
          { client: clientRef(spa, 'Spa'), remedy: /public/ },
        ],
        ['a code that is none', () => s.redeem('nothing'), { code: 'invalid_grant', remedy: /redeemed once/ }],
        [
          'another verifier',
          () => s.redeem(code, { code_verifier: 'x'.repeat(50) }),
          { code: 'invalid_grant', remedy: /code_verifier of the same sign-in/ },
        ],
        [
          'another redirect_uri',
          () => s.redeem(code, { redirect_uri: 'https://app.example/' }),
          { remedy: /Send the redirect_uri of the authorization request/ },
        ],
        [
          'a grant that it has not',
          () => post('token', { grant_type: 'client_credentials' }),
          { code: 'unauthorized_client', remedy: /--grant/ },
        ],
        [
          'another API',
          () => post('device_authorization', { audience: 'shop' }, s.third),
          { client: clientRef(third, 'Third') },
        ],
        [
          'a refresh token that is none',
          () => post('token', { grant_type: 'refresh_token', refresh_token: 'x' }),
          { code: 'invalid_grant' },
        ],
        ['introspect', () => post('introspect', { token: 'x' }, wrong), { code: 'invalid_client' }],
        ['revoke', () => post('revoke', {}), { code: 'invalid_request' }],
        ['userinfo by a token without openid', () => s.about(token), { code: 'insufficient_scope', remedy: /openid/ }],
        [
          'a wrong type',
          () =>
            app.inject({
              method: 'POST',
              url: '/oauth2/token',
              headers: { ...basic(web), 'content-type': 'text/plain' },
              payload: 'x',
            }),
          { code: 'invalid_request' },
        ],
        [
          'a wrong method',
          () => app.inject({ method: 'GET', url: `/oauth2/token?client_id=${web.id}` }),
          { code: 'invalid_request' },
        ],
      ];
      for (const [what, run, expected] of cases)
        isAt(t, await logLines(run), { client: clientRef(web, 'Web'), ...expected }, what);
      isAt(t, await logLines(() => s.about('x')), { client: null, code: 'invalid_token' }, 'userinfo by no token');
    });

    await t.test(
      'RFC 8628 §3.5: a device that waits is no fault; one that asks for a code that is none is',
      async (t) => {
        const box = await s.client('Box', { preset: 'device', requests: [s.polls] });
        const { device_code } = (await post('device_authorization', {}, box)).json();
        const poll = (given: string) => post('token', { grant_type: DEVICE, device_code: given }, box);
        t.same(await logLines(() => poll(device_code)), []);
        t.same(await logLines(() => poll(device_code)), [], 'too soon');
        isAt(
          t,
          await logLines(() => poll('nothing')),
          { client: clientRef(box, 'Box'), code: 'invalid_grant' },
          'no code',
        );
        s.clock.pass(601);
        isAt(
          t,
          await logLines(() => poll(device_code)),
          { client: clientRef(box, 'Box'), code: 'expired_token' },
          'expired',
        );
      },
    );

    await t.test('OIDC RP-Initiated Logout §3: a way back that is not followed says why', async (t) => {
      const page = async (query: Record<string, string>) =>
        (await openBrowser().get(`/oauth2/logout?${new URLSearchParams(query)}`)).response.body;
      const bye = { post_logout_redirect_uri: 'https://app.example/bye' };
      let body = '';
      const lines = await logLines(async () => {
        body = await page({ client_id: web.id, ...bye });
      });
      isAt(
        t,
        lines,
        {
          client: clientRef(web, 'Web'),
          reason: /not registered/,
          remedy: new RegExp(`client update ${web.id} --post-logout`),
        },
        'unregistered',
      );
      t.equal(body.includes('--post-logout-redirect-uri'), mode === 'development');
      isAt(
        t,
        await logLines(() => page({ client_id: 'c_none', ...bye })),
        { client: { id: 'c_none' }, remedy: /client list/ },
        'no client',
      );
      isAt(t, await logLines(() => page(bye)), { client: null, remedy: /id_token_hint/ }, 'without a client');
      isAt(
        t,
        await logLines(() => page({ id_token_hint: 'x.y.z', client_id: web.id })),
        { client: clientRef(web, 'Web'), reason: /not an ID token/ },
        'a hint of elsewhere',
      );
      t.same(await logLines(() => page({})), [], 'a logout that asks for no way back is none');
    });

    await t.test('a refusal in an interaction names its client, which the address does not', async (t) => {
      const browser = await s.signedInBrowser('bob');
      const consent = await s.ask(browser, third);
      const lines = await logLines(() => browser.submit(consent, { decision: 'deny' }));
      isAt(t, lines, { code: 'access_denied', client: clientRef(third, 'Third'), remedy: null }, 'denied');
      isAt(
        t,
        await logLines(() => s.ask(openBrowser(), web, { prompt: 'none' })),
        { code: 'login_required', remedy: /prompt=none/ },
        'silent',
      );
    });
  });
