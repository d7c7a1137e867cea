import { type Comparison, isReached, type Plan, type Round, type Sample, type Spread, spread } from './figures.ts';
import type { Machine } from './machine.ts';

/** A run, as bench/results keeps it. */
export interface Report {
  readonly what: string;
  readonly at: string;
  readonly rounds: number;
  readonly seconds: number;
  /** How much was measured, where that is not rounds of seconds. */
  readonly extent?: string;
  readonly machine: Machine;
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  readonly comparisons: readonly Compared[];
}

export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly metrics: Partial<Record<keyof Sample, Spread>>;
}

export interface Compared extends Spread, Pick<Comparison, 'work' | 'against' | 'unit' | 'target'> {
  readonly isReached?: boolean;
}

export function reportOf(what: string, machine: Machine, plan: Plan, done: readonly Round[], seconds: number): Report {
  const figures = plan.measured.map(({ id, title }) => ({ id, title, metrics: metricsOf(id, done) }));
  const comparisons = plan.comparisons.flatMap((one): Compared[] => {
    const values = done.map((round) => one.value(round)).filter((value) => value !== undefined);
    if (values.length === 0) return [];
    const all = spread(values);
    const { work, against, unit, target } = one;
    const reached = isReached(one, all.median);
    return [
      {
        work,
        against,
        ...(unit ? { unit } : {}),
        ...(target ? { target } : {}),
        ...all,
        ...(reached === undefined ? {} : { isReached: reached }),
      },
    ];
  });
  const at = new Date().toISOString();
  const notes = [...plan.notes, ...othersAtWork(machine), ...warnings(figures)];
  const extent = plan.extent === undefined ? {} : { extent: plan.extent };
  return { what, at, rounds: done.length, seconds, ...extent, machine, notes, figures, comparisons };
}

function metricsOf(id: string, done: readonly Round[]): Figure['metrics'] {
  const metrics: Figure['metrics'] = {};
  for (const name of Object.keys(done[0]?.get(id) ?? {}) as (keyof Sample)[]) {
    const values = done.map((round) => round.get(id)?.[name]).filter((value) => value !== undefined);
    if (values.length > 0 && values.every(Number.isFinite)) metrics[name] = spread(values);
  }
  return metrics;
}

/** Of the machine's minute before the run: more than a process of the bench's own leaves behind. */
function othersAtWork({ loadBefore, cores }: Machine): string[] {
  if (loadBefore <= cores / 2) return [];
  return [`Other work shared the ${cores} cores: the load was ${loadBefore} before the run.`];
}

/** What makes a figure doubtful is said beside it. */
function warnings(figures: readonly Figure[]): string[] {
  return figures.flatMap(({ title, metrics }) => [
    ...((metrics.failures?.max ?? 0) > 0
      ? [`${title}: up to ${metrics.failures?.max} unexpected answers a round.`]
      : []),
    ...((metrics.generatorShare?.median ?? 0) > 0.9
      ? [
          `${title}: the load generator was busy ${percent(metrics.generatorShare?.median)} of a core; the server could do more.`,
        ]
      : []),
  ]);
}

const percent = (part = 0) => `${Math.round(part * 100)} %`;

/** The tables of a run, in Markdown. `last` is the last committed run of the same kind. */
export function markdownOf(report: Report, last: Report | undefined): string {
  const { machine } = report;
  const head =
    `${report.at.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, ` +
    `PostgreSQL ${machine.postgresql}; ${report.extent ?? `median (least to most) of ${report.rounds} round(s) of ${report.seconds} s`}.`;
  return [
    head,
    '',
    ...table(
      ['work', 'compared with', 'is', 'target', 'reached', ...(last ? [`since ${last.at.slice(0, 10)}`] : [])],
      report.comparisons.map((one) => comparedCells(one, last)),
    ),
    '',
    ...table(['measured', ...columns.map(([, heading]) => heading)], report.figures.map(figureCells)),
    ...(report.notes.length > 0 ? ['', ...report.notes.map((note) => `- ${note}`)] : []),
  ].join('\n');
}

function comparedCells(one: Compared, last: Report | undefined): string[] {
  const shown = (value: number) => (one.unit ? `${short(value)} ${one.unit}` : `${short(value)}x`);
  const range = one.min === one.max ? '' : ` (${short(one.min)} to ${short(one.max)})`;
  const target = one.target
    ? 'atLeast' in one.target
      ? `at least ${shown(one.target.atLeast)}`
      : `at most ${shown(one.target.atMost)}`
    : '';
  const reached = one.isReached === undefined ? '' : one.isReached ? 'reached' : '**not reached**';
  return [one.work, one.against, shown(one.median) + range, target, reached, ...(last ? [changeOf(one, last)] : [])];
}

const WORSE_BY = 0.15;

/** The ratio of this figure to the last one; a change for the worse of more than 15 % is marked. */
function changeOf(one: Compared, last: Report): string {
  const before = last.comparisons.find((other) => other.work === one.work && other.against === one.against);
  if (!before || before.median === 0) return 'new';
  const change = one.median / before.median;
  const isSmallBetter = one.target ? 'atMost' in one.target : one.unit !== undefined;
  const isWorse = isSmallBetter ? change > 1 / (1 - WORSE_BY) : change < 1 - WORSE_BY;
  return isWorse ? `**${short(change)}x, worse**` : `${short(change)}x`;
}

const columns: [keyof Sample, string][] = [
  ['rate', 'per second'],
  ['times', 'times'],
  ['p50Ms', 'p50 ms'],
  ['p99Ms', 'p99 ms'],
  ['maxMs', 'most ms'],
  ['cpuMicros', 'CPU µs each'],
  ['databaseCpuMicros', "PostgreSQL's CPU µs each"],
  ['statements', 'statements each'],
  ['sheds', 'sheds'],
  ['seconds', 'seconds'],
  ['rssMiB', 'MiB'],
];

function figureCells({ title, metrics }: Figure): string[] {
  return [
    title,
    ...columns.map(([name]) => {
      const value = metrics[name];
      if (!value) return '';
      return value.min === value.max
        ? short(value.median)
        : `${short(value.median)} (${short(value.min)} to ${short(value.max)})`;
    }),
  ];
}

/** Three digits that mean something. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** Columns that no row has anything in are left out. */
function table(heads: string[], lines: string[][]): string[] {
  const used = heads.map((_, n) => n === 0 || lines.some((line) => line[n] !== ''));
  const line = (cells: string[]) => `| ${cells.filter((_, n) => used[n]).join(' | ')} |`;
  if (lines.length === 0) return [];
  return [line(heads), line(heads.map(() => '---')), ...lines.map(line)];
}
