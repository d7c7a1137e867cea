import { type JWTPayload, jwtVerify } from 'jose';
import { startSite } from '../clients/world.ts';
import t, { type Test } from '../support/tap.ts';
import { jwtClaims, logoutRequest, SIGNED_OUT, startLogoutPlan } from './logout-plan.ts';

// oidcc-backchannel-rp-initiated-logout-certification-test-plan of OpenID's conformance suite, module by module.

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

interface Told {
  readonly request: string;
  readonly type: string | undefined;
  readonly body: string;
}

/** What listens at the suite's backchannel_logout. */
async function listen(t: Test) {
  const told: Told[] = [];
  const { url } = await startSite(t, () => async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push({ request: `${request.method} ${request.url}`, type: request.headers['content-type'], body });
    response.writeHead(200, { 'cache-control': 'no-store' }).end();
  });
  return { told, uri: `${url}/test/a/signet/backchannel_logout` };
}

const { told, uri } = await listen(t);
const { metadata, visit, world, clientId, keys } = await startLogoutPlan(t, { backchannelLogoutUri: uri });

t.test(
  'oidcc-backchannel-logout-discovery-endpoint-verification: OIDC Back-Channel Logout §2.1: it is supported, and so is sid',
  async (t) => {
    t.match(metadata, { backchannel_logout_supported: true, backchannel_logout_session_supported: true });
    t.match(metadata['end_session_endpoint'], /^https:\/\//);
    for (const [name, value] of Object.entries(metadata))
      if (name.endsWith('_endpoint')) t.match(value, /^https:\/\//, name);
  },
);

t.test(
  'oidcc-backchannel-rp-initiated-logout: OIDC Back-Channel Logout §2.4, §2.5: the client is told by a logout token of this session, the user comes back, and is signed out',
  async (t) => {
    const browser = visit();
    const idToken = await browser.signIn();
    const request = logoutRequest(idToken);
    const { url } = await browser.logOut(request);
    await world.run('logout-notices');

    t.same(
      told.map((one) => [one.request, one.type]),
      [['POST /test/a/signet/backchannel_logout', 'application/x-www-form-urlencoded']],
      'once',
    );
    const form = new URLSearchParams(told[0]?.body);
    t.same([...form.keys()], ['logout_token'], 'and with nothing else');
    isLogoutToken(t, await jwtVerify(form.get('logout_token') as string, keys), jwtClaims(idToken));

    t.equal(`${url.origin}${url.pathname}`, SIGNED_OUT);
    t.same(Object.fromEntries(url.searchParams), { state: request.state });
    await browser.isOut(t);
  },
);

/** OIDC Back-Channel Logout §2.4, in its order; `typ`, `exp` and one `alg` with the ID token's are what it advises. */
function isLogoutToken(
  t: Test,
  { payload, protectedHeader }: { payload: JWTPayload; protectedHeader: object },
  idToken: JWTPayload,
): void {
  const now = Math.floor(Date.now() / 1000);
  const { iat = 0, exp = 0 } = payload;
  t.match(protectedHeader, { alg: 'RS256', typ: 'logout+jwt', kid: /./ });
  t.same([payload.iss, payload.aud], [world.issuer, clientId]);
  t.same([payload.sub, payload['sid']], [idToken.sub, idToken['sid']], 'of the user and the session of the ID token');
  t.type(payload['sid'], 'string');
  t.ok(Number.isInteger(iat) && iat <= now && iat > now - 60, 'iat');
  t.ok(Number.isInteger(exp) && exp > now && exp <= iat + 120, 'OIDC Back-Channel Logout §4: exp within two minutes');
  t.type(payload.jti, 'string');
  t.same(payload['events'], { [EVENT]: {} }, 'one event, and it is an empty object');
  t.notOk('nonce' in payload, 'nonce is prohibited');
}
