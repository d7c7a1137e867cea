/**
 * Milliseconds of the machine's monotonic clock (CLOCK_MONOTONIC, which is what `process.hrtime` reads on Linux): what one
 * process read can be subtracted from what another did.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
