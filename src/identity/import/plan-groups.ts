import { randomUUIDv7 } from 'node:crypto';
import { foldName, normalizeName } from '../../platform/fold.ts';
import { digestGroup } from './digest.ts';
import type { DjangoGroup } from './django/records.ts';
import type { Known } from './known.ts';
import { changedOf, entryOf, givenNames, groupByName, knownAs, noteSpelling, type Planning } from './planning.ts';
import type { PresentGroup } from './present.ts';
import { type InTurns, TURN } from './turns.ts';

export function* planGroups(planning: Planning): InTurns<void> {
  const { dump, present } = planning;
  let done = 0;
  for (const [nameKey, records] of groupByName(dump.groups.records, (one) => foldName(one.name))) {
    const hereId = present.groupIds.get(nameKey);
    const ours = hereId === undefined || records.length > 1 ? undefined : present.ours.group.get(hereId);
    const known = records.map((one) => knownAs(one, present.known.group, ours));
    for (const [index, one] of records.entries()) {
      const before = known[index];
      const other = records.find((another) => another !== one);
      if (before) planKnown(planning, one, before);
      else if (other) {
        planConflict(planning, one, `${other.record} "${other.name}" is the same name in Signet`);
        // The first keeps the name, unless somebody has it already.
        if (index > 0 || hereId !== undefined) misname(planning, one);
      } else if (hereId !== undefined) planExisting(planning, one, present.groups.get(hereId) as PresentGroup);
      else planNew(planning, one, nameKey);
      if (++done % TURN === 0) yield done;
    }
  }
}

function planKnown(planning: Planning, one: DjangoGroup, before: Known): void {
  const { report, present, groups } = planning;
  report.groups.known++;
  const here = present.groups.get(before.localId);
  if (!here) {
    groups.set(one, { why: 'was deleted in Signet' });
    report.changedInSignet.push(changedOf(one, one.name, ['deleted']));
    return;
  }
  groups.set(one, { id: here.id });
  const wasMade = before.digest === digestGroup('made', one);
  const wasJoined = before.digest === digestGroup('joined', one);
  const fields = differences(planning, one, here, wasJoined);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedOf(one, one.name, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedOf(one, one.name, fields));
}

/** A group that was joined keeps what it had of its own. */
function differences(planning: Planning, one: DjangoGroup, here: PresentGroup, isJoined: boolean): string[] {
  const expected = one.permissions.filter((name) => planning.available.has(name));
  const isMissing = expected.some((name) => !here.permissions.has(name));
  const isMore = !isJoined && here.permissions.size !== expected.length;
  return [
    ...(isJoined || here.name === normalizeName(one.name) ? [] : ['name']),
    ...(isMissing || isMore ? ['permissions'] : []),
  ];
}

function planConflict(planning: Planning, one: DjangoGroup, what: string): void {
  planning.report.groups.conflicts++;
  planning.report.conflicts.push(entryOf(one, one.name, what));
  planning.groups.set(one, { why: null });
}

function misname({ misnamed }: Planning, { record, sourceName: name }: DjangoGroup): void {
  misnamed.push({ kind: 'group', record, name });
}

function planExisting(planning: Planning, one: DjangoGroup, here: PresentGroup): void {
  const { report, options, groups } = planning;
  if (options.existing === 'fail') {
    planConflict(planning, one, `Signet has a group "${here.name}" from elsewhere`);
    misname(planning, one);
    return;
  }
  if (options.existing === 'skip') {
    report.groups.skipped++;
    report.skipped.push(entryOf(one, one.name, 'Signet has a group of this name from elsewhere'));
    groups.set(one, { why: 'was skipped: Signet has a group of this name from elsewhere', isSkipped: true });
    return;
  }
  report.groups.updated++;
  groups.set(one, { id: here.id });
  const added = givenNames(planning, one, one.name, one.permissions).filter((name) => !here.permissions.has(name));
  if (added.length > 0) planning.grown.groups.push(here.id);
  stage(planning, 'old-group', one, { id: here.id, name: here.name }, added);
}

function planNew(planning: Planning, one: DjangoGroup, nameKey: string): void {
  const id = randomUUIDv7();
  planning.report.groups.created++;
  planning.groups.set(one, { id });
  noteSpelling(planning, one, one.name);
  stage(
    planning,
    'new-group',
    one,
    { id, name: normalizeName(one.name), nameKey },
    givenNames(planning, one, one.name, one.permissions),
  );
}

function stage(
  planning: Planning,
  kind: 'new-group' | 'old-group',
  one: DjangoGroup,
  group: { id: string; name: string; nameKey?: string },
  permissions: readonly string[],
): void {
  const { report, rows, names } = planning;
  report.added.groupPermissions += permissions.length;
  for (const name of permissions) names.add(name);
  const digest = digestGroup(kind === 'new-group' ? 'made' : 'joined', one);
  const after = { import: report.importId, source: report.api, name: group.name, permissions };
  rows.push({ kind, row: { ...group, key: one.key, digest, label: group.name, permissions, after } });
}
