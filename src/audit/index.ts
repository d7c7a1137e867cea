/**
 * audit: the record of changes and security events.
 * Owns: the edit log (one entry per change, with the values before and after), security events and their retention.
 * Does not own: the meaning of a change. Rooms above write their entries in the transaction of the change.
 */
export { AuditEntry, AuditEvent } from './entities.ts';
export { purgeEvents } from './purge.ts';
export {
  type Actor,
  type AuditContext,
  auditEntryView,
  type Change,
  difference,
  recordChange,
  recordChanges,
  recordEvent,
  type SecurityEvent,
} from './record.ts';
