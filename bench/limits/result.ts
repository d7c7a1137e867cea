/** What one limit came to. */
export interface LimitResult {
  readonly rate: number;
  readonly microsEach: number;
}
