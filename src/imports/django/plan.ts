import type { Steps } from './batches.ts';
import { planGroups } from './plan-groups.ts';
import { planPermissions } from './plan-permissions.ts';
import { planUsers } from './plan-users.ts';
import { type ImportOptions, noEffects, type Planning } from './planning.ts';
import type { Present } from './present.ts';
import type { DjangoDump } from './reader/records.ts';
import type { ImportReport } from './report.ts';
import { type SettledDump, settle } from './settle.ts';

/** What becomes of every record of a dump, given what Signet has. Decides everything; writes nothing. */
export function* makePlan(
  read: DjangoDump,
  present: Present,
  options: ImportOptions,
  report: ImportReport,
  now: Date,
): Steps<Planning> {
  const dump = settle(read, present);
  const planning: Planning = {
    dump,
    present,
    options,
    report,
    now,
    specs: [],
    rows: [],
    names: new Set(),
    misnamed: [...dump.misnamed],
    effects: noEffects(),
    silent: new Set(dump.silent),
    matched: new Set(),
    leaving: new Set(),
    groupNames: new Map(),
    available: new Set(),
    groups: new Map(),
  };
  takeOver(report, dump);
  yield* planPermissions(planning);
  yield* planGroups(planning);
  yield* planUsers(planning);
  return planning;
}

/** What reading has found already. */
function takeOver(report: ImportReport, dump: SettledDump): void {
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
    const kept = kind === 'permissions' ? 0 : dump.kept[kind].length;
    report[kind].unfit = read - records.length - kept - repeated;
  }
}
