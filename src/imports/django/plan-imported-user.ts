import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { differences } from './compare-user.ts';
import { digestUser } from './digest.ts';
import type { ExistingUser } from './existing-rows.ts';
import { type ImportedUser, shortDigest } from './imported-values.ts';
import { planRemovals } from './plan-removals.ts';
import { changedEntry, type PlanState } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser } from './reader/records.ts';
import { stageUserChange } from './stage-user.ts';
import { compareThreeWays, lastImported, type UserChange, type UserOutcome } from './update-user.ts';

/** Compares a record that an earlier run imported with the local user, and changes the user if the run is an update. */
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
    const mayActivate = !existing.deactivatedLocally.has(local.id);
    const outcome = compareThreeWays(state, one, local, last, { mayActivate, isVerified });
    planUpdate(state, one, { previous, local, last }, outcome);
    return;
  }
  const wasMade = previous.digest === digestUser('made', one);
  const wasJoined = previous.digest === digestUser('joined', one);
  const mayRemove = options.existing === 'update' && !wasMade && !wasJoined;
  const remaining = mayRemove ? planRemovals(state, one, previous, local) : local;
  report.users[remaining === local ? 'known' : 'updated']++;
  const epoch = (previous.imported as ImportedUser | null)?.epoch ?? 1;
  const fields = differences(state, one, remaining, wasJoined, epoch);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedEntry(one, one.username, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedEntry(one, one.username, fields));
}

interface UserVersions {
  readonly previous: PreviousImport;
  readonly local: ExistingUser;
  /** The values of the last import. */
  readonly last: ImportedUser;
}

function planUpdate(
  state: PlanState,
  one: DjangoUser,
  { previous, local, last }: UserVersions,
  { change, applied, removed, conflicting, own }: UserOutcome,
): void {
  const { report } = state;
  const list = (to: typeof report.applied, fields: readonly string[]) =>
    fields.length > 0 && to.push(changedEntry(one, one.username, fields));
  list(report.applied, applied);
  list(report.takenAway, removed);
  list(report.keptHere, conflicting);
  list(report.changedInSignet, own);
  const isChanged = applied.length + removed.length > 0;
  report.users[isChanged ? 'updated' : 'known']++;
  const digest = conflicting.length === 0 ? digestUser('made', one) : previous.digest;
  const source = { key: previous.key, digest };
  if (change) stageUserChange(state, local, source, change, isChanged);
  else if (digest !== previous.digest || previous.imported === null)
    stageUserChange(state, local, source, noChange(last), false);
}

function noChange(imported: ImportedUser): UserChange {
  const none = { groupsGained: [], groupsLost: [], permissionsGained: [], permissionsLost: [] };
  return { set: {}, role: null, ...none, imported, before: {}, after: {} };
}

/** Finds the users whom this import renames, before other decisions: their old names are free for other records. */
export function findRenamed(state: PlanState): void {
  const { dump, existing, options, renamed } = state;
  if (options.existing !== 'update') return;
  for (const one of dump.users.records) {
    const previous = existing.previousByKey.user.get(one.key);
    const local = previous && existing.users.get(previous.localId);
    if (previous && local && changesName(one, previous, local)) renamed.add(local.id);
  }
}

/** Returns whether an update renames a user: the name changed in the source and not in Signet. */
export function changesName(one: DjangoUser, { imported }: PreviousImport, local: ExistingUser): boolean {
  const last = imported as ImportedUser | null;
  if (last === null || shortDigest(one.sourceName) === last.source.username) return false;
  const isUnchanged = shortDigest(local.username) === last.local.username;
  return isUnchanged && casefoldName(normalizeName(one.username)) !== casefoldName(local.username);
}
