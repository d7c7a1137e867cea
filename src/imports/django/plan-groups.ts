import { randomUUIDv7 } from 'node:crypto';
import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { BATCH, type Steps } from './batches.ts';
import { canonical, digestGroup } from './digest.ts';
import type { Known } from './known.ts';
import {
  changedEntry,
  givenNames,
  groupByName,
  knownAs,
  noteSpelling,
  type Planning,
  reportEntry,
} from './planning.ts';
import type { PresentGroup } from './present.ts';
import type { DjangoGroup } from './reader/records.ts';
import { type RememberedGroup, rememberGroup, shortDigest } from './remembered.ts';

export function* planGroups(planning: Planning): Steps<void> {
  const { dump, present } = planning;
  let done = 0;
  const leaving = findLeaving(planning);
  for (const [nameKey, records] of groupByName(dump.groups.records, (one) => casefoldName(one.name))) {
    const hereId = present.groupIds.get(nameKey);
    const ours = hereId === undefined || records.length > 1 ? undefined : present.ours.group.get(hereId);
    const known = records.map((one) => knownAs(one, present.known.group, ours));
    for (const [index, one] of records.entries()) {
      const before = known[index];
      const here = before && present.groups.get(before.localId);
      const other = records.find((another) => another !== one);
      const isFree = hereId === undefined || hereId === before?.localId || leaving.has(hereId);
      const moves = before && here && takesName(planning, one, before, here);
      if (before && !(moves && (other || !isFree))) planKnown(planning, one, before, here);
      else if (other) {
        planConflict(planning, one, `${other.record} "${other.name}" is the same name in Signet`);
        // The first keeps the name, unless somebody has it already.
        if (index > 0 || hereId !== undefined) misname(planning, one);
      } else if (hereId !== undefined && !isFree)
        planExisting(planning, one, present.groups.get(hereId) as PresentGroup);
      else planNew(planning, one, nameKey);
      if (++done % BATCH === 0) yield done;
    }
  }
  for (const { one, before } of dump.kept.groups) {
    planKnown(planning, one, before, present.groups.get(before.localId));
    if (++done % BATCH === 0) yield done;
  }
}

/** Ids of groups whose name this import changes: it is free for others. */
function findLeaving(planning: Planning): Set<string> {
  const leaving = new Set<string>();
  for (const one of planning.dump.groups.records) {
    const known = planning.present.known.group.get(one.key);
    const here = known && planning.present.groups.get(known.localId);
    if (known && here && takesName(planning, one, known, here)) leaving.add(here.id);
  }
  return leaving;
}

function takesName(planning: Planning, one: DjangoGroup, before: Known, here: PresentGroup): boolean {
  const last = lastImported(planning, one, before);
  if (last === null || shortDigest(one.sourceName) === last.source) return false;
  return shortDigest(here.name) === last.local && casefoldName(one.name) !== casefoldName(here.name);
}

/** What was imported last; null where it is not asked for, or an earlier version imported it and the source has changed since. */
function lastImported(planning: Planning, one: DjangoGroup, before: Known): RememberedGroup | null {
  if (planning.options.existing !== 'update') return null;
  if (before.imported) return before.imported as unknown as RememberedGroup;
  return before.digest === digestGroup('made', one) ? rememberGroup(one, fitting(planning, one)) : null;
}

function fitting(planning: Planning, one: DjangoGroup): string[] {
  return one.permissions.filter((name) => planning.available.has(name)).sort();
}

function planKnown(planning: Planning, one: DjangoGroup, before: Known, here: PresentGroup | undefined): void {
  const { report } = planning;
  planning.matched.add(before.localId);
  if (!here) {
    report.groups.known++;
    planning.groups.set(one, { why: 'was deleted in Signet' });
    report.changedInSignet.push(changedEntry(one, one.name, ['deleted']));
    return;
  }
  place(planning, one, here.id, here.name);
  const last = lastImported(planning, one, before);
  if (last) {
    update(planning, one, before, here, last);
    return;
  }
  const wasMade = before.digest === digestGroup('made', one);
  const wasJoined = before.digest === digestGroup('joined', one);
  const mayTake = planning.options.existing === 'update' && !wasMade && !wasJoined;
  const left = mayTake ? takeAway(planning, one, before, here) : here;
  report.groups[left === here ? 'known' : 'updated']++;
  const fields = differences(planning, one, left, wasJoined);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedEntry(one, one.name, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedEntry(one, one.name, fields));
}

/**
 * As `takeAway` of users: of a group that an earlier version imported, and that changed since, what Django took away is taken all
 * the same. Answers the group as it is then, the same one where nothing was taken.
 */
function takeAway(planning: Planning, one: DjangoGroup, before: Known, here: PresentGroup): PresentGroup {
  const { present, report, rows, names, effects } = planning;
  const given = present.given.groups.get(here.id)?.permissions ?? here.permissions;
  const lost = [...given].filter((name) => here.permissions.has(name) && !one.permissions.includes(name)).sort();
  if (lost.length === 0) return here;
  report.takenAway.push(changedEntry(one, one.name, lost));
  for (const name of lost) names.add(name);
  effects.groups.less.push(here.id);
  const { id, name: label, fingerprint } = here;
  const sides = { before: { permissions: lost }, after: { import: report.importId, source: report.api } };
  const unknown = { key: before.key, digest: before.digest, imported: null };
  const changes = { set: {}, permissionsGained: [], permissionsLost: lost, isAudited: true };
  rows.push({ kind: 'old-group', row: { id, label, fingerprint, ...unknown, ...changes, ...sides } });
  return { ...here, permissions: new Set([...here.permissions].filter((name) => !lost.includes(name))) };
}

/** As `compareThreeWays` of users: what changed in the source alone is brought, what is lost there is lost here. */
function update(planning: Planning, one: DjangoGroup, before: Known, here: PresentGroup, last: RememberedGroup): void {
  const { report, effects } = planning;
  const wanted = givenNames(planning, one, one.name, one.permissions);
  const gained = wanted.filter((name) => !last.permissions.includes(name) && !here.permissions.has(name));
  const lost = last.permissions.filter((name) => !wanted.includes(name) && here.permissions.has(name));
  const isNamed = shortDigest(one.sourceName) !== last.source;
  const [target, isOwn] = [normalizeName(one.name), shortDigest(here.name) !== last.local];
  const isKept = isNamed && (one.nameProblem !== null || (isOwn && here.name !== target));
  const isRenamed = isNamed && !isOwn && here.name !== target;
  const own = [
    ...(isOwn && !isNamed ? ['name'] : []),
    ...(wanted.some((name) => last.permissions.includes(name) && !here.permissions.has(name)) ||
    [...here.permissions].some((name) => !last.permissions.includes(name) && !wanted.includes(name))
      ? ['permissions']
      : []),
  ];
  const applied = [...(isRenamed ? ['name'] : []), ...(gained.length > 0 ? ['permissions'] : [])];
  if (applied.length > 0) report.applied.push(changedEntry(one, one.name, applied));
  if (lost.length > 0) report.takenAway.push(changedEntry(one, one.name, lost));
  if (isKept) report.keptHere.push(changedEntry(one, one.name, ['name']));
  if (own.length > 0) report.changedInSignet.push(changedEntry(one, one.name, own));
  const isChanged = applied.length + lost.length > 0;
  report.groups[isChanged ? 'updated' : 'known']++;
  report.added.groupPermissions += gained.length;
  for (const name of [...gained, ...lost]) planning.names.add(name);
  if (gained.length > 0) effects.groups.more.push(here.id);
  if (lost.length > 0) effects.groups.less.push(here.id);
  if (isRenamed) effects.groups.renamed.push(here.id);
  if (isRenamed) planning.groupNames.set(here.id, target);
  const names = isNamed && !isKept ? { source: shortDigest(one.sourceName), local: shortDigest(target) } : {};
  const imported = { ...last, ...names, permissions: [...wanted].sort() };
  const digest = isKept ? before.digest : digestGroup('made', one);
  if (!isChanged && digest === before.digest && canonical(imported) === canonical(before.imported)) return;
  const set = isRenamed ? { name: target, nameKey: casefoldName(target) } : {};
  const { fingerprint } = here;
  const sides = {
    before: { ...(isRenamed ? { name: here.name } : {}), ...(lost.length > 0 ? { permissions: lost } : {}) },
    after: { import: report.importId, source: report.api, ...(isRenamed ? { name: target } : {}), permissions: gained },
  };
  const row = { id: here.id, key: before.key, label: isRenamed ? target : here.name, digest, imported, fingerprint };
  planning.rows.push({
    kind: 'old-group',
    row: { ...row, set, permissionsGained: gained, permissionsLost: lost, isAudited: isChanged, ...sides },
  });
}

/** A group that was joined keeps what it had of its own. */
function differences(planning: Planning, one: DjangoGroup, here: PresentGroup, isJoined: boolean): string[] {
  const expected = fitting(planning, one);
  const isMissing = expected.some((name) => !here.permissions.has(name));
  const isMore = !isJoined && here.permissions.size !== expected.length;
  return [
    ...(isJoined || here.name === normalizeName(one.name) ? [] : ['name']),
    ...(isMissing || isMore ? ['permissions'] : []),
  ];
}

function planConflict(planning: Planning, one: DjangoGroup, what: string): void {
  planning.report.groups.conflicts++;
  planning.report.conflicts.push(reportEntry(one, one.name, what));
  planning.groups.set(one, { why: null });
}

function misname({ misnamed }: Planning, { record, sourceName: name }: DjangoGroup): void {
  misnamed.push({ kind: 'group', record, name });
}

/** Somebody made a group of that name who did not import it from this source: an equal name does not make it the same. */
function planExisting(planning: Planning, one: DjangoGroup, here: PresentGroup): void {
  const { report, options, groups } = planning;
  if (options.existing === 'skip') {
    report.groups.skipped++;
    report.skipped.push(reportEntry(one, one.name, 'Signet has a group of this name from elsewhere'));
    groups.set(one, { why: 'was skipped: Signet has a group of this name from elsewhere', isSkipped: true });
    return;
  }
  planConflict(planning, one, `Signet has a group "${here.name}" from elsewhere`);
  misname(planning, one);
}

function planNew(planning: Planning, one: DjangoGroup, nameKey: string): void {
  const { report, rows, names } = planning;
  const id = randomUUIDv7();
  report.groups.created++;
  place(planning, one, id, normalizeName(one.name));
  noteSpelling(planning, one, one.name);
  const permissions = givenNames(planning, one, one.name, one.permissions);
  report.added.groupPermissions += permissions.length;
  for (const name of permissions) names.add(name);
  const name = normalizeName(one.name);
  const imported = rememberGroup(one, [...permissions].sort());
  const after = { import: report.importId, source: report.api, name, permissions };
  const digest = digestGroup('made', one);
  rows.push({
    kind: 'new-group',
    row: { id, name, nameKey, key: one.key, digest, imported, label: name, permissions, after },
  });
}

function place(planning: Planning, one: DjangoGroup, id: string, name: string): void {
  planning.groups.set(one, { id });
  planning.groupNames.set(id, name);
}
