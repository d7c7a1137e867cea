import { defineEntity, p } from '@mikro-orm/core';
import { User } from '../users/index.ts';

const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions_session',
  indexes: [
    { name: 'sessions_session_live', properties: ['user'], where: 'ended_at is null' },
    { name: 'sessions_session_form', properties: ['formDigest'], where: 'form_digest is not null' },
    { properties: ['expiresAt'] },
  ],
  properties: {
    /** The public id, `sid` in tokens. The cookie contains another, secret value. */
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
    /** Identifies the form that created the session, for its browser only; cleared at the first later update of `lastSeenAt`. */
    formDigest: p.blob().nullable(),
  },
});
/** A login of one browser or program, stored by the server. */
export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);
