/**
 * audit: what was done, by whom, when.
 * Owns: the edit log (one entry a change, before and after), the security events beside it, and how long these are kept.
 * Does not own: what a change means; rooms above write their entries in the transaction of the change itself.
 */
export { AuditEntry, AuditEvent } from './entities.ts';
export { purgeEvents } from './purge.ts';
export {
  type Actor,
  type AuditContext,
  type Change,
  difference,
  recordChange,
  recordEvent,
  type SecurityEvent,
} from './record.ts';
