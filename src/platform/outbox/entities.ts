import { defineEntity, p } from '@mikro-orm/core';

const time = () => p.datetime().columnType('timestamptz');

const OutboxDeliverySchema = defineEntity({
  name: 'OutboxDelivery',
  tableName: 'platform_outbox',
  indexes: [
    {
      name: 'platform_outbox_due',
      properties: ['topic', 'target', 'nextTryAt'],
      where: 'done_at is null and held_by is null',
    },
    { name: 'platform_outbox_held', properties: ['heldBy'], where: 'held_by is not null' },
    { name: 'platform_outbox_target', properties: ['target'], where: 'done_at is null' },
    { name: 'platform_outbox_done', properties: ['doneAt'], where: 'done_at is not null' },
  ],
  properties: {
    /** The receiver recognizes a repeated attempt by it. */
    id: p.uuid().primary(),
    /** `oauth.logout`: the kind of delivery, named by its room. */
    topic: p.string().columnType('text'),
    /** Whom it goes to. Targets share a node's attempts fairly. */
    target: p.string().columnType('text'),
    /** What the topic needs to send it. */
    payload: p.json().$type<unknown>(),
    /** What it waits for: not due until that releases it. Not a foreign key: a topic says what its holders are. */
    heldBy: p.uuid().nullable(),
    createdAt: time(),
    /** When it is due; while a node sends it, the end of the lease. */
    nextTryAt: time(),
    tries: p.integer().default(0),
    /** Of the last attempt; null once it was delivered. */
    lastError: p.string().columnType('text').nullable(),
    /** Delivered, or given up: then `lastError` is set. */
    doneAt: time().nullable(),
  },
});
/** A delivery to another system, attempted until it is accepted or given up. */
export class OutboxDelivery extends OutboxDeliverySchema.class {}
OutboxDeliverySchema.setClass(OutboxDelivery);
