import { Type } from 'typebox';
import { component, object } from '../schemas.ts';

const version = Type.Integer({ minimum: 0 });
const hash = Type.String({
  description:
    'SHA-256, base64url, of the UTF-8 lines `index TAB name LF` in index order; a removed one has an empty name.',
});
const names = Type.Array(Type.String());

export const catalogue = component('Catalogue', {
  audience: Type.String({ description: "The `aud` of the API's tokens." }),
  version,
  hash,
  versions: Type.Array(
    object({
      version,
      hash,
      length: Type.Integer({ description: 'Indexes given until then: a bitmap of this version has so many bits.' }),
    }),
    { description: 'Every version until this one.' },
  ),
  permissions: Type.Array(
    object({
      index: Type.Integer({ description: 'Its bit; given once and never again.' }),
      name: Type.String({ description: 'Empty when it was removed: there is no name to grant by.' }),
      label: Type.String(),
      removed: Type.Optional(Type.Literal(true)),
    }),
    { description: 'By index, without gaps.' },
  ),
});

const model = Type.Union([
  Type.String(),
  Type.Object({}, { additionalProperties: Type.Array(Type.String()), description: 'A model with its own actions.' }),
]);

export const published = object({
  apps: Type.Object(
    {},
    {
      additionalProperties: object({
        models: Type.Optional(Type.Array(model, { maxItems: 10_000 })),
        permissions: Type.Optional(
          Type.Object(
            {},
            { additionalProperties: Type.String({ maxLength: 255 }), description: 'Labels by codename.' },
          ),
        ),
      }),
      description: 'By app label, as in the file of `signet api sync`; 10,000 permissions at the most.',
    },
  ),
  prune: Type.Optional(Type.Boolean({ description: 'Remove what is not named. Removed permissions never come back.' })),
  dry_run: Type.Optional(Type.Boolean({ description: 'Say what would be done, and do nothing.' })),
});

export const publication = component('Publication', {
  audience: Type.String(),
  version,
  hash,
  dry_run: Type.Boolean(),
  added: names,
  relabelled: names,
  removed: names,
  kept: Type.Array(Type.String(), { description: 'In the catalogue and not named here.' }),
  holders_count: Type.Integer({
    description: 'Permissions that were removed, counted once for each who held one directly.',
  }),
  holders: Type.Array(
    object({
      permission: Type.String(),
      kind: Type.Union([Type.Literal('user'), Type.Literal('client'), Type.Literal('group')]),
      name: Type.String({
        description:
          'A group by its name, a client by its id; a user by name where tokens of the API carry it, else by `sub`.',
      }),
    }),
    { description: 'The first fifty of them.', maxItems: 50 },
  ),
});
