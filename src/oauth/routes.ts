import { Type } from 'typebox';
import { type App, asBuilt, formOf, oauthScope, type Request, servePublic } from '../platform/http/index.ts';
import { publicDocument } from '../platform/public-document.ts';
import type { PresentedClient } from './client-auth.ts';
import { metadata, metadataPaths } from './discovery.ts';
import { type IntrospectionEndpoint, introspect } from './introspect.ts';
import { revoke } from './revoke.ts';
import { clientCredentials } from './token/client-credentials.ts';
import { answerTokenRequest, type TokenEndpoint } from './token/phases.ts';
import { type Refreshing, refreshGrant } from './token/refresh-token.ts';

export type OAuthDeps = Omit<TokenEndpoint, 'grants'> & IntrospectionEndpoint & Refreshing;

/** RFC 6749 §2.3.1: by Basic, or by the first two fields; `{}` is the client that says who it is in the form. */
const byClient = { tags: ['oauth'], security: [{ client: [] }, {}] as Record<string, string[]>[] };
const text = Type.Optional(Type.String());
const credentials = { client_id: text, client_secret: text };

/** OAuth's endpoints, `/oauth2/…`: forms in, JSON out, nothing from the cookie. */
export async function oauthRoutes(app: App, deps: OAuthDeps): Promise<void> {
  const endpoint: TokenEndpoint = { ...deps, grants: grantsOf(deps) };
  oauthScope(app);

  const token = {
    operationId: 'getToken',
    ...byClient,
    summary: 'A token for a client (RFC 6749 §3.2)',
    description: 'A form with grant_type, and audience or resource; the client authenticates by Basic or in the form.',
    form: Type.Object({
      grant_type: Type.String(),
      refresh_token: text,
      audience: text,
      resource: text,
      scope: text,
      ...credentials,
    }),
    response: { 200: issued },
    oauthErrors: [
      'invalid_client',
      'unauthorized_client',
      'invalid_grant',
      'invalid_scope',
      'unsupported_grant_type',
      'invalid_target',
    ],
  } as const;
  app.post('/oauth2/token', { schema: token }, (request) => answerTokenRequest(endpoint, presentedBy(request)));

  const introspection = {
    operationId: 'introspectToken',
    ...byClient,
    summary: 'What a token is worth now (RFC 7662)',
    description:
      'A form with token; for confidential clients. A client sees tokens issued to it and tokens of APIs that it serves.',
    form: ofToken,
    response: { 200: Type.Union([active, inactive]) },
    oauthErrors: ['invalid_client'],
  } as const;
  app.post('/oauth2/introspect', { ...asBuilt, schema: introspection }, (request) =>
    introspect(deps, presentedBy(request)),
  );

  const revocation = {
    operationId: 'revokeToken',
    ...byClient,
    summary: 'Revoke a token (RFC 7009)',
    description:
      'A form with token; by the client that it was issued to. Any other token is answered alike, and nothing happens.',
    form: ofToken,
    response: { 200: Type.Object({}, { additionalProperties: false }) },
    oauthErrors: ['invalid_client'],
  } as const;
  app.post('/oauth2/revoke', { schema: revocation }, async (request) => {
    await revoke(deps, presentedBy(request));
    return {};
  });
}

const ofToken = Type.Object({ token: Type.String(), token_type_hint: text, ...credentials });

const issued = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Seconds.' }),
    scope: text,
    refresh_token: text,
  },
  { title: 'IssuedToken', additionalProperties: false },
);

const inactive = Type.Object({ active: Type.Literal(false) }, { title: 'InactiveToken', additionalProperties: false });
const active = Type.Object(
  {
    active: Type.Literal(true),
    scope: Type.Optional(Type.String()),
    client_id: Type.String(),
    username: Type.Optional(Type.String()),
    token_type: Type.Literal('Bearer'),
    exp: Type.Integer(),
    iat: Type.Integer(),
    sub: Type.String(),
    aud: Type.String(),
    iss: Type.String(),
    jti: Type.String(),
    sid: Type.Optional(Type.String()),
    permissions: Type.Array(Type.String()),
    groups: Type.Array(Type.String()),
    is_staff: Type.Boolean(),
    is_superuser: Type.Boolean(),
  },
  { title: 'ActiveToken', additionalProperties: false },
);

const uri = Type.String({ format: 'uri' });
const texts = Type.Array(Type.String());
const offered = Type.Object(
  {
    issuer: uri,
    jwks_uri: uri,
    token_endpoint: uri,
    token_endpoint_auth_methods_supported: texts,
    grant_types_supported: texts,
    introspection_endpoint: uri,
    introspection_endpoint_auth_methods_supported: texts,
    revocation_endpoint: uri,
    revocation_endpoint_auth_methods_supported: texts,
    status_list_aggregation_endpoint: uri,
    subject_types_supported: texts,
    claims_supported: texts,
  },
  { title: 'ServerMetadata', additionalProperties: false },
);

/** Discovery (RFC 8414, OpenID Connect Discovery): the same bytes under every name. */
export function discoveryRoutes(app: App, deps: OAuthDeps): void {
  const grantTypes = grantsOf(deps).map((one) => one.type);
  const document = publicDocument(Buffer.from(JSON.stringify(metadata({ issuer: deps.issuer, grantTypes }))));
  for (const path of metadataPaths(deps.issuer)) {
    const isOpenid = path.includes('openid-configuration');
    const schema = {
      operationId: isOpenid ? 'getOpenidConfiguration' : 'getServerMetadata',
      summary: `What this server offers (${isOpenid ? 'OpenID Connect Discovery' : 'RFC 8414'})`,
      tags: ['documents'],
      security: [],
      response: { 200: offered },
      problems: [],
    };
    servePublic(app, path, 'application/json', 300, schema, () => document);
  }
}

function grantsOf(deps: OAuthDeps) {
  return [clientCredentials(deps.access), refreshGrant(deps)];
}

function presentedBy(request: Request): PresentedClient {
  return { authorization: request.headers.authorization, form: formOf(request) };
}
