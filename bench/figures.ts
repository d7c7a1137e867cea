/** What one measurement of a few seconds came to; what a measurement does not have is absent. */
export interface Sample {
  readonly rate?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly maxMs?: number;
  /** How many times are in p50, p99 and most, where they are not those of the requests. */
  readonly times?: number;
  /** Processor time of the server a request. */
  readonly cpuMicros?: number;
  readonly databaseCpuMicros?: number;
  readonly rssMiB?: number;
  readonly seconds?: number;
  /** Database statements a request. */
  readonly statements?: number;
  /** Requests answered. */
  readonly answered?: number;
  /** 503 with Retry-After. */
  readonly sheds?: number;
  readonly failures?: number;
  /** Part of one core that the load generator used. */
  readonly generatorShare?: number;
}

/** One round: the samples by the ids of what was measured. */
export type Round = ReadonlyMap<string, Sample>;

export interface Measured {
  readonly id: string;
  readonly title: string;
  measure(seconds: number): Promise<Sample>;
}

/** A figure of each round that says something on any machine, mostly a ratio. What it should be is in `targets.ts`, by its two names. */
export interface Comparison {
  readonly work: string;
  readonly against: string;
  readonly unit?: 'ns' | 'ms' | 's' | 'kB' | 'MiB';
  value(round: Round): number | undefined;
  /** The other's processor time a request over this one's, server and database together: it swings less than rates do. */
  processor?(round: Round): number | undefined;
}

export type Bound = { readonly atLeast: number } | { readonly atMost: number };

/** What a run is made of. */
export interface Plan {
  /** How much was measured, where that is not rounds of seconds. */
  readonly extent?: string;
  readonly measured: readonly Measured[];
  readonly comparisons: readonly Comparison[];
  readonly notes: readonly string[];
}

export function merged(...plans: readonly Plan[]): Plan {
  return {
    measured: plans.flatMap((plan) => plan.measured),
    comparisons: plans.flatMap((plan) => plan.comparisons),
    notes: [...new Set(plans.flatMap((plan) => plan.notes))],
  };
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]] as [number, number];
  return { median: (low + high) / 2, min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** How many times the rate of the other in the same round. */
export function rateOver(id: string, other: string): Comparison['value'] {
  return (round) => over(round.get(id)?.rate, round.get(other)?.rate);
}

/** How many times the processor time of this one the other spends, in the same round. */
export function processorOver(id: string, other: string): Comparison['value'] {
  return (round) => over(costOf(round.get(other)), costOf(round.get(id)));
}

/** The server's and its database's processor time a request together, where both are seen. */
export function costOf(sample: Sample | undefined): number | undefined {
  const { cpuMicros, databaseCpuMicros } = sample ?? {};
  return cpuMicros === undefined || databaseCpuMicros === undefined ? undefined : cpuMicros + databaseCpuMicros;
}

/** Signet beside a peer: rates, and processor time. */
export function beside(work: string, against: string, id: string, other: string): Comparison {
  return { work, against, value: rateOver(id, other), processor: processorOver(id, other) };
}

export function over(value: number | undefined, other: number | undefined): number | undefined {
  return value === undefined || other === undefined || other === 0 ? undefined : value / other;
}

export function isReached(bound: Bound, value: number): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost;
}
