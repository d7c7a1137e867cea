import { Type } from 'typebox';
import { type App, dpopHeader, offerNonce, readForm } from '../../platform/http/index.ts';
import { type ParEndpoint, pushRequest } from './push-request.ts';

const text = Type.Optional(Type.String());

/** The pushed authorization request endpoint (RFC 9126), under the rules of every OAuth endpoint. */
export function parRoutes(app: App, deps: ParEndpoint): void {
  const schema = {
    operationId: 'pushRequest',
    tags: ['oauth'],
    security: [{ client: [] }, {}] as Record<string, string[]>[],
    summary: 'Push an authorization request (RFC 9126 §2)',
    description:
      'The parameters of an authorization request; the client authenticates as at the token endpoint. Then the browser is sent to /oauth2/authorize with client_id and the request_uri of the answer.',
    form: Type.Object({
      response_type: Type.String(),
      redirect_uri: text,
      scope: text,
      state: text,
      code_challenge: text,
      code_challenge_method: text,
      client_id: text,
      client_secret: text,
      client_assertion: text,
      client_assertion_type: text,
    }),
    response: { 201: pushedRequestSchema },
    isThrottled: true,
    oauthErrors: [
      'invalid_client',
      'unauthorized_client',
      'unsupported_response_type',
      'invalid_scope',
      'invalid_target',
      'unmet_authentication_requirements',
      'request_not_supported',
      'registration_not_supported',
      'invalid_dpop_proof',
      'use_dpop_nonce',
    ],
  } as const;
  // RFC 9449 §8.2: as at the token endpoint.
  const onRequest = offerNonce(() => deps.proofs.nonce(deps.clock.now()));
  app.post('/oauth2/par', { schema, onRequest }, async (request, reply) => {
    const { authorization } = request.headers;
    const presented = { authorization, form: readForm(request), dpop: dpopHeader(request) };
    return reply.code(201).send(await pushRequest(deps, presented, request.ip));
  });
}

const pushedRequestSchema = Type.Object(
  { request_uri: Type.String(), expires_in: Type.Integer({ description: 'Seconds.' }) },
  { title: 'PushedRequest', additionalProperties: false },
);
