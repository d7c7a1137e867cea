/**
 * telemetry: the log and the metrics of a running server.
 * Owns: the log and which fields it redacts; metrics and the port that Prometheus reads.
 */
export { createLog, logOptions, safeError } from './log.ts';
export { createMetrics, type LoginOutcome, type Metrics } from './metrics.ts';
export { serveMetrics, type TelemetryErrors } from './serve-metrics.ts';
