import { defineEntity, p } from '@mikro-orm/core';

const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'tokens_signing_key',
  uniques: [
    { name: 'tokens_signing_key_current', properties: ['alg'], where: "state = 'current'" },
    { name: 'tokens_signing_key_next', properties: ['alg'], where: "state = 'next'" },
  ],
  properties: {
    /** RFC 7638 thumbprint. */
    kid: p.string().columnType('text').primary(),
    alg: p.enum(['RS256', 'ES256', 'EdDSA'] as const),
    publicJwk: p.json().$type<Record<string, string>>(),
    /** PKCS #8, sealed under the master key. */
    privateSealed: p.blob(),
    state: p.enum(['next', 'current', 'retiring', 'gone'] as const),
    createdAt: p.datetime().columnType('timestamptz'),
    publishedAt: p.datetime().columnType('timestamptz').nullable(),
    activatedAt: p.datetime().columnType('timestamptz').nullable(),
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
