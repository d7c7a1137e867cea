import { defineEntity, p } from '@mikro-orm/core';
import { Principal } from '../permissions/index.ts';
import type { RequestedClaims } from '../tokens/index.ts';
import { Client } from './entities.ts';

const time = () => p.datetime().columnType('timestamptz');

const ConsentSchema = defineEntity({
  name: 'Consent',
  tableName: 'oauth_consent',
  indexes: [{ properties: ['client'] }],
  properties: {
    /** The user. */
    principal: () => p.manyToOne(Principal).mapToPk().primary().deleteRule('cascade'),
    client: () => p.manyToOne(Client).mapToPk().primary().deleteRule('cascade'),
    /** `NO_API` where only userinfo is meant. */
    api: p.uuid().fieldName('api_id').primary(),
    scopes: p.array().columnType('text[]'),
    /** Ids of permissions. */
    permissions: p.array().columnType('uuid[]'),
    createdAt: time(),
    updatedAt: time(),
  },
});
/** What a user has let a client do at an API, remembered until it is taken back. */
export class Consent extends ConsentSchema.class {}
ConsentSchema.setClass(Consent);

const StoredRequestSchema = defineEntity({
  name: 'StoredRequest',
  tableName: 'oauth_request',
  indexes: [{ properties: ['client'] }, { properties: ['expiresAt'] }],
  properties: {
    /** Of the secret that names it. */
    digest: p.blob().primary(),
    /** `pushed`: by the client (RFC 9126). `interaction`: waiting for its user to log in or to consent. */
    kind: p.enum(['interaction', 'pushed'] as const),
    /** Null for one that is known by its document, and to which nobody has agreed yet: it stands among the parameters. */
    client: () => p.manyToOne(Client).mapToPk().nullable().deleteRule('cascade'),
    parameters: p.json().$type<Record<string, string>>(),
    /** Of the secret of the browser that it belongs to. */
    browserDigest: p.blob().nullable(),
    createdAt: time(),
    expiresAt: time(),
    consumedAt: time().nullable(),
  },
});
/** An authorization request that is kept: what it asks for stays here, and only an opaque name travels. */
export class StoredRequest extends StoredRequestSchema.class {}
StoredRequestSchema.setClass(StoredRequest);

const AuthorizationCodeSchema = defineEntity({
  name: 'AuthorizationCode',
  tableName: 'oauth_code',
  indexes: [{ properties: ['client'] }, { properties: ['principal'] }, { properties: ['expiresAt'] }],
  properties: {
    digest: p.blob().primary(),
    client: () => p.manyToOne(Client).mapToPk().deleteRule('cascade'),
    /** The user. */
    principal: () => p.manyToOne(Principal).mapToPk().deleteRule('cascade'),
    passwordEpoch: p.integer(),
    session: p.uuid().fieldName('session_id'),
    authTime: time(),
    amr: p.array().columnType('text[]'),
    api: p.uuid().fieldName('api_id').nullable(),
    scope: p.string().columnType('text').nullable(),
    /** Ids of what was consented to; null for a first-party client. */
    permissions: p.array().columnType('uuid[]').nullable(),
    isOffline: p.boolean().default(false),
    /** As it was sent; null when it was not. */
    redirectUri: p.string().columnType('text').nullable(),
    codeChallenge: p.string().columnType('text').nullable(),
    nonce: p.string().columnType('text').nullable(),
    claims: p.json().$type<RequestedClaims>().nullable(),
    dpopJkt: p.string().columnType('text').nullable(),
    expiresAt: time(),
    consumedAt: time().nullable(),
    /** The interaction that it is the answer to: one interaction has one code, whichever it is. */
    request: p.blob().fieldName('request_digest').nullable().unique(),
    /** What it gave: ended when the code comes a second time. */
    grant: p.uuid().fieldName('grant_id').nullable(),
  },
});
/** An authorization code (RFC 6749 §4.1.2), of which only the digest is kept; redeemed once. */
export class AuthorizationCode extends AuthorizationCodeSchema.class {}
AuthorizationCodeSchema.setClass(AuthorizationCode);

const DeviceCodeSchema = defineEntity({
  name: 'DeviceCode',
  tableName: 'oauth_device',
  indexes: [{ properties: ['client'] }, { properties: ['principal'] }, { properties: ['expiresAt'] }],
  properties: {
    digest: p.blob().primary(),
    /** Without the dash that people see. */
    userCode: p.string().columnType('text').unique(),
    client: () => p.manyToOne(Client).mapToPk().deleteRule('cascade'),
    api: p.uuid().fieldName('api_id').nullable(),
    scope: p.string().columnType('text').nullable(),
    askedPermissions: p.array().columnType('uuid[]').nullable(),
    dpopJkt: p.string().columnType('text').nullable(),
    intervalSeconds: p.integer(),
    polledAt: time().nullable(),
    state: p.enum(['pending', 'approved', 'denied'] as const).default('pending'),
    decidedAt: time().nullable(),
    /** The user who approved. */
    principal: () => p.manyToOne(Principal).mapToPk().nullable().deleteRule('cascade'),
    passwordEpoch: p.integer().nullable(),
    /** In which it was decided. */
    session: p.uuid().fieldName('session_id').nullable(),
    authTime: time().nullable(),
    amr: p.array().columnType('text[]').nullable(),
    permissions: p.array().columnType('uuid[]').nullable(),
    isOffline: p.boolean().default(false),
    expiresAt: time(),
    consumedAt: time().nullable(),
    grant: p.uuid().fieldName('grant_id').nullable(),
  },
});
/** A device that waits for its user (RFC 8628). */
export class DeviceCode extends DeviceCodeSchema.class {}
DeviceCodeSchema.setClass(DeviceCode);

const ReplaySchema = defineEntity({
  name: 'Replay',
  tableName: 'oauth_replay',
  indexes: [{ properties: ['expiresAt'] }],
  properties: { digest: p.blob().primary(), expiresAt: time() },
});
/** Something that counts once, and has come: an assertion's or a proof's `jti`. */
export class Replay extends ReplaySchema.class {}
ReplaySchema.setClass(Replay);

const LogoutDeliverySchema = defineEntity({
  name: 'LogoutDelivery',
  tableName: 'oauth_logout_notice',
  indexes: [
    { properties: ['client'] },
    {
      name: 'oauth_logout_notice_due',
      properties: ['client', 'nextTryAt'],
      where: 'done_at is null and after_session_id is null',
    },
    { name: 'oauth_logout_notice_held', properties: ['afterSession'], where: 'after_session_id is not null' },
    { properties: ['doneAt'] },
  ],
  properties: {
    id: p.uuid().primary(),
    client: () => p.manyToOne(Client).mapToPk().deleteRule('cascade'),
    sub: p.uuid(),
    sid: p.uuid(),
    /** The session that took the place of `sid` when its user authenticated again: the notice waits for its end. */
    afterSession: p.uuid().fieldName('after_session_id').nullable(),
    createdAt: time(),
    nextTryAt: time(),
    tries: p.integer().default(0),
    lastError: p.string().columnType('text').nullable(),
    /** Delivered, or given up. */
    doneAt: time().nullable(),
  },
});
/** A logout that a client is to be told of (OpenID Connect Back-Channel Logout 1.0). */
export class LogoutDelivery extends LogoutDeliverySchema.class {}
LogoutDeliverySchema.setClass(LogoutDelivery);

const RegistrationTokenSchema = defineEntity({
  name: 'RegistrationToken',
  tableName: 'oauth_registration_token',
  properties: {
    digest: p.blob().primary(),
    label: p.string().columnType('text'),
    /** The APIs that clients registered with it may ask for. */
    apiIds: p.array().columnType('uuid[]'),
    usesLeft: p.integer(),
    createdAt: time(),
    expiresAt: time(),
  },
});
/** An initial access token (RFC 7591 §3), of which only the digest is kept. */
export class RegistrationToken extends RegistrationTokenSchema.class {}
RegistrationTokenSchema.setClass(RegistrationToken);
