import { defineEntity, p } from '@mikro-orm/core';
import { User } from '../users/index.ts';

const ThrottleSchema = defineEntity({
  name: 'Throttle',
  tableName: 'signin_throttle',
  indexes: [{ properties: ['expiresAt'] }],
  properties: {
    keyDigest: p.blob().primary(),
    failures: p.integer(),
    /** The limit of the last reservation. */
    maxFailures: p.integer(),
    windowStartedAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** A counter for one key in one window: of failed attempts (by name and network, network, or name), or of rows stored for a network. */
export class Throttle extends ThrottleSchema.class {}
ThrottleSchema.setClass(Throttle);

const FamiliarNetworkSchema = defineEntity({
  name: 'FamiliarNetwork',
  tableName: 'signin_familiar_network',
  indexes: [{ properties: ['lastSuccessAt'] }],
  properties: {
    user: () => p.manyToOne(User).mapToPk().primary().deleteRule('cascade'),
    networkDigest: p.blob().primary(),
    lastSuccessAt: p.datetime().columnType('timestamptz'),
  },
});
/** A network from which a user has logged in. */
export class FamiliarNetwork extends FamiliarNetworkSchema.class {}
FamiliarNetworkSchema.setClass(FamiliarNetwork);

const OneTimeTokenSchema = defineEntity({
  name: 'OneTimeToken',
  tableName: 'signin_one_time_token',
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
/** A secret that can be used once, for one purpose. */
export class OneTimeToken extends OneTimeTokenSchema.class {}
OneTimeTokenSchema.setClass(OneTimeToken);

const FlowSchema = defineEntity({
  name: 'SignInFlow',
  tableName: 'signin_flow',
  indexes: [{ properties: ['expiresAt'] }],
  properties: {
    handleDigest: p.blob().primary(),
    kind: p.enum(['login', 'setup', 'signup', 'step_up'] as const),
    step: p.enum(['first_factor', 'second_factor', 'done'] as const),
    user: () => p.manyToOne(User).mapToPk().deleteRule('cascade'),
    passwordEpoch: p.integer(),
    /** The names of the methods that have succeeded. */
    methods: p.array().columnType('text[]'),
    /** Of the secret of the browser that may go on; null for a program. */
    browserDigest: p.blob().nullable(),
    createdAt: p.datetime().columnType('timestamptz'),
    expiresAt: p.datetime().columnType('timestamptz'),
  },
});
/** A sign-in that waits for its next step. */
export class SignInFlow extends FlowSchema.class {}
FlowSchema.setClass(SignInFlow);
