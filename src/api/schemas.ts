import { type TProperties, Type } from 'typebox';

/** An object without additional properties: unknown fields are refused, not dropped. */
export const object = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** The same with a title: a component of openapi.yaml. */
export const component = <P extends TProperties>(title: string, properties: P) =>
  Type.Object(properties, { title, additionalProperties: false });

export const audience = Type.String({ minLength: 1, maxLength: 255, description: 'The API, by its audience.' });
export const scope = Type.String({
  maxLength: 1000,
  description: 'Scopes, separated by spaces; unknown ones are dropped.',
});

/** Any text up to 255 characters: an unusual name is a valid question. */
export const anyName = Type.String({ maxLength: 255 });

export const user = component('User', {
  id: Type.String({ format: 'uuid' }),
  username: Type.String(),
  email: Type.String(),
  first_name: Type.String(),
  last_name: Type.String(),
});

export const session = component('Session', {
  id: Type.String({ format: 'uuid', description: 'The `sid` of its tokens; not the value of the cookie.' }),
  created_at: Type.String({ format: 'date-time' }),
  last_seen_at: Type.String({ format: 'date-time' }),
  expires_at: Type.String({ format: 'date-time' }),
  auth_time: Type.String({ format: 'date-time' }),
  amr: Type.Array(Type.String()),
});

export const accessToken = {
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'Seconds.' }),
};

/** The problems of every route: all read the database; one that changes data is subject to the cross-origin rule too. */
export const readErrors = ['unavailable'] as const;
export const writeErrors = ['cross_origin', 'unavailable'] as const;

/** The security requirement: the session cookie, or none. */
export const sessionAccess = [{ session: [] }];
export const publicAccess: never[] = [];
