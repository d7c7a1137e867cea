import { spawn } from 'node:child_process';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { root } from '../support/database.ts';
import { freePort } from '../support/process.ts';
import t from '../support/tap.ts';
import { fromNpm, stock } from './record.ts';
import { goThrough, startWorld } from './world.ts';

const CALLBACK = 'http://127.0.0.1:1/callback';
const world = await startWorld(t);

/** The MCP server of docs/guides/mcp.md, as its reader starts it, with an API for its address. */
async function startServer() {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  await world.api(`${url}/mcp`);
  const child = spawn(process.execPath, [join(root, 'docs/guides/mcp-server.mjs')], {
    env: { SIGNET_ISSUER: world.issuer, PORT: String(port), NODE_EXTRA_CA_CERTS: world.caPath },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  t.teardown(() => child.kill());
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (await fetch(`${url}/mcp`).catch(() => null)) return { url };
    await wait(100);
  }
}

/** Where a client publishes its metadata document: https, as the SDK demands. */
async function publish(document: (url: string) => object): Promise<string> {
  const port = await freePort();
  const url = `https://localhost:${port}/client.json`;
  const { key, cert } = world.identity as { key: string; cert: string };
  const server = createServer({ key, cert }, (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document(url))),
  );
  await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve));
  t.teardown(() => server.close());
  return url;
}

/** A provider as the SDK's example has it: it keeps what it is told in memory. */
function newProvider(known?: OAuthClientInformationMixed, clientMetadataUrl?: string) {
  let [information, tokens, verifier] = [known, undefined as OAuthTokens | undefined, ''];
  const went: URL[] = [];
  const provider: OAuthClientProvider = {
    redirectUrl: CALLBACK,
    ...(clientMetadataUrl ? { clientMetadataUrl } : {}),
    clientMetadata: {
      client_name: 'an MCP client',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => information,
    saveClientInformation: (one) => {
      information = one;
    },
    tokens: () => tokens,
    saveTokens: (one) => {
      tokens = one;
    },
    redirectToAuthorization: (url) => void went.push(url),
    saveCodeVerifier: (one) => {
      verifier = one;
    },
    codeVerifier: () => verifier,
  };
  return {
    provider,
    went,
    tokens: () => tokens,
    spoil: () => {
      tokens = { ...(tokens as OAuthTokens), access_token: 'spoilt' };
    },
  };
}

async function use(url: string, holder: ReturnType<typeof newProvider>) {
  const endpoint = new URL(`${url}/mcp`);
  const client = () => new Client({ name: 'test', version: '1.0.0' });
  const open = () => new StreamableHTTPClientTransport(endpoint, { authProvider: holder.provider });
  const first = open();
  const refused = await client()
    .connect(first as never)
    .then(
      () => null,
      (error: unknown) => error,
    );
  if (!(refused instanceof UnauthorizedError)) throw refused;
  const page = await goThrough(world.browser({ stopAt: CALLBACK }), holder.went.pop() as URL);
  await first.finishAuth(page.url.searchParams.get('code') as string);
  const call = async (name: string) => {
    const one = client();
    await one.connect(open() as never);
    const answer = (await one.callTool({ name })) as { content: { text: string }[] };
    await one.close();
    return answer.content[0]?.text as string;
  };
  return { page, call, whoAmI: async () => JSON.parse(await call('whoami')) };
}

await stock(fromNpm('@modelcontextprotocol/sdk'), async (_t, flow) => {
  await flow('metadata of the resource, authorization code, PKCE, resource indicator, consent, refresh', async (t) => {
    const site = await startServer();
    const made = await world.client({ preset: 'mcp', redirectUris: [CALLBACK], requests: [`${site.url}/mcp`] });
    const holder = newProvider({ client_id: made.clientId });
    const { page, whoAmI } = await use(site.url, holder);
    t.same(page.asked, ['login', 'consent']);
    t.match(await whoAmI(), { aud: `${site.url}/mcp`, client_id: made.clientId, username: 'alice' });
    const before = holder.tokens()?.refresh_token;
    holder.spoil();
    t.match(await whoAmI(), { username: 'alice' }, 'a token that is refused is refreshed');
    t.not(holder.tokens()?.refresh_token, before);
  });

  await flow(
    'client ID metadata document: no registration, consent that names the host, resource indicator',
    async (t) => {
      const site = await startServer();
      const clientId = await publish((url) => ({
        client_id: url,
        client_name: 'an MCP client',
        redirect_uris: [CALLBACK],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      }));
      const holder = newProvider(undefined, clientId);
      const { page, whoAmI, call } = await use(site.url, holder);
      t.same(page.asked, ['login', 'consent']);
      t.match(await whoAmI(), { aud: `${site.url}/mcp`, client_id: clientId, username: 'alice', permissions: [] });
      t.match(await call('add_choice'), 'this needs polls.add_choice', 'its boundary is empty');
      const before = holder.tokens()?.refresh_token;
      holder.spoil();
      t.match(await whoAmI(), { username: 'alice' });
      t.not(holder.tokens()?.refresh_token, before, 'refreshed');
    },
  );
});
