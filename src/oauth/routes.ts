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
import { type IntrospectionEndpoint, introspect } from './introspect.ts';
import { parRoutes } from './par/routes.ts';
import { revoke } from './revoke.ts';
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
const text = Type.Optional(Type.String());
const credentials = { client_id: text, client_secret: text, client_assertion: text, client_assertion_type: text };

/** OAuth's endpoints, `/oauth2/…`: form requests, JSON responses, no cookies. */
export async function oauthRoutes(app: App, deps: OAuthDeps): Promise<void> {
  const endpoint: TokenEndpoint = { ...deps, grantTypes: createGrantTypes(deps) };
  oauthScope(app);

  const token = {
    operationId: 'getToken',
    ...clientSecurity,
    summary: 'A token for a client (RFC 6749 §3.2)',
    description: 'A form with grant_type, and audience or resource; the client authenticates by Basic or in the form.',
    form: Type.Object({
      grant_type: Type.String(),
      code: text,
      redirect_uri: text,
      code_verifier: text,
      refresh_token: text,
      device_code: text,
      subject_token: text,
      subject_token_type: text,
      actor_token: text,
      actor_token_type: text,
      requested_token_type: text,
      requested_subject: text,
      reason: text,
      audience: text,
      resource: text,
      scope: text,
      ...credentials,
    }),
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

  const introspection = {
    operationId: 'introspectToken',
    ...clientSecurity,
    summary: 'What a token is worth now (RFC 7662)',
    description:
      'A form with token; for confidential clients. A client sees tokens issued to it and tokens of APIs that it serves.',
    form: tokenForm,
    response: { 200: Type.Union([active, activeRefresh, inactive]) },
    oauthErrors: ['invalid_client'],
  } as const;
  app.post('/oauth2/introspect', { ...stringifyResponse, schema: introspection }, (request) =>
    introspect(deps, presentedClient(request)),
  );

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
  parRoutes(app, deps);
  deviceRoutes(app, deps);
  userinfoRoute(app, deps);
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
  const form = Type.Object({ access_token: text });
  app.post('/oauth2/userinfo', { onRequest, schema: { ...schema, operationId: 'postUserinfo', form } }, answer);
}

const userinfoResponse = Type.Object(
  {
    sub: Type.String(),
    name: text,
    given_name: text,
    family_name: text,
    preferred_username: text,
    email: text,
    email_verified: Type.Optional(Type.Boolean()),
    groups: Type.Optional(Type.Array(Type.String())),
    permissions: Type.Optional(Type.Array(Type.String(), { description: 'Of the API that the token is for.' })),
    is_staff: Type.Optional(Type.Boolean()),
    is_superuser: Type.Optional(Type.Boolean()),
  },
  { title: 'Userinfo', additionalProperties: false },
);

const tokenForm = Type.Object({ token: Type.String(), token_type_hint: text, ...credentials });

const tokenResponse = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
    expires_in: Type.Integer({ description: 'Seconds.' }),
    scope: text,
    refresh_token: text,
    id_token: text,
    issued_token_type: text,
  },
  { title: 'IssuedToken', additionalProperties: false },
);

const cnf = Type.Optional(Type.Object({ jkt: Type.String() }, { additionalProperties: false }));
// RFC 8693 §4.1: actors are nested.
const actor = Type.Object({ sub: Type.String(), act: Type.Optional(Type.Unknown()) }, { title: 'Actor' });
const inactive = Type.Object({ active: Type.Literal(false) }, { title: 'InactiveToken', additionalProperties: false });
const active = Type.Object(
  {
    active: Type.Literal(true),
    scope: Type.Optional(Type.String()),
    client_id: Type.String(),
    username: Type.Optional(Type.String()),
    token_type: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
    exp: Type.Integer(),
    iat: Type.Integer(),
    sub: Type.String(),
    aud: Type.String(),
    iss: Type.String(),
    jti: Type.String(),
    sid: Type.Optional(Type.String()),
    auth_time: Type.Optional(Type.Integer()),
    acr: text,
    cnf,
    act: Type.Optional(actor),
    permissions: Type.Array(Type.String()),
    groups: Type.Array(Type.String()),
    is_staff: Type.Boolean(),
    is_superuser: Type.Boolean(),
  },
  { title: 'ActiveToken', additionalProperties: false },
);

const activeRefresh = Type.Object(
  {
    active: Type.Literal(true),
    scope: text,
    client_id: Type.String(),
    username: text,
    exp: Type.Integer(),
    iat: Type.Integer(),
    sub: Type.String(),
    aud: Type.String(),
    iss: Type.String(),
    sid: text,
    cnf,
  },
  { title: 'ActiveRefreshToken', additionalProperties: false },
);

const uri = Type.String({ format: 'uri' });
const texts = Type.Array(Type.String());
const serverMetadata = Type.Object(
  {
    issuer: uri,
    jwks_uri: uri,
    authorization_endpoint: uri,
    authorization_response_iss_parameter_supported: Type.Boolean(),
    pushed_authorization_request_endpoint: uri,
    response_types_supported: texts,
    response_modes_supported: texts,
    code_challenge_methods_supported: texts,
    prompt_values_supported: texts,
    acr_values_supported: texts,
    claims_parameter_supported: Type.Boolean(),
    request_parameter_supported: Type.Boolean(),
    request_uri_parameter_supported: Type.Boolean(),
    token_endpoint: uri,
    token_endpoint_auth_methods_supported: texts,
    token_endpoint_auth_signing_alg_values_supported: texts,
    dpop_signing_alg_values_supported: texts,
    grant_types_supported: texts,
    introspection_endpoint: uri,
    introspection_endpoint_auth_methods_supported: texts,
    introspection_endpoint_auth_signing_alg_values_supported: texts,
    revocation_endpoint: uri,
    device_authorization_endpoint: uri,
    revocation_endpoint_auth_methods_supported: texts,
    revocation_endpoint_auth_signing_alg_values_supported: texts,
    end_session_endpoint: uri,
    backchannel_logout_supported: Type.Boolean(),
    backchannel_logout_session_supported: Type.Boolean(),
    status_list_aggregation_endpoint: uri,
    userinfo_endpoint: uri,
    userinfo_signing_alg_values_supported: texts,
    id_token_signing_alg_values_supported: texts,
    scopes_supported: texts,
    registration_endpoint: Type.Optional(uri),
    client_id_metadata_document_supported: Type.Optional(Type.Boolean()),
    subject_types_supported: texts,
    claims_supported: texts,
  },
  { title: 'ServerMetadata', additionalProperties: false },
);

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
