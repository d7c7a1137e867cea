import { Type } from 'typebox';
import { authorize, oauthError } from '../../oauth/index.ts';
import { type App, acceptPairs, formPairs, type Reply, type Request } from '../../platform/http/index.ts';
import { currentSession } from '../../sessions/index.ts';
import { errorPages, htmlResponse, redirectResponse, renderErrors, retryResponse } from '../../ui/render.ts';
import { requestOrigin, type SignInDeps } from '../session.ts';
import { sendAuthorizationResponse } from './send-response.ts';

const optionalText = Type.Optional(Type.String());
const parameters = {
  client_id: Type.String(),
  response_type: optionalText,
  redirect_uri: optionalText,
  scope: optionalText,
  state: optionalText,
  code_challenge: optionalText,
  code_challenge_method: optionalText,
  nonce: optionalText,
  response_mode: optionalText,
  prompt: optionalText,
  max_age: optionalText,
  id_token_hint: optionalText,
  login_hint: optionalText,
  acr_values: optionalText,
  claims: optionalText,
  audience: optionalText,
  resource: optionalText,
  request_uri: optionalText,
  dpop_jkt: optionalText,
};

/** The errors that are sent to the client. */
const clientErrors = [
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_target',
  'login_required',
  'consent_required',
  'interaction_required',
  'unmet_authentication_requirements',
  'request_not_supported',
  'request_uri_not_supported',
  'registration_not_supported',
]
  .map((code) => `\`${code}\``)
  .join(', ');

const operation = {
  tags: ['pages'],
  description: `Parameters as RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1 have them. The client gets these errors by the redirect: ${clientErrors}.`,
  response: {
    ...errorPages,
    200: htmlResponse('By `response_mode=form_post`: a form that goes to the client by itself, or by its button.'),
    303: redirectResponse(
      'To the client, with a code or an error; or to a page of Signet, where the user logs in and agrees.',
    ),
    400: htmlResponse(
      'The client is unknown, its redirect URI is not registered, or (`invalid_request_uri`) the pushed request is invalid.',
    ),
    429: retryResponse(
      'Too many requests of this network wait for their users. The request is still valid: load the page again later.',
    ),
  },
};

/** Faults of parameters are sent to the client, so the schema only documents them. */
const unvalidated = { config: { readsPairs: true }, validatorCompiler: () => () => true } as const;

/**
 * The authorization endpoint (RFC 6749 §3.1), by GET and POST (OIDC Core §3.1.2.1). It is exempt from the cross-origin
 * rule, because other sites send people here: a POST ignores the cookie. No CORS (RFC 9700 §2.6).
 */
export async function authorizePages(app: App, deps: SignInDeps): Promise<void> {
  acceptPairs(app);
  renderErrors(app);
  const security: Record<string, string[]>[] = [{ session: [] }, {}];
  const byGet = {
    ...operation,
    operationId: 'authorize',
    summary: 'Ask a user for a code',
    security,
    querystring: Type.Object(parameters),
  };
  app.get('/oauth2/authorize', { ...unvalidated, schema: byGet }, async (request, reply) => {
    // A HEAD is given no code: its response is not read, but may be logged (RFC 9110 §9.3.2).
    const isHead = request.method === 'HEAD';
    return respond(deps, request, reply, isHead ? undefined : await currentSession(deps, deps.session, request));
  });
  const byPost = {
    ...operation,
    operationId: 'authorizeByPost',
    summary: 'Ask a user for a code, by a form',
    security: [],
    form: Type.Object(parameters),
  };
  app.post('/oauth2/authorize', { ...unvalidated, schema: byPost }, async (request, reply) =>
    respond(deps, request, reply, undefined),
  );
}

async function respond(
  { endpoint }: SignInDeps,
  request: Request,
  reply: Reply,
  session: Parameters<typeof authorize>[2],
): Promise<Reply> {
  const next = await authorize(endpoint, formPairs(request), session, requestOrigin(request));
  if (next.kind === 'response') return sendAuthorizationResponse(reply, next.response);
  if (next.kind === 'interaction') return reply.redirect(`${endpoint.issuer}/interaction/${next.secret}`, 303);
  throw oauthError('request_uri_invalid');
}
