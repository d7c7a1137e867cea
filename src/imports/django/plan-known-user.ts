import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { differences } from './compare-user.ts';
import { digestUser } from './digest.ts';
import type { Known } from './known.ts';
import { changedEntry, type Planning } from './planning.ts';
import type { PresentUser } from './present.ts';
import type { DjangoUser } from './reader/records.ts';
import { type RememberedUser, shortDigest } from './remembered.ts';
import { stageUserChange } from './stage-user.ts';
import { takeAway } from './take-away.ts';
import { compareThreeWays, lastImported, type Outcome, type UserChange } from './update-user.ts';

/** A record that an earlier run imported: compared, and with `--existing update` brought up to date. */
export function planKnownUser(planning: Planning, one: DjangoUser, before: Known, isProvable: boolean): void {
  const { report, present, options } = planning;
  const here = present.users.get(before.localId);
  planning.matched.add(before.localId);
  if (!here) {
    report.users.known++;
    report.changedInSignet.push(changedEntry(one, one.username, ['deleted']));
    return;
  }
  const last = options.existing === 'update' ? lastImported(planning, one, before, here) : null;
  if (last) {
    const isVerified = isProvable && (options.trustEmails || one.isEmailVerified);
    const mayActivate = !present.deactivatedHere.has(here.id);
    update(planning, one, before, here, last, compareThreeWays(planning, one, here, last, mayActivate, isVerified));
    return;
  }
  const wasMade = before.digest === digestUser('made', one);
  const wasJoined = before.digest === digestUser('joined', one);
  const mayTake = options.existing === 'update' && !wasMade && !wasJoined;
  const left = mayTake ? takeAway(planning, one, before, here) : here;
  report.users[left === here ? 'known' : 'updated']++;
  const fields = differences(planning, one, left, wasJoined, (before.imported as RememberedUser | null)?.epoch ?? 1);
  if (!wasMade && !wasJoined) report.changedInDump.push(changedEntry(one, one.username, fields));
  else if (fields.length > 0) report.changedInSignet.push(changedEntry(one, one.username, fields));
}

function update(
  planning: Planning,
  one: DjangoUser,
  before: Known,
  here: PresentUser,
  last: RememberedUser,
  outcome: Outcome,
): void {
  const { report } = planning;
  const { change, applied, taken, kept, own } = outcome;
  const list = (to: typeof report.applied, fields: readonly string[]) =>
    fields.length > 0 && to.push(changedEntry(one, one.username, fields));
  list(report.applied, applied);
  list(report.takenAway, taken);
  list(report.keptHere, kept);
  list(report.changedInSignet, own);
  const isChanged = applied.length + taken.length > 0;
  report.users[isChanged ? 'updated' : 'known']++;
  const digest = kept.length === 0 ? digestUser('made', one) : before.digest;
  if (change) stageUserChange(planning, here, before.key, digest, change, isChanged);
  else if (digest !== before.digest || before.imported === null)
    stageUserChange(planning, here, before.key, digest, unchanged(last), false);
}

function unchanged(remembered: RememberedUser): UserChange {
  const none = { groupsGained: [], groupsLost: [], permissionsGained: [], permissionsLost: [] };
  return { set: {}, role: null, ...none, remembered, before: {}, after: {} };
}

/** The users whose name this import changes, before anything is decided: their names are free for others. */
export function findLeaving(planning: Planning): void {
  const { dump, present, options, leaving } = planning;
  if (options.existing !== 'update') return;
  for (const one of dump.users.records) {
    const known = present.known.user.get(one.key);
    const here = known && present.users.get(known.localId);
    if (known && here && takesName(one, known, here)) leaving.add(here.id);
  }
}

/** Whether an update gives a user another name: it changed in the source, and not here. */
export function takesName(one: DjangoUser, { imported }: Known, here: PresentUser): boolean {
  const last = imported as RememberedUser | null;
  if (last === null || shortDigest(one.sourceName) === last.source.username) return false;
  const isOurs = shortDigest(here.username) === last.local.username;
  return isOurs && casefoldName(normalizeName(one.username)) !== casefoldName(here.username);
}
