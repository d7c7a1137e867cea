/**
 * telemetry: what Signet says about itself while it runs.
 * Owns: the log and what never gets into it; metrics and the port that Prometheus reads them at.
 */
export { createLog, logOptions, safeError } from './log.ts';
export { createMetrics, type LoginOutcome, type Metrics } from './metrics.ts';
export { serveMetrics } from './serve-metrics.ts';
