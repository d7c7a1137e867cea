import { Type } from 'typebox';
import { type App, readForm } from '../../platform/http/index.ts';
import { authorizeDevice, type DeviceEndpoint } from './authorize-device.ts';

const optionalText = Type.Optional(Type.String());
const uri = Type.String({ format: 'uri' });

/** The device authorization endpoint (RFC 8628 §3.1), under the rules of every OAuth endpoint. */
export function deviceRoutes(app: App, deps: DeviceEndpoint): void {
  const schema = {
    operationId: 'authorizeDevice',
    tags: ['oauth'],
    security: [{ client: [] }, {}] as Record<string, string[]>[],
    summary: 'A device without a browser begins (RFC 8628 §3.1)',
    description: 'The client authenticates as at the token endpoint; a public one names itself by client_id.',
    form: Type.Object({
      scope: optionalText,
      audience: optionalText,
      resource: optionalText,
      client_id: optionalText,
      client_secret: optionalText,
      client_assertion: optionalText,
      client_assertion_type: optionalText,
    }),
    response: { 200: deviceAuthorizationSchema },
    isThrottled: true,
    oauthErrors: ['invalid_client', 'unauthorized_client', 'invalid_scope', 'invalid_target'],
  } as const;
  app.post('/oauth2/device_authorization', { schema }, (request) =>
    authorizeDevice(deps, { authorization: request.headers.authorization, form: readForm(request) }, request.ip),
  );
}

const deviceAuthorizationSchema = Type.Object(
  {
    device_code: Type.String(),
    user_code: Type.String({ description: 'For people, as they see it.' }),
    verification_uri: uri,
    verification_uri_complete: uri,
    expires_in: Type.Integer({ description: 'Seconds.' }),
    interval: Type.Integer({ description: 'Seconds between two questions.' }),
  },
  { title: 'DeviceAuthorization', additionalProperties: false },
);
