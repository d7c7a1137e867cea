import { readArguments } from '../../bench/arguments.ts';
import { beside, isReached, type Plan, type Sample } from '../../bench/figures.ts';
import { heldTargets, newestReports, readReasons } from '../../bench/held.ts';
import { markdownOf, type Report, reportOf, targetsMarkdown } from '../../bench/report.ts';
import { KEYCLOAK, targetOf, targets } from '../../bench/targets.ts';
import t from '../support/tap.ts';

// bench/README.md, "How it is measured".

const machine = { cpu: 'A', cores: 2, memoryGiB: 24, node: '24.0.0', postgresql: '15.0', loadBefore: 0 };

function planOf(...comparisons: Plan['comparisons']): Plan {
  const measured = ['ours', 'theirs'].map((id) => ({ id, title: id, measure: async (): Promise<Sample> => ({}) }));
  return { measured, comparisons, notes: [] };
}

function roundOf(ours: Sample, theirs: Sample): Map<string, Sample> {
  return new Map([
    ['ours', ours],
    ['theirs', theirs],
  ]);
}

/** A run of rows in which introspection is that many times Keycloak's. */
function reportWith(rate: number): Report {
  const plan = planOf(beside('introspect', KEYCLOAK, 'ours', 'theirs'));
  return reportOf('rows', machine, plan, [roundOf({ rate }, { rate: 1 })], 10);
}

t.test('bench/README.md: a target is named once, for a run that there is', async (t) => {
  const names = targets.map(({ run, work, against }) => `${run} | ${work} | ${against}`);
  t.equal(new Set(names).size, names.length);
  t.strictSame([...new Set(targets.map(({ run }) => run))], ['rows', 'storm', 'grants', 'seed', 'freshness']);
});

t.test('bench/README.md: a target is reached by the figure that it allows, and by no other', async (t) => {
  t.ok(isReached({ atLeast: 2 }, 2));
  t.notOk(isReached({ atLeast: 2 }, 1.99));
  t.ok(isReached({ atMost: 2 }, 2));
  t.notOk(isReached({ atMost: 2 }, 2.01));
});

t.test('bench/README.md: a report holds each comparison to its target, by the median of the rounds', async (t) => {
  const plan = planOf(
    beside('introspect', KEYCLOAK, 'ours', 'theirs'),
    beside('introspect', 'others', 'ours', 'theirs'),
  );
  const rounds = [6, 4, 9].map((rate) => roundOf({ rate }, { rate: 1 }));
  const [held, free] = reportOf('rows', machine, plan, rounds, 10).comparisons;
  t.match(held, { median: 6, min: 4, max: 9, target: { atLeast: 5 }, isReached: true });
  t.equal(free?.target, undefined);
  t.equal(free?.isReached, undefined);
  t.equal(targetOf('storm', 'introspect', KEYCLOAK), undefined, 'a target is of its run');
});

t.test('bench/README.md: processor time is that of server and database together, the other over Signet', async (t) => {
  const plan = planOf(beside('introspect', KEYCLOAK, 'ours', 'theirs'));
  const of = (ours: Sample, theirs: Sample) =>
    reportOf('rows', machine, plan, [roundOf({ rate: 1, ...ours }, { rate: 1, ...theirs })], 10);
  const seen = of({ cpuMicros: 60, databaseCpuMicros: 40 }, { cpuMicros: 300, databaseCpuMicros: 0 });
  t.equal(seen.comparisons[0]?.processor?.median, 3);
  t.match(markdownOf(seen, undefined), /by processor time[\s\S]*\| 1x \| 3x \|/);
  const idle = of({ cpuMicros: 60, databaseCpuMicros: 40 }, { cpuMicros: 0, databaseCpuMicros: Number.NaN });
  t.equal(idle.comparisons[0]?.processor, undefined, 'nor does a round without an answer say anything');
  const unseen = of({ cpuMicros: 60 }, { cpuMicros: 300 });
  t.equal(unseen.comparisons[0]?.processor, undefined, 'a database that is not seen may have cost anything');
});

t.test('bench/README.md: the table of targets says what is missed, and why', async (t) => {
  const reasons = { rows: { introspect: { [KEYCLOAK]: 'It asks no database.' } } };
  const of = (rate: number, given: Parameters<typeof heldTargets>[1]) => {
    const held = heldTargets(new Map([['rows', reportWith(rate)]]), given);
    return targetsMarkdown(held)
      .split('\n')
      .find((line) => line.startsWith(`| introspect | ${KEYCLOAK} |`));
  };
  t.match(of(4, reasons), /at least 5x \| 4x \| \*\*not reached\*\* \| rows, .* \| It asks no database\. \|$/);
  t.match(of(4, {}), /to be said/, 'a target that is missed without a word is seen');
  t.match(of(5, reasons), /at least 5x \| 5x \| reached \| rows, [\d-]+ \|$/, 'what is reached needs no reason');
  const table = targetsMarkdown(heldTargets(new Map(), reasons));
  t.match(table, /not measured \| rows \| It asks no database\. \|/, 'nor is it silent why nothing measures one');
  t.match(table, `${targets.length} targets: 0 reached, 0 not reached, ${targets.length} not measured.`);
});

t.test('bench/README.md: this run is newer than those that were kept', async (t) => {
  const kept = newestReports();
  t.ok(kept.get('rows')?.comparisons.length);
  const now = reportWith(7);
  t.equal(newestReports(now).get('rows'), now);
  t.equal(newestReports(now).get('storm')?.at, kept.get('storm')?.at);
});

t.test('bench/README.md: a reason is of a target that there is', async (t) => {
  for (const [run, works] of Object.entries(readReasons()))
    for (const [work, reasons] of Object.entries(works))
      for (const against of Object.keys(reasons)) t.ok(targetOf(run, work, against), `${run}, ${work}, ${against}`);
});

t.test('bench/README.md: a run is kept when it is whole', async (t) => {
  const isKept = (...words: string[]) => readArguments(words).isKept;
  t.ok(isKept());
  t.ok(isKept('storm'));
  for (const words of [['--smoke'], ['--only', 'login'], ['--peers', 'none'], ['--seconds', '3'], ['--rounds', '1']])
    t.notOk(isKept(...words), words.join(' '));
  t.notOk(isKept('--smoke', '--save'), 'a smoke run has no figures');
  t.strictSame(readArguments(['--peers', 'django,hydra']).peers, ['django', 'hydra']);
  t.strictSame(readArguments(['--peers', 'none']).peers, []);
  t.throws(() => readArguments(['--peers', 'dex']), /no optional peer dex/);
});
