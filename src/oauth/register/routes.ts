import { Type } from 'typebox';
import { type App, handleOAuthErrors, stringifyResponse } from '../../platform/http/index.ts';
import { type RegistrationDeps, register } from './register.ts';
import { clientMetadataSchema, registeredClientSchema } from './schemas.ts';

/** `/oauth2/register` (RFC 7591): JSON in both directions, no cookies. */
export async function registrationRoutes(app: App, deps: RegistrationDeps): Promise<void> {
  handleOAuthErrors(app);
  const schema = {
    operationId: 'registerClient',
    summary: 'A program registers itself (RFC 7591 §3)',
    description:
      'With an initial access token, where `SIGNET_REGISTRATION` is `token`. Members that are not here are ignored (RFC 7591 §2).',
    tags: ['oauth'],
    security: [{ registration: [] }],
    body: clientMetadataSchema,
    response: { 201: registeredClientSchema, 403: registrationOff },
    oauthErrors: ['invalid_redirect_uri', 'invalid_client_metadata', 'invalid_token'],
  } as const;
  // Browser-based clients register too, or read that they cannot. The request depends on its token, not on a cookie.
  const config = { anyOrigin: true } as const;
  app.post(
    '/oauth2/register',
    { ...stringifyResponse, config, schema, attachValidation: true },
    async (request, reply) => {
      const fault = request.validationError?.validation?.[0];
      const registered = await register(deps, {
        authorization: request.headers.authorization,
        metadata: request.body,
        ...(fault
          ? { fault: { member: fault.instancePath.split('/')[1] ?? '', detail: fault.message ?? 'is invalid' } }
          : {}),
        requestId: request.id,
      });
      return reply.code(201).send(registered as typeof registered & { client_id: string });
    },
  );
}

const registrationOff = Type.Object(
  { error: Type.Literal('access_denied'), error_description: Type.String() },
  { description: 'Programs cannot register themselves here.', additionalProperties: false },
);
