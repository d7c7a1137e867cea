/**
 * logout: how clients ask for it, and how they hear of it.
 * Owns: what a request of a client comes to (RP-initiated), the notices of ended sessions and their delivery (back-channel), what is
 *   forgotten of a user who is deleted.
 * Does not own: sessions (identity), the grants that end with them (tokens), the pages (web).
 * Neighbours: oauth below, of which only types are imported: every command loads the port.
 * Standards: OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0.
 */
export { createLogoutDelivery, type DeliverLogouts, type DeliveryDeps, type DeliveryOutcome } from './deliver.ts';
export { purgeDeliveries } from './deliveries.ts';
export { type LogoutRequest, type LogoutStep, nextLogoutStep, readLogoutRequest } from './rp-initiated.ts';
export { queueLogoutDeliveries } from './sessions-ended.ts';
