import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { SIGNET_ISSUER: issuer, PORT = '3000', MCP_RESOURCE = `http://localhost:${PORT}/mcp` } = process.env;
const resource = new URL(MCP_RESOURCE);
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
const hasPerm = (claims, name) => claims.is_superuser || (claims.permissions ?? []).includes(name);

// The audience is this server's own address: a token for any other API is refused (RFC 8707).
const verifyAccessToken = async (token) => {
  const demand = { issuer, audience: resource.href, typ: 'at+jwt', algorithms: ['RS256'] };
  const { payload } = await jwtVerify(token, keys, demand).catch((error) => {
    throw new InvalidTokenError(error.message);
  });
  // A token that is bound to a key (RFC 9449) is worth nothing without its proof, which is not checked here.
  if (payload.cnf) throw new InvalidTokenError('bound to a key');
  return { token, clientId: payload.client_id, scopes: [], expiresAt: payload.exp, extra: payload };
};

function newServer() {
  const server = new McpServer({ name: 'polls', version: '1.0.0' });
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  server.registerTool('whoami', { description: 'Who calls' }, async ({ authInfo }) =>
    text(JSON.stringify(authInfo.extra)),
  );
  server.registerTool('add_choice', { description: 'Add a choice to a poll' }, async ({ authInfo }) =>
    hasPerm(authInfo.extra, 'polls.add_choice')
      ? text('added')
      : { ...text('this needs polls.add_choice'), isError: true },
  );
  return server;
}

const app = express();
// RFC 9728: clients learn from /.well-known/oauth-protected-resource/mcp that Signet issues the tokens.
const oauthMetadata = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json();
app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: resource }));
const resourceMetadataUrl = new URL(`/.well-known/oauth-protected-resource${resource.pathname}`, resource).href;
app.use(resource.pathname, requireBearerAuth({ verifier: { verifyAccessToken }, resourceMetadataUrl }), express.json());
app.post(resource.pathname, async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await newServer().connect(transport);
  await transport.handleRequest(req, res, req.body);
});
app.use(resource.pathname, (_req, res) => res.sendStatus(405));
app.listen(Number(PORT), resource.hostname);
