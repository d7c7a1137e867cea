import { type TOptional, Type } from 'typebox';
import { clientSettingTable, type SettingName } from '../client-settings/index.ts';

const uri = Type.String({ minLength: 1, maxLength: 2000 });
const uris = Type.Array(uri, { maxItems: 50 });
const text = Type.String({ minLength: 1, maxLength: 200 });
const texts = Type.Array(text, { maxItems: 20 });
const optional = Type.Optional;

const jwks = Type.Object({ keys: Type.Array(Type.Object({}), { maxItems: 20 }) });
const boolean = Type.Boolean();

/** The members of settings, by their kind. The values of choices are checked later, for an error that names them. */
const byKind = { boolean, choice: text, url: uri, redirects: uris, keys: jwks, text, texts, seconds: Type.Integer() };
type SettingMembers = {
  [Name in SettingName as Exclude<(typeof clientSettingTable)[Name]['member'], null>]: TOptional<
    (typeof byKind)[(typeof clientSettingTable)[Name]['kind']]
  >;
};

function settingMembers(): SettingMembers {
  const members = Object.values(clientSettingTable).flatMap((one) => {
    if (one.member === null) return [];
    const schema = one.kind === 'seconds' ? Type.Integer({ minimum: one.from, maximum: one.to }) : byKind[one.kind];
    return [[one.member, optional(schema)]];
  });
  return Object.fromEntries(members);
}

const members = {
  redirect_uris: optional(uris),
  token_endpoint_auth_method: optional(text),
  grant_types: optional(texts),
  response_types: optional(texts),
  client_name: optional(Type.String({ minLength: 1, maxLength: 150 })),
  scope: optional(Type.String({ maxLength: 2000 })),
  application_type: optional(text),
  ...settingMembers(),
};

/** RFC 7591 §2: unknown members are ignored, known ones are validated. */
export const clientMetadataSchema = Type.Object(members, {
  title: 'ClientMetadata',
  description: 'RFC 7591 §2. Other members are ignored; those here must have their types.',
});
export type ClientMetadata = Type.Static<typeof clientMetadataSchema>;

/** RFC 7591 §3.2.1. */
export const registeredClientSchema = Type.Object(
  {
    client_id: Type.String(),
    client_id_issued_at: Type.Integer({ description: 'Seconds since 1970.' }),
    client_secret: optional(Type.String({ description: 'Shown this once.' })),
    client_secret_expires_at: optional(Type.Integer({ description: '0: it does not expire.' })),
    ...members,
  },
  { title: 'RegisteredClient', additionalProperties: false },
);
