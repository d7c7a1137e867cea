import type { Steps } from './batches.ts';
import type { Existing } from './existing.ts';
import { planGroups } from './plan-groups.ts';
import { planPermissions } from './plan-permissions.ts';
import { emptyEffects, type ImportOptions, type PlanState } from './plan-state.ts';
import { planUsers } from './plan-users.ts';
import type { DjangoDump } from './reader/records.ts';
import { type ResolvedDump, resolveRefusedNames } from './refused-names.ts';
import type { ImportReport } from './report.ts';

/** Plans the import of every record of a dump, given the existing rows. Writes nothing. */
export function* makePlan(
  read: DjangoDump,
  existing: Existing,
  options: ImportOptions,
  report: ImportReport,
  now: Date,
): Steps<PlanState> {
  const dump = resolveRefusedNames(read, existing);
  const state: PlanState = {
    dump,
    existing,
    options,
    report,
    now,
    specs: [],
    rows: [],
    names: new Set(),
    renameCandidates: [...dump.renameCandidates],
    effects: emptyEffects(),
    silent: new Set(dump.silent),
    matched: new Set(),
    renamed: new Set(),
    groupNames: new Map(),
    available: new Set(),
    groups: new Map(),
  };
  addReaderNotes(report, dump);
  yield* planPermissions(state);
  yield* planGroups(state);
  yield* planUsers(state);
  return state;
}

/** Adds the notes of the reader to the report. */
function addReaderNotes(report: ImportReport, dump: ResolvedDump): void {
  for (const entry of dump.unmapped) report.unmapped.push(entry);
  for (const entry of dump.unkept) report.unkept.push(entry);
  for (const entry of dump.repeated) report.conflicts.push(entry);
  report.source = dump.source;
  report.unknownModels = dump.unknownModels;
  report.datesWithoutZone = dump.datesWithoutZone;
  for (const kind of ['permissions', 'groups', 'users'] as const) {
    const { read, records, repeated } = dump[kind];
    report[kind].read = read;
    report[kind].conflicts = repeated;
    const retained = kind === 'permissions' ? 0 : dump.retained[kind].length;
    report[kind].unfit = read - records.length - retained - repeated;
  }
}
