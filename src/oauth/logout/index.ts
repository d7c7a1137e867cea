/**
 * logout: logout at the request of a client, and the notification of clients.
 * Owns: logout requests of clients (RP-initiated), deliveries to clients when a session ends (back-channel), and what is deleted in
 *   oauth with a user.
 * Does not own: sessions (sessions), the grants that end with them (tokens), the storage of deliveries (platform/outbox), the pages
 *   (web).
 * Neighbours: oauth, of which only types are imported: every command loads the port.
 * Standards: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0.
 */
export { createLogoutDelivery, type DeliveryDeps } from './deliver.ts';
export { heldLogouts, queueLogoutDeliveries } from './queue-deliveries.ts';
export { type LogoutRequest, type LogoutStep, nextLogoutStep, readLogoutRequest } from './rp-initiated.ts';
