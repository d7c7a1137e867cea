import { Type } from 'typebox';
import { type App, readForm } from '../../platform/http/index.ts';
import { authorizeDevice, type DeviceEndpoint } from './authorize-device.ts';

const text = Type.Optional(Type.String());
const uri = Type.String({ format: 'uri' });

/** Where a device begins (RFC 8628 §3.1), below the rules that hold for every OAuth endpoint. */
export function deviceRoutes(app: App, deps: DeviceEndpoint): void {
  const schema = {
    operationId: 'authorizeDevice',
    tags: ['oauth'],
    security: [{ client: [] }, {}] as Record<string, string[]>[],
    summary: 'A device without a browser begins (RFC 8628 §3.1)',
    description: 'The client authenticates as at the token endpoint; a public one names itself by client_id.',
    form: Type.Object({
      scope: text,
      audience: text,
      resource: text,
      client_id: text,
      client_secret: text,
      client_assertion: text,
      client_assertion_type: text,
    }),
    response: { 200: begun },
    isThrottled: true,
    oauthErrors: ['invalid_client', 'unauthorized_client', 'invalid_scope', 'invalid_target'],
  } as const;
  app.post('/oauth2/device_authorization', { schema }, (request) =>
    authorizeDevice(deps, { authorization: request.headers.authorization, form: readForm(request) }, request.ip),
  );
}

const begun = Type.Object(
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
