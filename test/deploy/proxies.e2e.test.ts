import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { setupUrl } from '../../src/cli/commands/setup-link.ts';
import { checkServed } from '../../src/cli/doctor/issuer.ts';
import { createSetupSecret } from '../../src/signin/index.ts';
import type { Page } from '../clients/browser.ts';
import { type ClientWorld, decide, startWorld } from '../clients/world.ts';
import { root } from '../support/database.ts';
import { jwtClaims, VERIFIER } from '../support/flows.ts';
import { basic, PASSWORD } from '../support/http.ts';
import { freePort } from '../support/process.ts';
import t, { type Test } from '../support/tap.ts';
import { noNginx, startNginx } from './nginx.ts';

// An issuer with a path, behind a real nginx with the locations of deploy/README.md ("Below a path"), in both set-ups that it names.

const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8');
const keeping = /### Below a path\n[\s\S]*?```nginx\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
const CALLBACK = 'https://app.example/cb';

const setUps: Record<string, string> = {
  'the path is left in front': keeping,
  'the path is taken off': keeping.replace('proxy_pass http://127.0.0.1:4000;', 'proxy_pass http://127.0.0.1:4000/;'),
};

for (const [name, locations] of Object.entries(setUps))
  t.test(
    `deploy/README.md, Below a path: everything answers below the issuer when ${name}`,
    { skip: noNginx },
    async (t) => {
      const world = await startWorld(t, {
        https: false,
        behind: async (port) => {
          const outside = await freePort();
          await startNginx(t, outside, locations.replaceAll(':4000', `:${port}`));
          return `http://127.0.0.1:${outside}/auth`;
        },
      });
      const metadata = await discovery(t, world);
      await t.test('OIDC Discovery §3, RFC 8414 §2: what is advertised is there', (t) => advertised(t, metadata));
      await t.test('the pages, from a sign-in to the sign-out', (t) => walk(t, world, metadata));
      await t.test('the setup link', (t) => setUp(t, world));
      await t.test('documents, probes, the front door and the cross-origin rule', (t) => rest(t, world));
    },
  );

type Metadata = Record<string, string>;

async function discovery(t: Test, { issuer }: ClientWorld): Promise<Metadata> {
  const { origin } = new URL(issuer);
  const names = ['openid-configuration', 'oauth-authorization-server'];
  const bodies = new Set<string>();
  for (const name of names)
    for (const url of [`${issuer}/.well-known/${name}`, `${origin}/.well-known/${name}/auth`]) {
      const response = await fetch(url);
      t.equal(response.status, 200, url);
      bodies.add(await response.text());
    }
  t.equal(bodies.size, 1, 'RFC 8414 §3.1, OIDC Discovery §4: one document at every address');
  return JSON.parse([...bodies][0] as string);
}

async function advertised(t: Test, metadata: Metadata): Promise<void> {
  const named = Object.entries(metadata).filter(([name]) => /_(endpoint|uri)$/.test(name));
  t.ok(named.length >= 10);
  for (const [name, url] of named) {
    t.ok(url.startsWith(`${metadata['issuer']}/`), name);
    const response = await fetch(url, { redirect: 'manual' });
    await response.body?.cancel();
    t.not(response.status, 404, `${name} ${response.status}`);
    t.ok(response.status < 500, name);
  }
}

const under = (t: Test, { issuer }: ClientWorld, page: Page) =>
  t.ok(
    page.way.every((one) => one.startsWith(`${issuer}/`)),
    page.way.join(' → '),
  );

async function walk(t: Test, world: ClientWorld, metadata: Metadata): Promise<void> {
  const { issuer } = world;
  const client = await world.client({ preset: 'web', redirectUris: [CALLBACK], serves: ['polls'] });
  const browser = world.browser({ stopAt: CALLBACK });
  const query = new URLSearchParams({
    client_id: client.clientId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    scope: 'openid',
    audience: 'polls',
    code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const login = await browser.open(`${metadata['authorization_endpoint']}?${query}`);
  under(t, world, login);
  t.equal(login.url.pathname, '/auth/login');
  const consent = await login.submit({ username: 'alice', password: PASSWORD });
  under(t, world, consent);
  t.match(consent.url.pathname, /^\/auth\/interaction\//);
  t.same([...new Set(browser.cookies.map((one) => one.path))], ['/'], 'RFC 6265bis §4.1.3: as `__Host-` demands');
  const again = await consent.follow('Sign in as somebody else');
  t.equal(again.url.pathname, '/auth/login');
  const sent = await decide({ ...consent, url: new URL(consent.url.href.replace('/auth', '')) }, 'allow');
  t.ok(sent.url.href.startsWith(CALLBACK));
  t.equal(sent.url.searchParams.get('iss'), issuer, 'RFC 9207 §2');

  const form = (url: string | undefined, fields: Record<string, string>) =>
    fetch(url as string, {
      method: 'POST',
      headers: basic({ id: client.clientId, secret: client.secret }),
      body: new URLSearchParams(fields),
    }).then(async (response) => (await response.json()) as Record<string, string>);
  const code = sent.url.searchParams.get('code') as string;
  const given = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER };
  const { access_token = '' } = await form(metadata['token_endpoint'], given);
  t.match(await form(metadata['introspection_endpoint'], { token: access_token }), { active: true, iss: issuer });
  const claims = jwtClaims(access_token);
  const list = await fetch(claims.status.status_list.uri);
  t.match([list.status, list.headers.get('content-type')], [200, 'application/statuslist+jwt']);
  const { status_lists: lists } = (await (
    await fetch(metadata['status_list_aggregation_endpoint'] as string)
  ).json()) as {
    status_lists: string[];
  };
  t.ok(lists.includes(claims.status.status_list.uri));
  const events = await fetch(`${issuer}/status-lists/events`);
  const first = await events.body?.getReader().read();
  t.match(Buffer.from(first?.value ?? []).toString(), /^retry: /, 'the proxy keeps nothing of a stream back');

  const out = await browser.open(metadata['end_session_endpoint'] as string);
  under(t, world, out);
  const gone = await out.submit({}, ['decision', 'logout']);
  t.equal(gone.status, 200);
  under(t, world, gone);
  t.equal((await form(metadata['introspection_endpoint'], { token: access_token })).active, false);
  const device = await browser.open(`${issuer}/oauth2/device?user_code=BCDF-GHJK`);
  under(t, world, device);
  const typed = await device.submit({ username: 'alice', password: PASSWORD });
  t.equal(typed.url.pathname, '/auth/oauth2/device', 'and back to where the device sent its user');
}

async function setUp(t: Test, world: ClientWorld): Promise<void> {
  const secret = await createSetupSecret(world.db.fork(), new Date());
  const form = await world.browser().open(setupUrl(world.issuer, secret as string));
  t.equal(form.status, 200);
  const done = await form.submit({ username: 'root', password: PASSWORD });
  under(t, world, done);
  t.match(done.text, /is a superuser now/);
  const login = await done.follow('Sign in');
  t.equal(login.url.pathname, '/auth/login');
  const door = await login.submit({ username: 'root', password: PASSWORD });
  under(t, world, door);
  t.match(door.text, /You are signed in as <strong>root<\/strong>/);
}

async function rest(t: Test, world: ClientWorld): Promise<void> {
  const { issuer } = world;
  const door = await world.browser().open(issuer);
  t.equal(door.status, 200);
  const links = door.document.querySelectorAll('a[href]').map((one) => one.getAttribute('href') as string);
  t.ok(links.length > 2);
  for (const link of links) t.equal((await fetch(new URL(link, door.url))).status, 200, link);
  t.match(await (await fetch(`${issuer}/health/ready`)).json(), { status: 'ok' });
  const openapi = parse(await (await fetch(`${issuer}/openapi.yaml`)).text());
  t.equal(
    new URL(openapi.servers[0].url, `${issuer}/openapi.yaml`).href,
    issuer,
    'OpenAPI 3.1 §4.8.5: where the paths begin',
  );
  const { kid } = world.service.keys.signer('RS256');
  t.match(await checkServed(issuer, kid), { status: 'ok' });
  const json = {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
    body: '{}',
  };
  t.match(await (await fetch(`${issuer}/api/v1/logout`, json)).json(), { code: 'cross_origin' });
}
