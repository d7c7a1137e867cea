import { defineEntity, p } from '@mikro-orm/core';
import { apiSettingTable } from './api-settings/index.ts';

const { typ, alg, format, tokenKind, ttlSeconds, budgetBytes, overBudget } = apiSettingTable;

const PrincipalSchema = defineEntity({
  name: 'Principal',
  tableName: 'permissions_principal',
  properties: {
    id: p.uuid().primary(),
    kind: p.enum(['user', 'client'] as const),
    /** Grows with every change of this principal's rights; results computed at a lower version are stale. */
    permsVersion: p.integer().default(1),
  },
});
/** A user or a client: something that can have permissions. Both use the principal's id as their own. */
export class Principal extends PrincipalSchema.class {}
PrincipalSchema.setClass(Principal);

const ApiSchema = defineEntity({
  name: 'Api',
  tableName: 'permissions_api',
  uniques: [{ name: 'permissions_api_builtin', properties: ['isBuiltin'], where: 'is_builtin' }],
  checks: [
    {
      name: 'permissions_api_ttl',
      expression: `ttl_seconds >= ${ttlSeconds.from} and ttl_seconds <= ${ttlSeconds.to}`,
    },
    {
      name: 'permissions_api_budget',
      expression: `budget_bytes >= ${budgetBytes.from} and budget_bytes <= ${budgetBytes.to}`,
    },
  ],
  properties: {
    id: p.uuid().primary(),
    audience: p.string().columnType('text'),
    /** The audience without a trailing slash: two that differ by one are the same. */
    audienceKey: p.string().columnType('text').unique(),
    name: p.string().columnType('text'),
    isBuiltin: p.boolean().default(false),
    typ: p.enum(typ.choices).default(typ.default),
    ttlSeconds: p.integer().default(ttlSeconds.default),
    budgetBytes: p.integer().default(budgetBytes.default),
    withUsername: p.boolean().default(apiSettingTable.withUsername.default),
    withSourceId: p.boolean().default(apiSettingTable.withSourceId.default),
    nextIndex: p.integer().default(0),
    catalogueVersion: p.integer().default(0),
    catalogueHash: p.string().columnType('text').default(''),
    isCataloguePublic: p.boolean().default(apiSettingTable.isCataloguePublic.default),
    /** A key is created when the first API uses an algorithm. */
    alg: p.enum(alg.choices).default(alg.default),
    tokenKind: p.enum(tokenKind.choices).default(tokenKind.default),
    format: p.enum(format.choices).default(format.default),
    overBudget: p.enum(overBudget.choices).default(overBudget.default),
    withSuperseded: p.boolean().default(apiSettingTable.withSuperseded.default),
    /** Grows with every change of this row; a cached copy is valid while the version is the same. */
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
    /** Indexes assigned up to this version, and bits of its bitmaps. */
    length: p.integer(),
  },
});
/** A version of an API's catalogue; its hash and length are needed to read tokens of that version. */
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
/** A model of an app of an API: Django's content type. */
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
    /** Its index in the catalogue; never reused. */
    index: p.integer(),
    addedVersion: p.integer(),
    removedVersion: p.integer().nullable(),
  },
});
/** A permission of one API. A removed one stays as a tombstone, so that its index is never reused. */
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
/** A named set of permissions, of any APIs, for its members. */
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
/** A permission assigned to a principal directly. (The word *grant* is OAuth's.) */
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
    /** Ids; null for every API. No foreign key: the change outlives its API. */
    apis: p.array().columnType('uuid[]').nullable(),
    /** The last processed ordinal. */
    done: p.integer().default(0),
  },
});
/** A change of rights, committed, whose principals get their new versions and statuses in batches. */
export class FanOut extends FanOutSchema.class {}
FanOutSchema.setClass(FanOut);

const FanOutPrincipalSchema = defineEntity({
  name: 'FanOutPrincipal',
  tableName: 'permissions_fan_out_principal',
  properties: {
    /** No foreign keys: a hundred thousand of these rows are written at once, and a row of a deleted principal does no harm. */
    fanOut: p.uuid().primary().fieldName('fan_out_id'),
    /** From 1, without gaps: a batch is selected by its bounds, so missing statistics of new rows do not matter. */
    ordinal: p.integer().primary(),
    principal: p.uuid().fieldName('principal_id'),
  },
});
/** A principal that still waits for its batch. */
export class FanOutPrincipal extends FanOutPrincipalSchema.class {}
FanOutPrincipalSchema.setClass(FanOutPrincipal);
