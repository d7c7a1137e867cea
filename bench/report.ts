import {
  type Bound,
  type Comparison,
  isReached,
  type Plan,
  type Round,
  type Sample,
  type Spread,
  spread,
} from './figures.ts';
import { boundText, type Held } from './held.ts';
import type { Machine } from './machine.ts';
import { targetOf } from './targets.ts';

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

export interface Compared extends Spread, Pick<Comparison, 'work' | 'against' | 'unit'> {
  /** The other's processor time a request over this one's. */
  readonly processor?: Spread;
  readonly target?: Bound;
  readonly isReached?: boolean;
}

export function reportOf(what: string, machine: Machine, plan: Plan, done: readonly Round[], seconds: number): Report {
  const figures = plan.measured.map(({ id, title }) => ({ id, title, metrics: metricsOf(id, done) }));
  const comparisons = plan.comparisons.flatMap((one) => comparedOf(what, one, done));
  const at = new Date().toISOString();
  const notes = [...plan.notes, ...othersAtWork(machine), ...warnings(figures)];
  const extent = plan.extent === undefined ? {} : { extent: plan.extent };
  return { what, at, rounds: done.length, seconds, ...extent, machine, notes, figures, comparisons };
}

function comparedOf(what: string, one: Comparison, done: readonly Round[]): Compared[] {
  const values = over(done, (round) => one.value(round));
  if (!values) return [];
  const { work, against, unit } = one;
  const processor = over(done, (round) => one.processor?.(round));
  const target = targetOf(what, work, against);
  return [
    {
      work,
      against,
      ...(unit ? { unit } : {}),
      ...(target ? { target } : {}),
      ...values,
      ...(processor ? { processor } : {}),
      ...(target ? { isReached: isReached(target, values.median) } : {}),
    },
  ];
}

function over(done: readonly Round[], of: (round: Round) => number | undefined): Spread | undefined {
  const values = done.map(of).filter((value) => value !== undefined && Number.isFinite(value)) as number[];
  return values.length === 0 ? undefined : spread(values);
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
      [
        'work',
        'compared with',
        'is',
        'by processor time',
        'target',
        'reached',
        ...(last ? [`since ${last.at.slice(0, 10)}`] : []),
      ],
      report.comparisons.map((one) => comparedCells(one, last)),
    ),
    '',
    ...table(['measured', ...columns.map(([, heading]) => heading)], report.figures.map(figureCells)),
    ...(report.notes.length > 0 ? ['', ...report.notes.map((note) => `- ${note}`)] : []),
  ].join('\n');
}

function comparedCells(one: Compared, last: Report | undefined): string[] {
  const shown = shownIn(one.unit);
  const target = one.target ? boundText(one.target, shown) : '';
  const processor = one.processor ? withRange(one.processor, shown) : '';
  const cells = [one.work, one.against, withRange(one, shown), processor, target, reachedText(one.isReached)];
  return last ? [...cells, changeOf(one, last)] : cells;
}

function shownIn(unit: string | undefined): (value: number) => string {
  return (value) => (unit ? `${short(value)} ${unit}` : `${short(value)}x`);
}

function withRange({ median, min, max }: Spread, shown: (value: number) => string): string {
  return shown(median) + (min === max ? '' : ` (${short(min)} to ${short(max)})`);
}

function reachedText(isReached: boolean | undefined): string {
  return isReached === undefined ? '' : isReached ? 'reached' : '**not reached**';
}

/** Every target of the design: what was measured, by which run, and why one is missed. */
export function targetsMarkdown(held: readonly Held[]): string {
  const lines = held.map(({ run, work, against, bound, unit, measured, isReached, reason }) => {
    const shown = shownIn(unit);
    const why = reason ?? (isReached === false ? '**to be said** (reasons.json)' : '');
    return [
      work,
      against,
      boundText(bound, shown),
      measured ? withRange(measured, shown) : '',
      measured ? reachedText(isReached) : 'not measured',
      measured ? `${run}, ${measured.at.slice(0, 10)}` : run,
      why,
    ];
  });
  const missed = held.filter((one) => one.isReached === false).length;
  const reached = held.filter((one) => one.isReached === true).length;
  return [
    `${held.length} targets: ${reached} reached, ${missed} not reached, ${held.length - reached - missed} not measured.`,
    '',
    ...table(['work', 'compared with', 'target', 'is', 'reached', 'run', 'why not'], lines),
  ].join('\n');
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
