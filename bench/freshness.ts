import type { Arguments } from './arguments.ts';
import type { Comparison, Plan, Sample } from './figures.ts';
import { openFixture, VERIFIERS } from './freshness/fixture.ts';
import { Ledger } from './freshness/ledger.ts';
import { measureStateless, Runs } from './freshness/runs.ts';
import type { Postgresql } from './postgresql.ts';
import type { Workspace } from './workspace.ts';

/** In the order of the table. */
const titles: Record<string, string> = {
  removal: 'removal: COMMIT to refusal',
  addition: 'addition: COMMIT to 401 "refresh"',
  works: 'addition: COMMIT to the next token accepted',
  commit: 'of these, COMMIT itself',
  'busy.removal': 'removal, both servers busy with tokens',
  'busy.addition': 'addition, both servers busy with tokens',
  'busy.works': 'addition: the next token accepted, both servers busy',
  'busy.commit': 'of these, COMMIT itself',
  'cut.gap': 'stream cut: until there is one to the other server',
  'cut.known': 'stream cut: COMMIT to refusal or "refresh"',
  'killed.gap': 'server killed: until there is a stream to the other one',
  'killed.known': 'server killed: COMMIT to refusal or "refresh"',
  'silent.known': 'stream silent, not closed: COMMIT to refusal or "refresh"',
  stateless: 'baseline, tokens of 60 s and nothing else: COMMIT to refusal',
};

/** How long after the COMMIT of a change every verifier goes by it, with two servers, streams that are cut and servers that are killed. */
export async function freshness(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  const fixture = await openFixture(workspace, postgresql);
  const ledger = new Ledger();
  const runs = new Runs(fixture, ledger);
  const measure = async () => {
    await runs.run(given.changes);
    await measureStateless(fixture, ledger);
  };
  let measured: Promise<void> | undefined;
  return {
    get extent() {
      return `${runs.done} changes, each at ${VERIFIERS} verifiers; ${fixture.visitors.length} users, 2 server processes`;
    },
    notes: [],
    measured: Object.entries(titles).map(([id, title]) => ({
      id,
      title,
      async measure(): Promise<Sample> {
        measured ??= measure();
        await measured;
        return ledger.sample(id);
      },
    })),
    comparisons: comparisons(),
  };
}

function comparisons(): Comparison[] {
  const of = (id: string, work: string, figure: 'p99Ms' | 'maxMs'): Comparison => ({
    work,
    against: figure === 'p99Ms' ? 'p99' : 'most',
    unit: 'ms',
    value: (round) => round.get(id)?.[figure],
  });
  return [
    of('removal', 'change to refusal, streams up', 'p99Ms'),
    of('addition', 'change to "refresh", streams up', 'p99Ms'),
    of('works', 'new permission works, streams up', 'p99Ms'),
    of('busy.removal', 'change to refusal, both servers busy', 'p99Ms'),
    of('busy.works', 'new permission works, both servers busy', 'p99Ms'),
    of('cut.gap', 'stream cut, until the next', 'maxMs'),
    of('cut.known', 'stream cut, change to refusal', 'maxMs'),
    of('killed.gap', 'server killed, until the next stream', 'maxMs'),
    of('killed.known', 'server killed, change to refusal', 'maxMs'),
    of('silent.known', 'stream silent, change to refusal', 'maxMs'),
    of('stateless', 'tokens of 60 s alone, change to refusal', 'p99Ms'),
  ];
}
