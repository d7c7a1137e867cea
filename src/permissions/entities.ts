import { defineEntity, p } from '@mikro-orm/core';

const PrincipalSchema = defineEntity({
  name: 'Principal',
  tableName: 'permissions_principal',
  properties: {
    id: p.uuid().primary(),
    kind: p.enum(['user', 'client'] as const),
    /** Grows with every change of what this principal may do; what was computed at a lower version is stale. */
    permsVersion: p.integer().default(1),
  },
});
/** Whoever can hold permissions: a user or a client. Both use the principal's id as their own. */
export class Principal extends PrincipalSchema.class {}
PrincipalSchema.setClass(Principal);

const ApiSchema = defineEntity({
  name: 'Api',
  tableName: 'permissions_api',
  uniques: [{ name: 'permissions_api_builtin', properties: ['isBuiltin'], where: 'is_builtin' }],
  checks: [
    { name: 'permissions_api_ttl', expression: 'ttl_seconds >= 60 and ttl_seconds <= 900' },
    { name: 'permissions_api_budget', expression: 'budget_bytes >= 1024 and budget_bytes <= 8192' },
  ],
  properties: {
    id: p.uuid().primary(),
    audience: p.string().columnType('text'),
    /** The audience without a trailing slash: two that differ by one are the same. */
    audienceKey: p.string().columnType('text').unique(),
    name: p.string().columnType('text'),
    isBuiltin: p.boolean().default(false),
    typ: p.enum(['at+jwt', 'JWT'] as const).default('at+jwt'),
    ttlSeconds: p.integer().default(600),
    budgetBytes: p.integer().default(4096),
    withUsername: p.boolean().default(true),
    withSourceId: p.boolean().default(false),
    nextIndex: p.integer().default(0),
    catalogueVersion: p.integer().default(0),
    catalogueHash: p.string().columnType('text').default(''),
    /** Whether everybody may read the catalogue, or only who authenticates. */
    isCataloguePublic: p.boolean().default(true),
    /** What signs its tokens; a key of it is made when an API asks for it. */
    alg: p.enum(['RS256', 'ES256', 'EdDSA'] as const).default('RS256'),
    /** What its tokens are: JWTs that verifiers read themselves, or sealed ones that only introspection reads. */
    tokenKind: p.enum(['jwt', 'opaque'] as const).default('jwt'),
    /** How its tokens say what their holder may do. */
    format: p.enum(['list', 'bitmap', 'scope', 'none'] as const).default('list'),
    /** What becomes of a list that is over the budget. */
    overBudget: p.enum(['bitmap', 'fail'] as const).default('bitmap'),
    /** Whether tokens are marked when something was added that they do not say; off for verifiers that know the status 0 alone. */
    withSuperseded: p.boolean().default(true),
    /** Grows with every change of this row; what a process keeps of it is good while the version is the same. */
    version: p.integer().version(),
  },
});
/** A resource server that accepts Signet's tokens; it owns models and permissions. */
export class Api extends ApiSchema.class {}
ApiSchema.setClass(Api);

const CatalogueVersionSchema = defineEntity({
  name: 'CatalogueVersion',
  tableName: 'permissions_catalogue_version',
  properties: {
    api: () => p.manyToOne(Api).mapToPk().primary().deleteRule('cascade'),
    version: p.integer().primary(),
    hash: p.string().columnType('text'),
    /** Indexes given until then: a bitmap of this version has so many bits. */
    length: p.integer(),
  },
});
/** A version that the catalogue of an API has had; by its hash and length a token of that version is read. */
export class CatalogueVersion extends CatalogueVersionSchema.class {}
CatalogueVersionSchema.setClass(CatalogueVersion);

const ModelSchema = defineEntity({
  name: 'Model',
  tableName: 'permissions_model',
  uniques: [{ properties: ['api', 'appLabel', 'model'] }],
  properties: {
    id: p.uuid().primary(),
    api: () => p.manyToOne(Api).mapToPk().deleteRule('cascade'),
    appLabel: p.string().columnType('text'),
    model: p.string().columnType('text'),
  },
});
/** A model of one of an API's apps: Django's content type. */
export class Model extends ModelSchema.class {}
ModelSchema.setClass(Model);

const PermissionSchema = defineEntity({
  name: 'Permission',
  tableName: 'permissions_permission',
  uniques: [
    { properties: ['api', 'index'] },
    { name: 'permissions_permission_live_name', properties: ['api', 'name'], where: 'removed_version is null' },
  ],
  indexes: [{ properties: ['model'] }],
  properties: {
    id: p.uuid().primary(),
    api: () => p.manyToOne(Api).mapToPk().deleteRule('cascade'),
    model: () => p.manyToOne(Model).mapToPk().nullable().deleteRule('set null'),
    /** `<app>.<codename>`, byte for byte. */
    name: p.string().columnType('text'),
    label: p.string().columnType('text'),
    /** Its place in the catalogue; given once, never again. */
    index: p.integer(),
    addedVersion: p.integer(),
    removedVersion: p.integer().nullable(),
  },
});
/** Something that may be done at one API. A removed one stays as a tombstone, so that its index is never given again. */
export class Permission extends PermissionSchema.class {}
PermissionSchema.setClass(Permission);

const GroupSchema = defineEntity({
  name: 'Group',
  tableName: 'permissions_group',
  properties: {
    id: p.uuid().primary(),
    name: p.string().columnType('text'),
    nameKey: p.string().columnType('text').unique(),
  },
});
/** A named set of permissions, of any APIs, that its members hold. */
export class Group extends GroupSchema.class {}
GroupSchema.setClass(Group);

const GroupPermissionSchema = defineEntity({
  name: 'GroupPermission',
  tableName: 'permissions_group_permission',
  indexes: [{ properties: ['permission'] }],
  properties: {
    group: () => p.manyToOne(Group).mapToPk().primary().deleteRule('cascade'),
    permission: () => p.manyToOne(Permission).mapToPk().primary().deleteRule('cascade'),
    endsAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
export class GroupPermission extends GroupPermissionSchema.class {}
GroupPermissionSchema.setClass(GroupPermission);

const GroupMemberSchema = defineEntity({
  name: 'GroupMember',
  tableName: 'permissions_group_member',
  indexes: [{ properties: ['group', 'principal'] }],
  properties: {
    principal: () => p.manyToOne(Principal).mapToPk().primary().deleteRule('cascade'),
    group: () => p.manyToOne(Group).mapToPk().primary().deleteRule('cascade'),
    endsAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
export class GroupMember extends GroupMemberSchema.class {}
GroupMemberSchema.setClass(GroupMember);

const AssignmentSchema = defineEntity({
  name: 'Assignment',
  tableName: 'permissions_assignment',
  indexes: [{ properties: ['permission'] }],
  properties: {
    principal: () => p.manyToOne(Principal).mapToPk().primary().deleteRule('cascade'),
    permission: () => p.manyToOne(Permission).mapToPk().primary().deleteRule('cascade'),
    endsAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
/** A permission given to a principal directly. (The word *grant* is OAuth's.) */
export class Assignment extends AssignmentSchema.class {}
AssignmentSchema.setClass(Assignment);

const RoleSchema = defineEntity({
  name: 'Role',
  tableName: 'permissions_role',
  indexes: [{ properties: ['api'] }],
  properties: {
    principal: () => p.manyToOne(Principal).mapToPk().primary().deleteRule('cascade'),
    api: () => p.manyToOne(Api).mapToPk().primary().deleteRule('cascade'),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
  },
});
/** Django's two flags at one API: the superuser of an imported project is superuser of that API only. */
export class Role extends RoleSchema.class {}
RoleSchema.setClass(Role);

const FanOutSchema = defineEntity({
  name: 'FanOut',
  tableName: 'permissions_fan_out',
  properties: {
    id: p.uuid().primary(),
    kind: p.enum(['added', 'removed'] as const),
    /** Ids; null for every API. No reference: a change outlives the API that it was of. */
    apis: p.array().columnType('uuid[]').nullable(),
    /** The last ordinal that a batch has reached. */
    done: p.integer().default(0),
  },
});
/** A change of rights that has happened, whose principals get their new versions and statuses in batches. */
export class FanOut extends FanOutSchema.class {}
FanOutSchema.setClass(FanOut);

const FanOutPrincipalSchema = defineEntity({
  name: 'FanOutPrincipal',
  tableName: 'permissions_fan_out_principal',
  properties: {
    /** No references: a hundred thousand of these are written at once, and one whose principal is gone does no harm. */
    fanOut: p.uuid().primary().fieldName('fan_out_id'),
    /** From 1, without a gap: a batch is found by its bounds, however little the planner knows of what was written just now. */
    ordinal: p.integer().primary(),
    principal: p.uuid().fieldName('principal_id'),
  },
});
/** A principal that a batch has not reached yet. */
export class FanOutPrincipal extends FanOutPrincipalSchema.class {}
FanOutPrincipalSchema.setClass(FanOutPrincipal);
