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
    /** `NO_API` for userinfo alone. */
    api: p.uuid().fieldName('api_id').primary(),
    scopes: p.array().columnType('text[]'),
    /** Ids of permissions. */
    permissions: p.array().columnType('uuid[]'),
    createdAt: time(),
    updatedAt: time(),
  },
});
/** What a user has consented to for a client at an API, until it is revoked. */
export class Consent extends ConsentSchema.class {}
ConsentSchema.setClass(Consent);

const StoredRequestSchema = defineEntity({
  name: 'StoredRequest',
  tableName: 'oauth_request',
  indexes: [{ properties: ['client'] }, { properties: ['expiresAt'] }],
  properties: {
    /** Digest of the secret that names the request. */
    digest: p.blob().primary(),
    /** `pushed`: sent by the client (RFC 9126). `interaction`: waits for its user to sign in or consent. */
    kind: p.enum(['interaction', 'pushed'] as const),
    /** Null for a client of a metadata document to which no user has consented yet: its id is among the parameters. */
    client: () => p.manyToOne(Client).mapToPk().nullable().deleteRule('cascade'),
    parameters: p.json().$type<Record<string, string>>(),
    /** Digest of the secret of the browser that it belongs to. */
    browserDigest: p.blob().nullable(),
    createdAt: time(),
    expiresAt: time(),
    consumedAt: time().nullable(),
  },
});
/** A stored authorization request: its parameters stay here, and only an opaque name travels. */
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
    /** Ids of consented permissions; null for a first-party client. */
    permissions: p.array().columnType('uuid[]').nullable(),
    isOffline: p.boolean().default(false),
    /** As sent in the request; null when it was not. */
    redirectUri: p.string().columnType('text').nullable(),
    codeChallenge: p.string().columnType('text').nullable(),
    nonce: p.string().columnType('text').nullable(),
    claims: p.json().$type<RequestedClaims>().nullable(),
    dpopJkt: p.string().columnType('text').nullable(),
    expiresAt: time(),
    consumedAt: time().nullable(),
    /** The interaction that it completes: one interaction has one code at most. */
    request: p.blob().fieldName('request_digest').nullable().unique(),
    /** The grant that it was redeemed for; ended when the code is presented again. */
    grant: p.uuid().fieldName('grant_id').nullable(),
  },
});
/** An authorization code (RFC 6749 §4.1.2); only its digest is stored. It is redeemed once. */
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
    /** The session in which the user decided. */
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
/** The `jti` of a used assertion or proof. */
export class Replay extends ReplaySchema.class {}
ReplaySchema.setClass(Replay);

const RegistrationTokenSchema = defineEntity({
  name: 'RegistrationToken',
  tableName: 'oauth_registration_token',
  properties: {
    digest: p.blob().primary(),
    label: p.string().columnType('text'),
    /** The APIs that clients registered with it may request. */
    apiIds: p.array().columnType('uuid[]'),
    usesLeft: p.integer(),
    createdAt: time(),
    expiresAt: time(),
  },
});
/** An initial access token (RFC 7591 §3); only its digest is stored. */
export class RegistrationToken extends RegistrationTokenSchema.class {}
RegistrationTokenSchema.setClass(RegistrationToken);
