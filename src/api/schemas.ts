import { type TProperties, Type } from 'typebox';

/** An object that takes no other fields: nothing is dropped silently. */
export const closed = <P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

export const audience = Type.String({ minLength: 1, maxLength: 255, description: 'The API, by its audience.' });
export const scope = Type.String({
  maxLength: 1000,
  description: 'Scopes, separated by spaces; unknown ones are dropped.',
});

/** Any text up to 255 characters: an odd name is a question like any other, and answered. */
export const anyName = Type.String({ maxLength: 255 });

export const user = closed({
  id: Type.String({ format: 'uuid' }),
  username: Type.String(),
  email: Type.String(),
  first_name: Type.String(),
  last_name: Type.String(),
});

export const session = closed({
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

const problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.Optional(Type.String()),
  errors: Type.Optional(
    Type.Array(Type.Object({ pointer: Type.String(), code: Type.String(), detail: Type.String() })),
  ),
});

/** Every refusal of the JSON API has one shape. */
export const refusals = {
  '4xx': { content: { 'application/problem+json': { schema: problem } } },
  '5xx': { content: { 'application/problem+json': { schema: problem } } },
};
