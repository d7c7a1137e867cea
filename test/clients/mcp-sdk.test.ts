import type { IncomingMessage, ServerResponse } from 'node:http';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
// @ts-expect-error Express brings no types.
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import t from 'tap';
import { fromNpm, stock } from './record.ts';
import { goThrough, startScene, startSite } from './scene.ts';

const CALLBACK = 'http://127.0.0.1:1/callback';
const scene = await startScene(t);

/** An MCP server that demands Signet's tokens, by the SDK's own guard. */
function startServer() {
  return startSite(t, async (url) => {
    const resource = `${url}/mcp`;
    await scene.api(resource);
    const oauthMetadata = (await (
      await fetch(`${scene.issuer}/.well-known/oauth-authorization-server`)
    ).json()) as never;
    const keys = createRemoteJWKSet(new URL(`${scene.issuer}/.well-known/jwks.json`));
    const verifier = {
      verifyAccessToken: async (token: string) => {
        const demand = { issuer: scene.issuer, audience: resource, typ: 'at+jwt' };
        const { payload } = await jwtVerify(token, keys, demand).catch((error: Error) => {
          throw new InvalidTokenError(error.message);
        });
        return {
          token,
          clientId: payload['client_id'] as string,
          scopes: [],
          expiresAt: payload.exp as number,
          extra: payload,
        };
      },
    };
    const app = express();
    app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: new URL(resource) }));
    const resourceMetadataUrl = `${url}/.well-known/oauth-protected-resource/mcp`;
    app.use('/mcp', requireBearerAuth({ verifier, resourceMetadataUrl }), express.json());
    app.post('/mcp', async (request: IncomingMessage & { body: unknown }, response: ServerResponse) => {
      const server = new McpServer({ name: 'polls', version: '1.0.0' });
      server.registerTool('whoami', {}, async ({ authInfo }) => ({
        content: [{ type: 'text', text: JSON.stringify(authInfo?.extra) }],
      }));
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await server.connect(transport);
      await transport.handleRequest(request, response, request.body);
    });
    app.use('/mcp', (_: unknown, response: { sendStatus(code: number): void }) => response.sendStatus(405));
    return app;
  });
}

/** A provider as the SDK's example has it: it keeps what it is told in memory. */
function newProvider(known?: OAuthClientInformationMixed) {
  let [information, tokens, verifier] = [known, undefined as OAuthTokens | undefined, ''];
  const went: URL[] = [];
  const provider: OAuthClientProvider = {
    redirectUrl: CALLBACK,
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
  const page = await goThrough(scene.browser({ stopAt: CALLBACK }), holder.went.pop() as URL);
  await first.finishAuth(page.url.searchParams.get('code') as string);
  const whoAmI = async () => {
    const one = client();
    await one.connect(open() as never);
    const answer = (await one.callTool({ name: 'whoami' })) as { content: { text: string }[] };
    await one.close();
    return JSON.parse(answer.content[0]?.text as string);
  };
  return { page, whoAmI };
}

await stock(fromNpm('@modelcontextprotocol/sdk'), async (_t, flow) => {
  await flow('metadata of the resource, authorization code, PKCE, resource indicator, consent, refresh', async (t) => {
    const site = await startServer();
    const made = await scene.client({ preset: 'mcp', redirectUris: [CALLBACK], requests: [`${site.url}/mcp`] });
    const holder = newProvider({ client_id: made.clientId });
    const { page, whoAmI } = await use(site.url, holder);
    t.same(page.asked, ['login', 'consent']);
    t.match(await whoAmI(), { aud: `${site.url}/mcp`, client_id: made.clientId, username: 'alice' });
    const before = holder.tokens()?.refresh_token;
    holder.spoil();
    t.match(await whoAmI(), { username: 'alice' }, 'a token that is refused is refreshed');
    t.not(holder.tokens()?.refresh_token, before);
  });
});
