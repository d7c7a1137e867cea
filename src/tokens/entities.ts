import { defineEntity, p } from '@mikro-orm/core';
import { Api, Principal } from '../permissions/index.ts';

/** OIDC Core §5.5: claims asked for by name, for the ID token and for userinfo. */
export interface RequestedClaims {
  readonly idToken: readonly string[];
  readonly userinfo: readonly string[];
}

const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'tokens_signing_key',
  uniques: [
    { name: 'tokens_signing_key_current', properties: ['alg'], where: "state = 'current'" },
    { name: 'tokens_signing_key_next', properties: ['alg'], where: "state = 'next'" },
  ],
  checks: [{ name: 'tokens_signing_key_gone', expression: "state <> 'gone' or octet_length(private_sealed) = 0" }],
  properties: {
    /** RFC 7638 thumbprint. */
    kid: p.string().columnType('text').primary(),
    alg: p.enum(['RS256', 'ES256', 'EdDSA'] as const),
    publicJwk: p.json().$type<Record<string, string>>(),
    /** PKCS #8, sealed under the master key; empty once the key is gone. */
    privateSealed: p.blob(),
    state: p.enum(['next', 'current', 'retiring', 'gone'] as const),
    createdAt: p.datetime().columnType('timestamptz'),
    publishedAt: p.datetime().columnType('timestamptz').nullable(),
    /** When it is to sign: decided when it is published. */
    activateAt: p.datetime().columnType('timestamptz').nullable(),
    /** When it began to sign. */
    activatedAt: p.datetime().columnType('timestamptz').nullable(),
    /** When it is to go, or went. */
    retireAt: p.datetime().columnType('timestamptz').nullable(),
  },
});
export class SigningKey extends SigningKeySchema.class {}
SigningKeySchema.setClass(SigningKey);

const RevokedSchema = defineEntity({
  name: 'RevokedToken',
  tableName: 'tokens_revoked',
  indexes: [{ properties: ['expiresAt'] }],
  properties: {
    jti: p.uuid().primary(),
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** An access token that was revoked before its time (RFC 7009); forgotten when it would have expired anyway. */
export class RevokedToken extends RevokedSchema.class {}
RevokedSchema.setClass(RevokedToken);

const GrantSchema = defineEntity({
  name: 'RefreshGrant',
  tableName: 'tokens_grant',
  indexes: [
    { properties: ['principal'] },
    { properties: ['client'] },
    { properties: ['session'], name: 'tokens_grant_session', where: 'ended_at is null' },
    { properties: ['expiresAt'] },
    { properties: ['endedAt'], name: 'tokens_grant_ended', where: 'ended_at is not null' },
  ],
  properties: {
    id: p.uuid().primary(),
    /** Random; every refresh token of the family is a MAC over its generation and this. */
    seed: p.blob(),
    /** The user. */
    principal: () => p.manyToOne(Principal).mapToPk().deleteRule('cascade'),
    client: () => p.manyToOne(Principal).mapToPk().joinColumn('client_id').deleteRule('cascade'),
    /** Null: for userinfo alone. */
    api: () => p.manyToOne(Api).mapToPk().nullable().deleteRule('cascade'),
    /** The session that it was opened in; it ends with it. No reference: the grant may outlive the row. */
    session: p.uuid().fieldName('session_id').nullable(),
    passwordEpoch: p.integer(),
    authTime: p.datetime().columnType('timestamptz').nullable(),
    amr: p.array().columnType('text[]').nullable(),
    scope: p.string().columnType('text').nullable(),
    /** Ids of what was consented to; null for a first-party client, which carries its users' permissions uncut. */
    permissions: p.array().columnType('uuid[]').nullable(),
    /** Opened with the scope `offline_access`: a logout does not end it (OIDC Core §11). */
    isOffline: p.boolean().default(false),
    /** Whether it has refresh tokens at all; without, it is what its access tokens live by. */
    isRefreshable: p.boolean().default(true),
    /** The key that its tokens are bound to (RFC 9449 §5). */
    dpopJkt: p.string().columnType('text').nullable(),
    /** What was asked for by the parameter `claims` (OIDC Core §5.5). */
    claims: p.json().$type<RequestedClaims>().nullable(),
    generation: p.integer().default(0),
    createdAt: p.datetime().columnType('timestamptz'),
    rotatedAt: p.datetime().columnType('timestamptz'),
    /** The last use since then that gave the same refresh token again, to within a hundredth of what it may be idle. */
    usedAt: p.datetime().columnType('timestamptz').nullable(),
    idleExpiresAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
    endedAt: p.datetime().columnType('timestamptz').nullable(),
    endedReason: p.string().columnType('text').nullable(),
  },
});
/** What a client holds for a user: the family of its refresh tokens. */
export class RefreshGrant extends GrantSchema.class {}
GrantSchema.setClass(RefreshGrant);

const StatusSchema = defineEntity({
  name: 'TokenStatus',
  tableName: 'tokens_status',
  uniques: [
    { name: 'tokens_status_current', properties: ['holder', 'api'], where: 'is_current' },
    {
      name: 'tokens_status_exchanged',
      properties: ['holder', 'api', 'through'],
      where: 'through is not null and state = 0',
    },
  ],
  indexes: [
    { properties: ['holder'] },
    { properties: ['principal', 'api'] },
    { properties: ['changed'] },
    { properties: ['expiresAt'] },
    { name: 'tokens_status_moved', properties: ['list', 'idx'], where: 'state <> 0' },
    { name: 'tokens_status_through', properties: ['through'], type: 'gin', where: 'through is not null' },
  ],
  checks: [{ name: 'tokens_status_state', expression: 'state >= 0 and state <= 3' }],
  properties: {
    list: p.integer().primary(),
    idx: p.integer().primary(),
    /** The session, the grant, or the principal whose tokens carry it. */
    holder: p.uuid().fieldName('holder_id'),
    api: p.uuid().fieldName('api_id'),
    /** Whose rights those tokens state. */
    principal: p.uuid().fieldName('principal_id'),
    /**
     * Of tokens that were exchanged (RFC 8693): the principals who act by them, and the client that had the first; sorted. They end
     * with each of them too. Null for the holder's own.
     */
    through: p.array().columnType('uuid[]').nullable(),
    /** 0 valid, 1 revoked, 2 suspended, 3 superseded. */
    state: p.smallint().default(0),
    /** What the holder's own next token carries; one that was left behind keeps its state until its tokens have expired. */
    isCurrent: p.boolean().default(true),
    /** The transaction that wrote the state: who reads changes asks for those since the oldest one that was running then. */
    changed: p.string().columnType('xid8').defaultRaw('pg_current_xact_id()'),
    /** From then on nothing carries it any more, and the index is free. */
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** A place in a status list (draft-ietf-oauth-status-list) and what it says. */
export class TokenStatus extends StatusSchema.class {}
StatusSchema.setClass(TokenStatus);
