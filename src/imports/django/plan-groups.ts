import { randomUUIDv7 } from 'node:crypto';
import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { BATCH, type Steps } from './batches.ts';
import { canonical, digestGroup } from './digest.ts';
import type { ExistingGroup } from './existing-rows.ts';
import { type ImportedGroup, importedGroup, shortDigest } from './imported-values.ts';
import { type Note, note } from './notes.ts';
import {
  availablePermissions,
  changedEntry,
  findPrevious,
  groupByName,
  type PlanState,
  reportEntry,
  reportSpelling,
} from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoGroup } from './reader/records.ts';

export function* planGroups(state: PlanState): Steps<void> {
  const { dump, existing } = state;
  let done = 0;
  const renamed = findRenamed(state);
  for (const [nameKey, records] of groupByName(dump.groups.records, (one) => casefoldName(one.name))) {
    const localId = existing.groupIds.get(nameKey);
    const namesake = localId === undefined || records.length > 1 ? undefined : existing.previousById.group.get(localId);
    const previousImports = records.map((one) => findPrevious(one, existing.previousByKey.group, namesake));
    for (const [index, one] of records.entries()) {
      const previous = previousImports[index];
      const local = previous && existing.groups.get(previous.localId);
      const other = records.find((another) => another !== one);
      const isFree = localId === undefined || localId === previous?.localId || renamed.has(localId);
      const isMove = previous && local && changesName(state, one, previous, local);
      if (previous && !(isMove && (other || !isFree))) planImported(state, one, previous, local);
      else if (other) {
        planConflict(state, one, note('name_repeated', { record: other.record, name: other.name }));
        // The first record keeps the name, unless a local group has it.
        if (index > 0 || localId !== undefined) addRenameCandidate(state, one);
      } else if (localId !== undefined && !isFree)
        planExisting(state, one, existing.groups.get(localId) as ExistingGroup);
      else planNew(state, one, nameKey);
      if (++done % BATCH === 0) yield done;
    }
  }
  for (const { one, previous } of dump.retained.groups) {
    planImported(state, one, previous, existing.groups.get(previous.localId));
    if (++done % BATCH === 0) yield done;
  }
}

/** Returns the ids of groups that this import renames: their old names are free for other records. */
function findRenamed(state: PlanState): Set<string> {
  const renamed = new Set<string>();
  for (const one of state.dump.groups.records) {
    const previous = state.existing.previousByKey.group.get(one.key);
    const local = previous && state.existing.groups.get(previous.localId);
    if (previous && local && changesName(state, one, previous, local)) renamed.add(local.id);
  }
  return renamed;
}

function changesName(state: PlanState, one: DjangoGroup, previous: PreviousImport, local: ExistingGroup): boolean {
  const last = lastImported(state, one, previous);
  if (last === null || shortDigest(one.sourceName) === last.source) return false;
  return shortDigest(local.name) === last.local && casefoldName(one.name) !== casefoldName(local.name);
}

/** Returns the values of the last import; null without an update, or if an earlier version made it and the source has changed since. */
function lastImported(state: PlanState, one: DjangoGroup, previous: PreviousImport): ImportedGroup | null {
  if (state.options.existing !== 'update') return null;
  if (previous.imported) return previous.imported as unknown as ImportedGroup;
  return previous.digest === digestGroup('made', one) ? importedGroup(one, availableNames(state, one)) : null;
}

function availableNames(state: PlanState, one: DjangoGroup): string[] {
  return one.permissions.filter((name) => state.available.has(name)).sort();
}

function planImported(
  state: PlanState,
  one: DjangoGroup,
  previous: PreviousImport,
  local: ExistingGroup | undefined,
): void {
  const { report } = state;
  state.matched.add(previous.localId);
  if (!local) {
    report.groups.known++;
    state.groups.set(one, { problem: 'group_deleted' });
    report.changedInSignet.push(changedEntry(one, one.name, ['deleted']));
    return;
  }
  setLocalGroup(state, one, local.id, local.name);
  const last = lastImported(state, one, previous);
  if (last) {
    update(state, one, previous, local, last);
    return;
  }
  const wasMade = previous.digest === digestGroup('made', one);
  const wasJoined = previous.digest === digestGroup('joined', one);
  const mayRemove = state.options.existing === 'update' && !wasMade && !wasJoined;
  const remaining = mayRemove ? planRemovals(state, one, previous, local) : local;
  report.groups[remaining === local ? 'known' : 'updated']++;
  const fields = differences(state, one, remaining, wasJoined);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedEntry(one, one.name, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedEntry(one, one.name, fields));
}

/**
 * Like `planRemovals` of users: removes permissions that Django removed from a group that an earlier version imported. Returns the group
 * after that, or the same object if nothing was removed.
 */
function planRemovals(
  state: PlanState,
  one: DjangoGroup,
  previous: PreviousImport,
  local: ExistingGroup,
): ExistingGroup {
  const { existing, report, rows, names, effects } = state;
  const granted = existing.log.groups.get(local.id)?.permissions ?? local.permissions;
  const lost = [...granted].filter((name) => local.permissions.has(name) && !one.permissions.includes(name)).sort();
  if (lost.length === 0) return local;
  report.takenAway.push(changedEntry(one, one.name, lost));
  for (const name of lost) names.add(name);
  effects.groups.removed.push(local.id);
  const { id, name: label, fingerprint } = local;
  const sides = { before: { permissions: lost }, after: { import: report.importId, source: report.api } };
  const unknown = { key: previous.key, digest: previous.digest, imported: null };
  const changes = { set: {}, permissionsGained: [], permissionsLost: lost, isAudited: true };
  rows.push({ kind: 'old-group', row: { id, label, fingerprint, ...unknown, ...changes, ...sides } });
  return { ...local, permissions: new Set([...local.permissions].filter((name) => !lost.includes(name))) };
}

/** Like `compareThreeWays` of users: applies changes in the source only, and all removals. */
function update(
  state: PlanState,
  one: DjangoGroup,
  previous: PreviousImport,
  local: ExistingGroup,
  last: ImportedGroup,
): void {
  const { report, effects } = state;
  const sourcePermissions = availablePermissions(state, one, one.name, one.permissions);
  const gained = sourcePermissions.filter((name) => !last.permissions.includes(name) && !local.permissions.has(name));
  const lost = last.permissions.filter((name) => !sourcePermissions.includes(name) && local.permissions.has(name));
  const isNamed = shortDigest(one.sourceName) !== last.source;
  const [target, isOwn] = [normalizeName(one.name), shortDigest(local.name) !== last.local];
  const isKept = isNamed && (one.nameProblem !== null || (isOwn && local.name !== target));
  const isRenamed = isNamed && !isOwn && local.name !== target;
  const own = [
    ...(isOwn && !isNamed ? ['name'] : []),
    ...(sourcePermissions.some((name) => last.permissions.includes(name) && !local.permissions.has(name)) ||
    [...local.permissions].some((name) => !last.permissions.includes(name) && !sourcePermissions.includes(name))
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
  for (const name of [...gained, ...lost]) state.names.add(name);
  if (gained.length > 0) effects.groups.added.push(local.id);
  if (lost.length > 0) effects.groups.removed.push(local.id);
  if (isRenamed) effects.groups.renamed.push(local.id);
  if (isRenamed) state.groupNames.set(local.id, target);
  const names = isNamed && !isKept ? { source: shortDigest(one.sourceName), local: shortDigest(target) } : {};
  const imported = { ...last, ...names, permissions: [...sourcePermissions].sort() };
  const digest = isKept ? previous.digest : digestGroup('made', one);
  if (!isChanged && digest === previous.digest && canonical(imported) === canonical(previous.imported)) return;
  const set = isRenamed ? { name: target, nameKey: casefoldName(target) } : {};
  const { fingerprint } = local;
  const sides = {
    before: { ...(isRenamed ? { name: local.name } : {}), ...(lost.length > 0 ? { permissions: lost } : {}) },
    after: { import: report.importId, source: report.api, ...(isRenamed ? { name: target } : {}), permissions: gained },
  };
  const row = {
    id: local.id,
    key: previous.key,
    label: isRenamed ? target : local.name,
    digest,
    imported,
    fingerprint,
  };
  state.rows.push({
    kind: 'old-group',
    row: { ...row, set, permissionsGained: gained, permissionsLost: lost, isAudited: isChanged, ...sides },
  });
}

/** Returns the fields in which a group differs from its record. A group that was joined keeps its own name and permissions. */
function differences(state: PlanState, one: DjangoGroup, local: ExistingGroup, isJoined: boolean): string[] {
  const expected = availableNames(state, one);
  const isMissing = expected.some((name) => !local.permissions.has(name));
  const isMore = !isJoined && local.permissions.size !== expected.length;
  return [
    ...(isJoined || local.name === normalizeName(one.name) ? [] : ['name']),
    ...(isMissing || isMore ? ['permissions'] : []),
  ];
}

function planConflict(state: PlanState, one: DjangoGroup, about: Note): void {
  state.report.groups.conflicts++;
  state.report.conflicts.push(reportEntry(one, one.name, about));
  state.groups.set(one, { problem: null });
}

function addRenameCandidate({ renameCandidates }: PlanState, { record, sourceName: name }: DjangoGroup): void {
  renameCandidates.push({ kind: 'group', record, name });
}

/** Plans a record whose name a local group from elsewhere has: an equal name does not make them the same group. */
function planExisting(state: PlanState, one: DjangoGroup, local: ExistingGroup): void {
  const { report, options, groups } = state;
  const about = note('name_taken', { kind: 'group', name: local.name });
  if (options.existing === 'skip') {
    report.groups.skipped++;
    report.skipped.push(reportEntry(one, one.name, about));
    groups.set(one, { problem: 'group_skipped' });
    return;
  }
  planConflict(state, one, about);
  addRenameCandidate(state, one);
}

function planNew(state: PlanState, one: DjangoGroup, nameKey: string): void {
  const { report, rows, names } = state;
  const id = randomUUIDv7();
  report.groups.created++;
  setLocalGroup(state, one, id, normalizeName(one.name));
  reportSpelling(state, one, one.name);
  const permissions = availablePermissions(state, one, one.name, one.permissions);
  report.added.groupPermissions += permissions.length;
  for (const name of permissions) names.add(name);
  const name = normalizeName(one.name);
  const imported = importedGroup(one, [...permissions].sort());
  const after = { import: report.importId, source: report.api, name, permissions };
  const digest = digestGroup('made', one);
  rows.push({
    kind: 'new-group',
    row: { id, name, nameKey, key: one.key, digest, imported, label: name, permissions, after },
  });
}

function setLocalGroup(state: PlanState, one: DjangoGroup, id: string, name: string): void {
  state.groups.set(one, { id });
  state.groupNames.set(id, name);
}
