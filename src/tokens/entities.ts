import { defineEntity, p } from '@mikro-orm/core';
import { Api, Principal } from '../permissions/index.ts';

/** OIDC Core §5.5: claims requested by name, for the ID token and for userinfo. */
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
    /** When it starts to sign; set when it is published. */
    activateAt: p.datetime().columnType('timestamptz').nullable(),
    /** When it started to sign. */
    activatedAt: p.datetime().columnType('timestamptz').nullable(),
    /** When it is removed, or was. */
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
/** An access token that was revoked before it expired (RFC 7009); deleted after its expiry. */
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
    /** Null for userinfo alone. */
    api: () => p.manyToOne(Api).mapToPk().nullable().deleteRule('cascade'),
    /**
     * The session in which the grant was opened and with which it ends. Not a foreign key: the grant may outlive the
     * row.
     */
    session: p.uuid().fieldName('session_id').nullable(),
    passwordEpoch: p.integer(),
    authTime: p.datetime().columnType('timestamptz').nullable(),
    amr: p.array().columnType('text[]').nullable(),
    scope: p.string().columnType('text').nullable(),
    /** Ids of consented permissions; null for a first-party client, which carries all permissions of its users. */
    permissions: p.array().columnType('uuid[]').nullable(),
    /** Opened with the scope `offline_access`: a logout does not end the grant (OIDC Core §11). */
    isOffline: p.boolean().default(false),
    /** Whether the grant has refresh tokens; without them it still is what its access tokens depend on. */
    isRefreshable: p.boolean().default(true),
    /** The key that its tokens are bound to (RFC 9449 §5). */
    dpopJkt: p.string().columnType('text').nullable(),
    /** Requested by the parameter `claims` (OIDC Core §5.5). */
    claims: p.json().$type<RequestedClaims>().nullable(),
    generation: p.integer().default(0),
    createdAt: p.datetime().columnType('timestamptz'),
    rotatedAt: p.datetime().columnType('timestamptz'),
    /** The last use since then that returned the same refresh token, to within a hundredth of the idle time. */
    usedAt: p.datetime().columnType('timestamptz').nullable(),
    idleExpiresAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
    endedAt: p.datetime().columnType('timestamptz').nullable(),
    endedReason: p.string().columnType('text').nullable(),
  },
});
/** A client's grant for a user: a family of refresh tokens. */
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
    /** The session, grant or principal whose tokens carry the index. */
    holder: p.uuid().fieldName('holder_id'),
    api: p.uuid().fieldName('api_id'),
    /** The principal whose rights those tokens carry. */
    principal: p.uuid().fieldName('principal_id'),
    /**
     * For exchanged tokens (RFC 8693): the principals who act, and the client of the first token, sorted. The tokens
     * end with each of them too. Null for the owner's own tokens.
     */
    through: p.array().columnType('uuid[]').nullable(),
    /** 0 valid, 1 revoked, 2 suspended, 3 superseded. */
    state: p.smallint().default(0),
    /**
     * Whether the owner's next token carries this index. A former index keeps its state until its tokens have expired.
     */
    isCurrent: p.boolean().default(true),
    /**
     * The transaction that wrote the state: a reader of changes selects those since the oldest transaction that was
     * running at its last read.
     */
    changed: p.string().columnType('xid8').defaultRaw('pg_current_xact_id()'),
    /** From then on no token carries the index, and it is free. */
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** An index of a status list (draft-ietf-oauth-status-list) and its state. */
export class TokenStatus extends StatusSchema.class {}
StatusSchema.setClass(TokenStatus);
