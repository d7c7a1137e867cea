/**
 * telemetry: what Signet says about itself while it runs.
 * Owns: the log and what never gets into it.
 */
export { createLog, logOptions, safeError } from './log.ts';
