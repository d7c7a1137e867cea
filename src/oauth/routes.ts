import { Type } from 'typebox';
import { type App, formOf, oauthScope, type Request, servePublic } from '../platform/http/index.ts';
import { publicDocument } from '../platform/public-document.ts';
import type { PresentedClient } from './client-auth.ts';
import { metadata, metadataPaths } from './discovery.ts';
import { type IntrospectionEndpoint, introspect } from './introspect.ts';
import { revoke } from './revoke.ts';
import { clientCredentials } from './token/client-credentials.ts';
import { answerTokenRequest, type TokenEndpoint } from './token/phases.ts';

export type OAuthDeps = Omit<TokenEndpoint, 'grants'> & IntrospectionEndpoint;

const error = Type.Object({ error: Type.String(), error_description: Type.Optional(Type.String()) });
const refusals = { 400: error, 401: error, 413: error, 415: error, 500: error, 503: error };

/** OAuth's endpoints, `/oauth2/…`: forms in, JSON out, nothing from the cookie. */
export async function oauthRoutes(app: App, deps: OAuthDeps): Promise<void> {
  const endpoint: TokenEndpoint = { ...deps, grants: grantsOf(deps) };
  oauthScope(app);

  const token = {
    summary: 'A token for a client (RFC 6749 §3.2)',
    description: 'A form with grant_type, and audience or resource; the client authenticates by Basic or in the form.',
    response: {
      200: Type.Object({
        access_token: Type.String(),
        token_type: Type.Literal('Bearer'),
        expires_in: Type.Integer(),
        scope: Type.Optional(Type.String()),
      }),
      ...refusals,
    },
  };
  app.post('/oauth2/token', { schema: token }, (request) => answerTokenRequest(endpoint, presentedBy(request)));

  const introspection = {
    summary: 'What a token is worth now (RFC 7662)',
    description:
      'A form with token; for confidential clients. A client sees tokens issued to it and tokens of APIs that it serves.',
    response: { 200: Type.Union([active, inactive]), ...refusals },
  };
  app.post('/oauth2/introspect', { schema: introspection }, (request) => introspect(deps, presentedBy(request)));

  const revocation = {
    summary: 'Revoke a token (RFC 7009)',
    description:
      'A form with token; by the client that it was issued to. Any other token is answered alike, and nothing happens.',
    response: { 200: Type.Object({}), ...refusals },
  };
  app.post('/oauth2/revoke', { schema: revocation }, async (request) => {
    await revoke(deps, presentedBy(request));
    return {};
  });
}

const inactive = Type.Object({ active: Type.Literal(false) }, { additionalProperties: false });
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
  { additionalProperties: false },
);

/** Discovery (RFC 8414, OpenID Connect Discovery): the same bytes under every name. */
export function discoveryRoutes(app: App, deps: OAuthDeps): void {
  const grantTypes = grantsOf(deps).map((one) => one.type);
  const document = publicDocument(Buffer.from(JSON.stringify(metadata({ issuer: deps.issuer, grantTypes }))));
  const schema = { summary: 'What this server offers (RFC 8414)' };
  for (const path of metadataPaths(deps.issuer))
    servePublic(app, path, 'application/json', 300, schema, () => document);
}

function grantsOf({ db }: Pick<OAuthDeps, 'db'>) {
  return [clientCredentials(db)];
}

function presentedBy(request: Request): PresentedClient {
  return { authorization: request.headers.authorization, form: formOf(request) };
}
