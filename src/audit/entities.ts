import { defineEntity, p } from '@mikro-orm/core';

const EntrySchema = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_entry',
  // No foreign keys: an entry outlives its object.
  indexes: [{ properties: ['objectKind', 'objectId', 'id'] }, { properties: ['actorId', 'id'] }],
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    at: p.datetime().columnType('timestamptz'),
    actorKind: p.string().columnType('text'),
    actorId: p.string().columnType('text').nullable(),
    actorLabel: p.string().columnType('text'),
    action: p.string().columnType('text'),
    objectKind: p.string().columnType('text'),
    objectId: p.string().columnType('text'),
    objectLabel: p.string().columnType('text'),
    before: p.json().$type<Record<string, unknown>>().nullable(),
    after: p.json().$type<Record<string, unknown>>().nullable(),
    requestId: p.string().columnType('text').nullable(),
  },
});
/** One change of one object: actor, time, and its state before and after. */
export class AuditEntry extends EntrySchema.class {}
EntrySchema.setClass(AuditEntry);

const EventSchema = defineEntity({
  name: 'AuditEvent',
  tableName: 'audit_event',
  indexes: [{ properties: ['userId', 'id'] }, { properties: ['at'] }],
  properties: {
    id: p.bigint('string').primary().autoincrement(),
    at: p.datetime().columnType('timestamptz'),
    kind: p.string().columnType('text'),
    userId: p.uuid().nullable(),
    nameTried: p.string().columnType('text').nullable(),
    ip: p.string().columnType('text').nullable(),
    detail: p.json().$type<Record<string, unknown>>().nullable(),
  },
});
/** A security event of an account, such as a login, a refused login or a reset. */
export class AuditEvent extends EventSchema.class {}
EventSchema.setClass(AuditEvent);
