import { Type } from 'typebox';
import { publicDocument } from '../platform/digest.ts';
import {
  type App,
  dpopHeader,
  oauthScope,
  offerNonce,
  type Reply,
  type Request,
  readForm,
  servePublic,
  stringifyResponse,
} from '../platform/http/index.ts';
import { userinfoUrl } from '../tokens/index.ts';
import type { PresentedClient } from './client-auth.ts';
import { deviceRoutes } from './device/routes.ts';
import { metadata, metadataPaths } from './discovery.ts';
import type { RequestingClientDeps } from './documents/requesting-client.ts';
import type { Proofs } from './dpop/proofs.ts';
import { repeatedNameError } from './errors.ts';
import { type IntrospectionEndpoint, introspect } from './introspect.ts';
import { parRoutes } from './par/routes.ts';
import { revoke } from './revoke.ts';
import {
  activeRefreshToken,
  activeToken,
  inactiveToken,
  serverMetadata,
  tokenForm,
  tokenRequest,
  tokenResponse,
  userinfoResponse,
} from './schemas.ts';
import { authorizationCodeGrant } from './token/authorization-code.ts';
import { clientCredentialsGrant } from './token/client-credentials.ts';
import { deviceCodeGrant } from './token/device-code.ts';
import { type RefreshDeps, refreshTokenGrant } from './token/refresh-token.ts';
import { handleTokenRequest, type TokenEndpoint } from './token/token-endpoint.ts';
import { tokenExchangeGrant } from './token/token-exchange.ts';
import { userinfo } from './userinfo.ts';

export type OAuthDeps = Omit<TokenEndpoint, 'grantTypes'> &
  IntrospectionEndpoint &
  RefreshDeps &
  RequestingClientDeps & {
    readonly proofs: Proofs;
    readonly registration: 'off' | 'token';
    readonly hasDocuments: boolean;
  };

/**
 * RFC 6749 §2.3.1: Basic, or form fields (a secret or an assertion); `{}` is a client that sends its id in the form.
 */
const clientSecurity = { tags: ['oauth'], security: [{ client: [] }, {}] as Record<string, string[]>[] };

/** OAuth's endpoints, `/oauth2/…`: form requests, JSON responses, no cookies. */
export async function oauthRoutes(app: App, deps: OAuthDeps): Promise<void> {
  oauthScope(app, repeatedNameError);
  tokenRoute(app, deps);
  introspectionRoute(app, deps);
  revocationRoute(app, deps);
  parRoutes(app, deps);
  deviceRoutes(app, deps);
  userinfoRoute(app, deps);
}

function tokenRoute(app: App, deps: OAuthDeps): void {
  const endpoint: TokenEndpoint = { ...deps, grantTypes: createGrantTypes(deps) };
  const token = {
    operationId: 'getToken',
    ...clientSecurity,
    summary: 'A token for a client (RFC 6749 §3.2)',
    description: 'A form with grant_type, and audience or resource; the client authenticates by Basic or in the form.',
    form: tokenRequest,
    response: { 200: tokenResponse },
    oauthErrors: [
      'invalid_client',
      'unauthorized_client',
      'invalid_grant',
      'invalid_scope',
      'unsupported_grant_type',
      'invalid_target',
      'authorization_pending',
      'slow_down',
      'access_denied',
      'expired_token',
      'invalid_dpop_proof',
      'use_dpop_nonce',
    ],
  } as const;
  app.post('/oauth2/token', { schema: token, onRequest: offerNonce(nextNonce(deps)) }, (request) =>
    handleTokenRequest(endpoint, presentedClient(request)),
  );
}

function introspectionRoute(app: App, deps: OAuthDeps): void {
  const introspection = {
    operationId: 'introspectToken',
    ...clientSecurity,
    summary: 'What a token is worth now (RFC 7662)',
    description:
      'A form with token; for confidential clients. A client sees tokens issued to it and tokens of APIs that it serves.',
    form: tokenForm,
    response: { 200: Type.Union([activeToken, activeRefreshToken, inactiveToken]) },
    oauthErrors: ['invalid_client'],
  } as const;
  app.post('/oauth2/introspect', { ...stringifyResponse, schema: introspection }, (request) =>
    introspect(deps, presentedClient(request)),
  );
}

function revocationRoute(app: App, deps: OAuthDeps): void {
  const revocation = {
    operationId: 'revokeToken',
    ...clientSecurity,
    summary: 'Revoke a token (RFC 7009)',
    description:
      'A form with token; by the client that it was issued to. Any other token is answered alike, and nothing happens.',
    form: tokenForm,
    response: { 200: Type.Object({}, { additionalProperties: false }) },
    oauthErrors: ['invalid_client'],
  } as const;
  app.post('/oauth2/revoke', { schema: revocation }, async (request) => {
    await revoke(deps, presentedClient(request));
    return {};
  });
}

/** OIDC Core §5.3.1: GET and POST alike. */
function userinfoRoute(app: App, deps: OAuthDeps): void {
  const schema = {
    tags: ['oauth'],
    security: [{ bearer: [] as string[] }],
    summary: 'What a client may know of its user (OIDC Core §5.3)',
    response: {
      200: {
        description: 'As JSON, or as a JWT for a client that is registered so.',
        content: {
          'application/json': { schema: userinfoResponse },
          'application/jwt': { schema: Type.String() },
        },
      },
    },
    oauthErrors: ['invalid_token', 'insufficient_scope', 'invalid_dpop_proof', 'use_dpop_nonce'],
  } as const;
  const answer = async (request: Request, reply: Reply) => {
    const { authorization } = request.headers;
    const resourceRequest = {
      method: request.method,
      url: userinfoUrl(deps.issuer),
      authorization,
      dpop: dpopHeader(request),
      form: readForm(request),
    };
    const result = await userinfo(deps, resourceRequest);
    return 'jwt' in result
      ? reply.type('application/jwt').send(result.jwt)
      : reply.type('application/json').send(JSON.stringify(result.json));
  };
  const onRequest = offerNonce(nextNonce(deps));
  app.get('/oauth2/userinfo', { onRequest, schema: { ...schema, operationId: 'getUserinfo' } }, answer);
  const form = Type.Object({ access_token: Type.Optional(Type.String()) });
  app.post('/oauth2/userinfo', { onRequest, schema: { ...schema, operationId: 'postUserinfo', form } }, answer);
}

/** Discovery (RFC 8414, OpenID Connect Discovery): the same bytes at every path. */
export function discoveryRoutes(app: App, deps: OAuthDeps): void {
  const grantTypes = createGrantTypes(deps).map((one) => one.type);
  const document = publicDocument(Buffer.from(JSON.stringify(metadata({ ...deps, grantTypes }))));
  for (const path of metadataPaths(deps.issuer)) {
    const isOpenid = path.includes('openid-configuration');
    const schema = {
      operationId: isOpenid ? 'getOpenidConfiguration' : 'getServerMetadata',
      summary: `What this server offers (${isOpenid ? 'OpenID Connect Discovery' : 'RFC 8414'})`,
      tags: ['documents'],
      security: [],
      response: { 200: serverMetadata },
      problems: [],
    };
    servePublic(app, path, { type: 'application/json', maxAgeSeconds: 300, schema }, () => document);
  }
}

function createGrantTypes(deps: OAuthDeps) {
  return [
    authorizationCodeGrant(deps),
    refreshTokenGrant(deps),
    clientCredentialsGrant(deps.access),
    deviceCodeGrant(deps),
    tokenExchangeGrant(deps),
  ];
}

function presentedClient(request: Request): PresentedClient {
  return { authorization: request.headers.authorization, form: readForm(request), dpop: dpopHeader(request) };
}

function nextNonce({ proofs, clock }: OAuthDeps): () => string {
  return () => proofs.nonce(clock.now());
}
