export interface LimitResult {
  readonly rate: number;
  /** What one costs: processor time of the process that asks the database, or the time of one operation. */
  readonly microsEach: number;
  /** Of the database's: all that were run, those that warmed up too. */
  readonly statements?: number;
}
