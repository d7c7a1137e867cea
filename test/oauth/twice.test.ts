import { responseParameters } from '../support/browser.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK, CHALLENGE, DEVICE } from '../support/flows.ts';
import { basic } from '../support/http.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

const db = await openTestEmbedded();
t.teardown(() => db.close());
const s = await openPolls(db);
t.teardown(() => s.app.close());

const send = async (path: string, fields: string) => {
  const { statusCode, body } = await s.http.form(path, fields, basic(s.web));
  return [statusCode, JSON.parse(body).error];
};

t.test('RFC 8707 §2: two values of resource are invalid_target, wherever one is read', async (t) => {
  for (const second of ['https://b.example', 'https://a.example']) {
    const two = `resource=https%3A%2F%2Fa.example&resource=${encodeURIComponent(second)}`;
    for (const type of ['client_credentials', 'authorization_code', 'refresh_token', DEVICE, 'nonsense'])
      t.same(await send('/oauth2/token', `grant_type=${type}&${two}`), [400, 'invalid_target'], `token, ${type}`);
    t.same(
      await send('/oauth2/par', `response_type=code&redirect_uri=${CALLBACK}&${two}`),
      [400, 'invalid_target'],
      'PAR',
    );
    t.same(await send('/oauth2/device_authorization', two), [400, 'invalid_target'], 'device');
    const alice = s.openBrowser();
    t.match(responseParameters(await alice.open(`${s.urlFor(s.web)}&${two}`)), {
      error: 'invalid_target',
      state: 's-1',
    });
    const posted = await alice.send('POST', '/oauth2/authorize', `${s.urlFor(s.web).split('?')[1]}&${two}`);
    t.match(responseParameters(posted), { error: 'invalid_target', state: 's-1' }, 'authorize by POST');
  }
  const split = await send('/oauth2/token?resource=https%3A%2F%2Fa.example', 'resource=https%3A%2F%2Fb.example');
  t.same(split, [400, 'invalid_target'], 'one in the query, one in the form');
});

t.test('RFC 6749 §3.1: every other name that is there twice is invalid_request', async (t) => {
  for (const name of ['audience', 'scope', 'grant_type', 'client_id', 'made_up'])
    for (const path of ['token', 'par', 'device_authorization', 'introspect', 'revoke'])
      t.same(await send(`/oauth2/${path}`, `${name}=a&${name}=b`), [400, 'invalid_request'], `${path}: ${name}`);
  for (const path of ['introspect', 'revoke'])
    t.same(await send(`/oauth2/${path}`, 'resource=a&resource=b'), [400, 'invalid_request'], `${path} reads none`);
});

t.test('RFC 6749 §4.1.2.1, §10.12: a state that is too long is a page, and nothing is sent without it', async (t) => {
  const alice = await s.signedInBrowser();
  const longest = 'x'.repeat(8192);
  const post = async (more: Record<string, string>) => {
    const [, query = ''] = s.urlFor(s.web, more).split('?');
    return (await alice.send('POST', '/oauth2/authorize', query)).response;
  };
  t.equal((await post({ state: longest })).statusCode, 303, 'as long as is taken');
  const requests = {
    'a character more': { state: `${longest}x` },
    'too long beside the others': {
      state: longest,
      nonce: 'n'.repeat(1024),
      login_hint: 'h'.repeat(8190),
      claims: 'c'.repeat(8190),
    },
    'in a request object': { state: undefined, request: `e30.${'A'.repeat(8190)}.` },
    'by form_post': { state: `${longest}x`, response_mode: 'form_post' },
    'of a request that is wrong besides': { state: `${longest}x`, response_type: 'token' },
  };
  for (const [why, more] of Object.entries(requests)) {
    const answer = await post(more as Record<string, string>);
    t.same([answer.statusCode, answer.headers.location], [400, undefined], why);
    t.notMatch(answer.body, new RegExp(`action="${CALLBACK}"`), why);
  }
  const pushed = { response_type: 'code', redirect_uri: CALLBACK, state: `${longest}x`, code_challenge: CHALLENGE };
  t.same(await send('/oauth2/par', String(new URLSearchParams(pushed))), [400, 'invalid_request'], 'pushed: JSON');
});

t.test('OIDC RP-Initiated Logout §2: nor is somebody sent on from a logout', async (t) => {
  for (const [length, status] of [
    [8192, 200],
    [8193, 400],
  ] as const) {
    const answer = await s.app.inject({ url: `/oauth2/logout?client_id=${s.web.id}&state=${'x'.repeat(length)}` });
    t.equal(answer.statusCode, status, `${length} characters`);
  }
});
