import { defineEntity, p } from '@mikro-orm/core';
import { Principal } from '../access/index.ts';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'identity_user',
  uniques: [{ name: 'identity_user_verified_email', properties: ['emailKey'], where: 'email_verified_at is not null' }],
  indexes: [{ properties: ['emailKey'] }, { properties: ['dateJoined', 'id'] }],
  properties: {
    id: () => p.oneToOne(Principal).primary().mapToPk().joinColumn('id').deleteRule('cascade'),
    username: p.string().columnType('text'),
    usernameKey: p.string().columnType('text').unique(),
    email: p.string().columnType('text').default(''),
    /** Folded form; null when there is no address. */
    emailKey: p.string().columnType('text').nullable(),
    emailVerifiedAt: p.datetime().columnType('timestamptz').nullable(),
    firstName: p.string().columnType('text').default(''),
    lastName: p.string().columnType('text').default(''),
    password: p.string().columnType('text').hidden(),
    /** Grows when the password is changed; sessions of an older epoch are over. A hash upgrade leaves it alone. */
    passwordEpoch: p.integer().default(1),
    isActive: p.boolean().default(true),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
    dateJoined: p.datetime().columnType('timestamptz'),
    lastLogin: p.datetime().columnType('timestamptz').nullable(),
    /** Set when the user was deleted: the row stays for its id, which is never given again; everything personal is erased. */
    deletedAt: p.datetime().columnType('timestamptz').nullable(),
    attributes: p
      .json()
      .$type<Record<string, unknown>>()
      .onCreate(() => ({})),
  },
});
/** A person who can log in. */
export class User extends UserSchema.class {}
UserSchema.setClass(User);

const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'identity_session',
  indexes: [
    { name: 'identity_session_live', properties: ['user'], where: 'ended_at is null' },
    { name: 'identity_session_form', properties: ['formDigest'], where: 'form_digest is not null' },
    { properties: ['expiresAt'] },
  ],
  properties: {
    /** The public id, `sid` in tokens. The cookie holds another, secret value. */
    id: p.uuid().primary(),
    tokenDigest: p.blob().unique(),
    user: () => p.manyToOne(User).mapToPk().deleteRule('cascade'),
    passwordEpoch: p.integer(),
    authTime: p.datetime().columnType('timestamptz'),
    amr: p.array().columnType('text[]'),
    createdAt: p.datetime().columnType('timestamptz'),
    lastSeenAt: p.datetime().columnType('timestamptz'),
    idleExpiresAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
    endedAt: p.datetime().columnType('timestamptz').nullable(),
    endedReason: p.string().columnType('text').nullable(),
    ip: p.string().columnType('text').nullable(),
    userAgent: p.string().columnType('text').nullable(),
    /** Names the form that it came of, for its browser alone; gone with the first time that the session is seen later. */
    formDigest: p.blob().nullable(),
  },
});
/** A log-in at one browser or program, kept by the server. */
export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);

const ThrottleSchema = defineEntity({
  name: 'Throttle',
  tableName: 'identity_throttle',
  indexes: [{ properties: ['expiresAt'] }],
  properties: {
    keyDigest: p.blob().primary(),
    failures: p.integer(),
    /** The limit that the last reservation met. */
    maxFailures: p.integer(),
    windowStartedAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** What is counted for one key in one window: failed attempts (a name at a network, a network, a name), or rows that a network made. */
export class Throttle extends ThrottleSchema.class {}
ThrottleSchema.setClass(Throttle);

const KnownNetworkSchema = defineEntity({
  name: 'KnownNetwork',
  tableName: 'identity_known_network',
  indexes: [{ properties: ['lastSuccessAt'] }],
  properties: {
    user: () => p.manyToOne(User).mapToPk().primary().deleteRule('cascade'),
    networkDigest: p.blob().primary(),
    lastSuccessAt: p.datetime().columnType('timestamptz'),
  },
});
/** A network from which a user has logged in. */
export class KnownNetwork extends KnownNetworkSchema.class {}
KnownNetworkSchema.setClass(KnownNetwork);

const LinkSchema = defineEntity({
  name: 'Link',
  tableName: 'identity_link',
  indexes: [{ properties: ['expiresAt'] }],
  properties: {
    tokenDigest: p.blob().primary(),
    purpose: p.enum(['setup', 'reset', 'verify', 'magic', 'invite'] as const),
    user: () => p.manyToOne(User).mapToPk().nullable().deleteRule('cascade'),
    payload: p
      .json()
      .$type<Record<string, unknown>>()
      .onCreate(() => ({})),
    expiresAt: p.datetime().columnType('timestamptz'),
    consumedAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
/** A secret that is good for one act, once. */
export class Link extends LinkSchema.class {}
LinkSchema.setClass(Link);

const ImportSchema = defineEntity({
  name: 'ImportedRecord',
  tableName: 'identity_import',
  indexes: [{ properties: ['localId'] }],
  properties: {
    /** Audience of the API that the record was imported for. */
    source: p.string().columnType('text').primary(),
    kind: p.enum(['user', 'group', 'permission'] as const).primary(),
    /** Primary key or natural key in the source, as JSON. */
    sourcePk: p.string().columnType('text').primary(),
    localId: p.uuid(),
    /** SHA-256 of the record as imported: tells a change in the source from one in Signet. */
    importedDigest: p.blob(),
    /** What was imported last, by field: digests of what says who somebody is. Null: an earlier version imported it, or it is deleted. */
    imported: p.json().$type<Record<string, unknown>>().nullable(),
  },
});
/** What an imported record became here. */
export class ImportedRecord extends ImportSchema.class {}
ImportSchema.setClass(ImportedRecord);

const StagedSchema = defineEntity({
  name: 'StagedRow',
  tableName: 'identity_import_staged',
  properties: {
    importId: p.uuid().primary(),
    ordinal: p.integer().primary(),
    kind: p.string().columnType('text'),
    row: p.json().$type<Record<string, unknown>>(),
  },
});
/** A row of an import under way. Nothing reads it but that import; what a crash leaves here is dropped at the next start. */
export class StagedRow extends StagedSchema.class {}
StagedSchema.setClass(StagedRow);
