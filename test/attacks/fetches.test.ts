import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInitialToken } from '../../src/oauth/index.ts';
import {
  assertionParameters,
  type ClientKey,
  clientKey,
  makeAssertion,
  proofBy,
  signWith,
} from '../support/client-keys.ts';
import { openTestEmbedded } from '../support/database.ts';
import { CALLBACK } from '../support/flows.ts';
import { bearer } from '../support/http.ts';
import { audit } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

// Server-side requests that somebody else would like: what is fetched at all, and from where.

/** A server of the neighbourhood, which counts its visitors. */
async function startTrap(t: Test) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url as string);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return { asked, port, url: `http://127.0.0.1:${port}` };
}

async function openWithRegistration(t: Test, settings: Record<string, string>) {
  const db = await openTestEmbedded();
  t.teardown(() => db.close());
  const s = await openPolls(db, { environment: { SIGNET_REGISTRATION: 'token', ...settings } });
  let made = 0;
  const register = async (metadata: object) => {
    const given = { label: `token ${++made}`, apis: [s.polls], uses: 1, days: 1 };
    const { secret } = await createInitialToken(db.fork(), audit(s.clock.now()), given);
    return s.http.json('/oauth2/register', { redirect_uris: [CALLBACK], ...metadata }, bearer(secret));
  };
  /** What a client whose keys are at an address is answered with. */
  const askBy = async (key: ClientKey, clientId: string, header: object = {}) => {
    const assertion = await makeAssertion(key, clientId, { audience: s.issuer, now: s.clock.now(), header });
    const form = { grant_type: 'client_credentials', ...assertionParameters(assertion) };
    return s.post('token', form, { id: clientId, principal: '', secret: null });
  };
  return { ...s, db, register, askBy };
}

await t.test('SSRF: nothing that a request names is fetched, though the guard would let it through', async (t) => {
  const trap = await startTrap(t);
  const s = await openWithRegistration(t, { SIGNET_FETCH_ALLOW: `127.0.0.1:${trap.port}` });
  const alice = await s.signedInBrowser();
  const key = await clientKey('RS256');
  const remote = { jku: `${trap.url}/jku`, x5u: `${trap.url}/x5u`, kid: `${trap.url}/kid` };
  const token = await signWith(key, { typ: 'at+jwt', ...remote }, { iss: trap.url, aud: 'polls', sub: 'x' });
  for (const more of [
    { request_uri: `${trap.url}/request` },
    { request: await signWith(key, remote, { client_id: s.web.id }) },
    { registration: JSON.stringify({ logo_uri: trap.url }) },
    { id_token_hint: token },
    { claims: JSON.stringify({ id_token: { sub: { value: trap.url } } }) },
    { redirect_uri: `${trap.url}/cb` },
    { resource: `${trap.url}/api` },
    { login_hint: trap.url, ui_locales: trap.url, acr_values: trap.url },
  ])
    t.ok((await s.ask(alice, s.web, more)).response.statusCode < 500);
  await s.post('par', { response_type: 'code', redirect_uri: `${trap.url}/cb`, request_uri: trap.url });
  await s.post('introspect', { token });
  await s.post('revoke', { token });
  await s.about(token);
  await s.post('token', { grant_type: 'refresh_token', refresh_token: token });
  const proof = await proofBy(key, {
    ...{ method: 'POST', url: `${s.issuer}/oauth2/token`, now: s.clock.now() },
    header: remote,
  });
  await s.post('token', { grant_type: 'refresh_token', refresh_token: 'x' }, s.web, { dpop: proof });
  await alice.get(`/oauth2/logout?id_token_hint=${token}&post_logout_redirect_uri=${trap.url}`);
  const registered = await s.register({
    ...{ client_uri: trap.url, logo_uri: `${trap.url}/logo`, policy_uri: trap.url, tos_uri: trap.url },
    ...{ sector_identifier_uri: `${trap.url}/sector`, initiate_login_uri: trap.url, request_uris: [trap.url] },
    ...{ redirect_uris: [`${trap.url}/cb`], post_logout_redirect_uris: [trap.url] },
    software_statement: token,
  });
  t.equal(registered.statusCode, 201, registered.body);
  await s.ask(
    alice,
    { id: registered.json().client_id, principal: '', secret: null },
    { redirect_uri: `${trap.url}/cb` },
  );
  t.equal((await s.askBy(key, s.web.id, remote)).statusCode, 401);
  t.same(trap.asked, [], 'nothing was fetched');

  const remoteKeys = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${trap.url}/keys` };
  const client = (await s.register({ ...remoteKeys, grant_types: ['client_credentials'], redirect_uris: [] })).json();
  t.same(trap.asked, [], 'not at its registration either');
  t.equal((await s.askBy(key, client.client_id)).statusCode, 401);
  t.same(trap.asked, ['/keys'], 'but where a client has registered its keys, once it shows itself by them');
});

await t.test(
  'SSRF: keys that are said to be in the neighbourhood are not asked for, however it is spelled',
  async (t) => {
    const trap = await startTrap(t);
    const s = await openWithRegistration(t, { SIGNET_FETCH_ALLOW: '' });
    const key = await clientKey('RS256');
    const { port } = trap;
    for (const jwks_uri of [
      `http://127.0.0.1:${port}/keys`,
      `http://localhost:${port}/keys`,
      `https://localhost:${port}/keys`,
      `http://[::1]:${port}/keys`,
      `https://127.0.0.1:${port}/keys`,
      `https://0.0.0.0:${port}/keys`,
      `https://127.1:${port}/keys`,
      `https://0x7f000001:${port}/keys`,
      `https://2130706433:${port}/keys`,
      `https://[::ffff:127.0.0.1]:${port}/keys`,
      'https://169.254.169.254/latest/meta-data/',
      'https://[fd00:ec2::254]/latest/',
      'https://10.0.0.1/keys',
    ]) {
      const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri, grant_types: ['client_credentials'] };
      const answer = await s.register({ ...metadata, redirect_uris: [] });
      if (answer.statusCode === 400) continue;
      t.equal(answer.statusCode, 201, jwks_uri);
      const refused = await s.askBy(key, answer.json().client_id);
      t.same([refused.statusCode, refused.json().error], [401, 'invalid_client'], jwks_uri);
      t.notMatch(refused.body, /ECONN|refused|address|timeout/i, 'and nothing is told of what is there');
    }
    t.same(trap.asked, []);
  },
);
