import { defineEntity, p } from '@mikro-orm/core';

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
