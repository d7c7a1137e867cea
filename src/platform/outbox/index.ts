/**
 * outbox: deliveries to other systems, which are stored before they are sent.
 * Owns: the stored deliveries of every topic: storage in the caller's transaction, claims by any number of nodes, further attempts, the
 *   deliveries that were given up, and retention.
 * Does not own: what a delivery says and how it is sent (the room of its topic), nor the schedule (server/jobs.ts).
 * Neighbours: platform/database below; oauth/logout, the first topic, above.
 */
export type { ClaimedDelivery } from './claim.ts';
export { createOutbox, type DeliverDue, type DeliveryError, type DeliveryOutcome } from './deliver.ts';
export { type DeliveryQuery, deleteDeliveries, enqueue, enqueueRows, releaseDeliveries } from './enqueue.ts';
export { type HeldTopic, purgeOutbox } from './purge.ts';
