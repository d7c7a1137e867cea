/**
 * audit: what was done, by whom, when.
 * Owns: the edit log (one entry a change, before and after) and the security events beside it.
 * Does not own: what a change means; rooms above write their entries in the transaction of the change itself.
 */
export { AuditEntry, AuditEvent } from './entities.ts';
export {
  type Actor,
  type Change,
  difference,
  recordChange,
  recordEvent,
  type SecurityEvent,
  type Stamp,
} from './record.ts';
