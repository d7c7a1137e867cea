import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { differences } from './compare-user.ts';
import { digestUser } from './digest.ts';
import type { ExistingUser } from './existing.ts';
import { type ImportedUser, shortDigest } from './imported-values.ts';
import { planRemovals } from './plan-removals.ts';
import { changedEntry, type PlanState } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser } from './reader/records.ts';
import { stageUserChange } from './stage-user.ts';
import { compareThreeWays, lastImported, type Outcome, type UserChange } from './update-user.ts';

/** A record that an earlier run imported: compared, and with `--existing update` brought up to date. */
export function planImportedUser(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  isUniqueAddress: boolean,
): void {
  const { report, existing, options } = state;
  const local = existing.users.get(previous.localId);
  state.matched.add(previous.localId);
  if (!local) {
    report.users.known++;
    report.changedInSignet.push(changedEntry(one, one.username, ['deleted']));
    return;
  }
  const last = options.existing === 'update' ? lastImported(state, one, previous, local) : null;
  if (last) {
    const isVerified = isUniqueAddress && (options.trustEmails || one.isEmailVerified);
    const mayActivate = !existing.deactivatedHere.has(local.id);
    update(state, one, previous, local, last, compareThreeWays(state, one, local, last, mayActivate, isVerified));
    return;
  }
  const wasMade = previous.digest === digestUser('made', one);
  const wasJoined = previous.digest === digestUser('joined', one);
  const mayRemove = options.existing === 'update' && !wasMade && !wasJoined;
  const left = mayRemove ? planRemovals(state, one, previous, local) : local;
  report.users[left === local ? 'known' : 'updated']++;
  const fields = differences(state, one, left, wasJoined, (previous.imported as ImportedUser | null)?.epoch ?? 1);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedEntry(one, one.username, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedEntry(one, one.username, fields));
}

function update(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  local: ExistingUser,
  last: ImportedUser,
  outcome: Outcome,
): void {
  const { report } = state;
  const { change, applied, taken, kept, own } = outcome;
  const list = (to: typeof report.applied, fields: readonly string[]) =>
    fields.length > 0 && to.push(changedEntry(one, one.username, fields));
  list(report.applied, applied);
  list(report.takenAway, taken);
  list(report.keptHere, kept);
  list(report.changedInSignet, own);
  const isChanged = applied.length + taken.length > 0;
  report.users[isChanged ? 'updated' : 'known']++;
  const digest = kept.length === 0 ? digestUser('made', one) : previous.digest;
  if (change) stageUserChange(state, local, previous.key, digest, change, isChanged);
  else if (digest !== previous.digest || previous.imported === null)
    stageUserChange(state, local, previous.key, digest, unchanged(last), false);
}

function unchanged(imported: ImportedUser): UserChange {
  const none = { groupsGained: [], groupsLost: [], permissionsGained: [], permissionsLost: [] };
  return { set: {}, role: null, ...none, imported, before: {}, after: {} };
}

/** The users whose name this import changes, before anything is decided: their names are free for others. */
export function findRenamed(state: PlanState): void {
  const { dump, existing, options, renamed } = state;
  if (options.existing !== 'update') return;
  for (const one of dump.users.records) {
    const previous = existing.previousByKey.user.get(one.key);
    const local = previous && existing.users.get(previous.localId);
    if (previous && local && changesName(one, previous, local)) renamed.add(local.id);
  }
}

/** Whether an update gives a user another name: it changed in the source, and not here. */
export function changesName(one: DjangoUser, { imported }: PreviousImport, local: ExistingUser): boolean {
  const last = imported as ImportedUser | null;
  if (last === null || shortDigest(one.sourceName) === last.source.username) return false;
  const isOurs = shortDigest(local.username) === last.local.username;
  return isOurs && casefoldName(normalizeName(one.username)) !== casefoldName(local.username);
}
