import { mkdirSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { type Arguments, readArguments, usage } from './arguments.ts';
import { merged, type Plan } from './figures.ts';
import { freshness } from './freshness.ts';
import { grants } from './grants.ts';
import { heldTargets, newestReports, readReasons } from './held.ts';
import { describeMachine, loadNow } from './machine.ts';
import { measureRounds } from './measure.ts';
import { memory } from './memory.ts';
import { installPackages } from './packages.ts';
import { openPostgresql, type Postgresql } from './postgresql.ts';
import { markdownOf, type Report, reportOf, targetsMarkdown } from './report.ts';
import { keep, lastCommitted } from './results.ts';
import { rows } from './rows.ts';
import { seed } from './seed.ts';
import { createServers } from './servers.ts';
import { startTimes } from './start-times.ts';
import { storm } from './storm.ts';
import { workers } from './workers.ts';
import { openWorkspace, say, type Workspace } from './workspace.ts';

type Kind = (workspace: Workspace, postgresql: Postgresql, given: Arguments) => Promise<Plan>;

const kinds: Record<string, Kind> = { rows: planRows, storm, grants, seed, workers, freshness };

async function planRows(workspace: Workspace, postgresql: Postgresql, given: Arguments): Promise<Plan> {
  const servers = createServers(workspace, postgresql, given);
  const makers: Record<string, () => Promise<Plan>> = {
    ...Object.fromEntries(Object.entries(rows).map(([name, make]) => [name, () => make(servers)])),
    memory: () => memory(servers),
    start: () => startTimes(workspace, postgresql),
  };
  const unknown = given.only?.find((name) => !Object.keys(makers).some((row) => row.startsWith(name)));
  if (unknown !== undefined) throw new Error(`There is no row ${unknown}.\n\n${usage}`);
  const chosen = Object.keys(makers).filter((row) => given.only?.some((name) => row.startsWith(name)) ?? true);
  const plans: Plan[] = [];
  for (const row of chosen) plans.push(await (makers[row] as () => Promise<Plan>)());
  const all = merged(...plans);
  // A limit that several rows are held to is measured once a round.
  return { ...all, measured: all.measured.filter((one, n, every) => every.findIndex(({ id }) => id === one.id) === n) };
}

async function main(workspace: Workspace): Promise<void> {
  const given = readArguments(process.argv.slice(2));
  const kind = kinds[given.what];
  if (!kind) throw new Error(`There is no run ${given.what}.\n\n${usage}`);
  if (given.profileTo !== undefined) mkdirSync(given.profileTo, { recursive: true });
  installPackages();
  const loadBefore = loadNow();
  if (loadBefore > 0.5) say(`The machine is busy already (load ${loadBefore}): figures are worse and less sure.`);
  const postgresql = await openPostgresql(workspace, { countsStatements: given.what === 'grants' });
  const profileTo = given.profileTo === undefined ? undefined : resolve(given.profileTo);
  const plan = await kind(workspace, postgresql, { ...given, profileTo });
  const done = await measureRounds(plan, given.rounds, given.seconds);
  const report = reportOf(given.what, describeMachine(postgresql.version, loadBefore), plan, done, given.seconds);
  const markdown = markdownOf(report, lastCommitted(given.what));
  const held = heldTargets(newestReports(report), readReasons());
  const targets = targetsMarkdown(held);
  // A partial run says what it has measured itself.
  const shown = given.isKept ? targets : targetsMarkdown(held.filter(({ measured }) => measured?.at === report.at));
  process.stdout.write(`${markdown}\n\n${shown}\n`);
  say(
    given.isKept
      ? `kept in ${keep(report, markdown, targets)} and bench/README.md`
      : 'not kept: a short or partial run (--save keeps it)',
  );
  if (given.isSmoke) requireRight(report);
  await workspace.close();
}

/** A smoke run says nothing of speed: one answer of each was looked at before its load, and none in it may be wrong. */
function requireRight(report: Report): void {
  const wrong = report.figures.filter(({ metrics }) => metrics.failures?.max);
  if (wrong.length > 0) throw new Error(`Not right: ${wrong.map(({ title }) => title).join('; ')}.`);
  say(`${report.figures.length} measurements answer rightly`);
}

const workspace = openWorkspace();
try {
  await main(workspace);
} catch (error) {
  for (const path of workspace.logs) {
    const text = readFileSync(path, 'utf8').trim();
    if (text !== '') say(`-- ${basename(path)}\n${text.slice(-2000)}`);
  }
  say(`bench: ${(error as Error).message}`);
  process.exit(1);
}
process.exit(0);
