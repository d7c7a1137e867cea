import { type TProperties, Type } from 'typebox';

/** An object that takes no other fields: nothing is dropped silently. */
export const closed = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** The same with a name: a component of openapi.yaml. */
export const named = <P extends TProperties>(title: string, properties: P) =>
  Type.Object(properties, { title, additionalProperties: false });

export const audience = Type.String({ minLength: 1, maxLength: 255, description: 'The API, by its audience.' });
export const scope = Type.String({
  maxLength: 1000,
  description: 'Scopes, separated by spaces; unknown ones are dropped.',
});

/** Any text up to 255 characters: an odd name is a question like any other, and answered. */
export const anyName = Type.String({ maxLength: 255 });

export const user = named('User', {
  id: Type.String({ format: 'uuid' }),
  username: Type.String(),
  email: Type.String(),
  first_name: Type.String(),
  last_name: Type.String(),
});

export const session = named('Session', {
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

/** Every route here asks the database; one that changes something is held by the cross-origin rule too. */
export const reading = ['unavailable'] as const;
export const changing = ['cross_origin', 'unavailable'] as const;

/** Who asks: the cookie of a session, or nobody in particular. */
export const bySession = [{ session: [] }];
export const byAnybody: never[] = [];
