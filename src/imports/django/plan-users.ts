import { randomUUIDv7 } from 'node:crypto';
import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { BATCH, type Steps } from './batches.ts';
import { readGroupIds } from './compare-user.ts';
import { digestUser } from './digest.ts';
import { importPassword } from './imported-password.ts';
import { findLeaving, planKnownUser, takesName } from './plan-known-user.ts';
import {
  givenNames,
  groupByName,
  knownAs,
  notePassword,
  noteSpelling,
  type Planning,
  reportEntry,
} from './planning.ts';
import type { PresentUser } from './present.ts';
import type { DjangoUser } from './reader/records.ts';
import { localValues, type RememberedUser, sourceValues } from './remembered.ts';
import { Tally } from './report.ts';

export function* planUsers(planning: Planning): Steps<void> {
  const { dump, present, report } = planning;
  const emails = groupByName(
    [...dump.users.records, ...dump.kept.users.map(({ one }) => one)].filter((one) => one.email !== ''),
    (one) => casefoldName(one.email),
  );
  findLeaving(planning);
  const tallies = { algorithms: new Tally(), attributes: new Tally() };
  let done = 0;
  for (const [usernameKey, records] of groupByName(dump.users.records, (one) => casefoldName(one.username))) {
    const hereId = present.userIds.get(usernameKey);
    const ours = hereId === undefined || records.length > 1 ? undefined : present.ours.user.get(hereId);
    const known = records.map((one) => knownAs(one, present.known.user, ours));
    const keeper = lastSeen(records);
    for (const [index, one] of records.entries()) {
      const before = known[index];
      const other = records.find((another) => another !== one);
      const here = before && present.users.get(before.localId);
      const isFree = hereId === undefined || hereId === before?.localId || planning.leaving.has(hereId);
      const moves = before && here && planning.options.existing === 'update' && takesName(one, before, here);
      if (before && !(moves && (other || !isFree))) {
        planKnownUser(planning, one, before, isProvable(planning, one, emails, before.localId));
      } else if (other) {
        planConflict(planning, one, `${other.record} "${other.username}" is the same name in Signet`);
        if (one !== keeper || hereId !== undefined) misname(planning, one);
      } else if (hereId !== undefined) planExisting(planning, one, present.users.get(hereId) as PresentUser);
      else planNew(planning, one, usernameKey, emails, tallies);
      if (++done % BATCH === 0) yield done;
    }
  }
  for (const { one, before } of dump.kept.users) {
    planKnownUser(planning, one, before, isProvable(planning, one, emails, before.localId));
    if (++done % BATCH === 0) yield done;
  }
  report.passwords.byAlgorithm = tallies.algorithms.toRecord();
  report.attributes = tallies.attributes.toRecord();
}

function planConflict(planning: Planning, one: DjangoUser, what: string): void {
  planning.report.users.conflicts++;
  planning.report.conflicts.push(reportEntry(one, one.username, what));
}

function misname({ misnamed }: Planning, { record, sourceName: name }: DjangoUser): void {
  misnamed.push({ kind: 'user', record, name });
}

/** Of several who fold to one name the one who most likely goes by it still. */
function lastSeen(records: readonly DjangoUser[]): DjangoUser | undefined {
  const seen = (one: DjangoUser) => (one.isActive ? 1 : -1) * ((one.lastLogin?.getTime() ?? 0) + 1);
  return records.reduce<DjangoUser | undefined>(
    (best, one) => (best && seen(best) >= seen(one) ? best : one),
    undefined,
  );
}

/** Somebody has the name who was not imported from this source. An equal name is no proof of being the same person. */
function planExisting(planning: Planning, one: DjangoUser, here: PresentUser): void {
  const { report, options } = planning;
  if (options.existing === 'skip') {
    report.users.skipped++;
    report.skipped.push(reportEntry(one, one.username, 'Signet has a user of this name from elsewhere'));
    return;
  }
  planConflict(planning, one, `Signet has a user "${here.username}" from elsewhere`);
  misname(planning, one);
}

function readRights(planning: Planning, one: DjangoUser): { groups: string[]; permissions: string[] } {
  for (const group of one.groups) {
    const here = planning.groups.get(group);
    if (here && 'why' in here && here.why !== null)
      planning.report[here.isSkipped ? 'skipped' : 'unmapped'].push(
        reportEntry(one, one.username, `its group "${group.name}" ${here.why}`),
      );
  }
  return { groups: readGroupIds(planning, one), permissions: givenNames(planning, one, one.username, one.permissions) };
}

interface Tallies {
  readonly algorithms: Tally;
  readonly attributes: Tally;
}

function planNew(planning: Planning, one: DjangoUser, usernameKey: string, emails: Emails, tallies: Tallies): void {
  const { report, now, options } = planning;
  const id = randomUUIDv7();
  report.users.created++;
  noteName(planning, one, usernameKey, emails);
  const password = importPassword(one.password);
  tallies.algorithms.add(password.algorithm);
  notePassword(planning, one, password);
  for (const field of Object.keys(one.attributes)) tallies.attributes.add(field);
  const { isActive, isStaff, isSuperuser } = one;
  if (isSuperuser) report.superusers.names.push(one.username);
  if (isStaff) report.staff.names.push(one.username);
  const username = normalizeName(one.username);
  const isVerified = verify(planning, one, emails);
  const isGlobal = options.superusers === 'global';
  const fields = {
    username,
    email: one.email,
    firstName: one.firstName,
    lastName: one.lastName,
    isActive,
    isStaff,
    isSuperuser,
  };
  const row = {
    id,
    label: username,
    ...fields,
    usernameKey,
    emailKey: one.email === '' ? null : casefoldName(one.email),
    emailVerifiedAt: isVerified ? now : null,
    password: password.encoded,
    isStaff: isGlobal && isStaff,
    isSuperuser: isGlobal && isSuperuser,
    role: !isGlobal && (isStaff || isSuperuser) ? { isStaff, isSuperuser } : null,
    dateJoined: one.dateJoined ?? now,
    lastLogin: one.lastLogin,
    attributes: one.attributes,
    ...readRights(planning, one),
  };
  stage(planning, one, row, {
    ...fields,
    flagScope: options.superusers,
    attributes: Object.keys(one.attributes),
  });
}

/** A login takes a username before an address, so a name that is somebody else's address deserves a look. */
function noteName(planning: Planning, one: DjangoUser, usernameKey: string, emails: Emails): void {
  noteSpelling(planning, one, one.username);
  if (!usernameKey.includes('@')) return;
  const other = emails.get(usernameKey)?.find((another) => another !== one);
  if (other)
    planning.report.addressLikeNames.push(reportEntry(one, one.username, `is the e-mail address of ${other.record}`));
  else if (planning.present.emailKeys.has(usernameKey))
    planning.report.addressLikeNames.push(
      reportEntry(one, one.username, 'is the e-mail address of somebody in Signet'),
    );
  else if (casefoldName(one.email) !== usernameKey)
    planning.report.addressLikeNames.push(reportEntry(one, one.username, 'looks like an e-mail address'));
}

type Emails = ReadonlyMap<string, readonly DjangoUser[]>;

/** Whether an address is nobody else's, in the dump and here. */
function isProvable({ present }: Planning, one: DjangoUser, emails: Emails, hereId?: string): boolean {
  const key = casefoldName(one.email);
  const others = emails.get(key)?.some((another) => another !== one) ?? false;
  return one.email !== '' && !others && !(present.emailKeys.get(key)?.some((id) => id !== hereId) ?? false);
}

/** Whether the address counts as proved: only when allauth or the operator says so, and when it is nobody else's. */
function verify(planning: Planning, one: DjangoUser, emails: Emails): boolean {
  if (one.email === '') return false;
  const { report, options } = planning;
  const isTrusted = options.trustEmails || one.isEmailVerified;
  const isUnique = isProvable(planning, one, emails);
  const isVerified = isTrusted && isUnique;
  report.emails[isVerified ? 'verified' : 'unverified']++;
  const other = emails.get(casefoldName(one.email))?.find((another) => another !== one);
  if (isTrusted && !isUnique)
    report.emails.notUnique.push(
      reportEntry(one, one.username, `its e-mail address is also that of ${other?.record ?? 'somebody in Signet'}`),
    );
  return isVerified;
}

/** What a new user's row holds, and what is remembered of it. */
function stage(
  planning: Planning,
  one: DjangoUser,
  row: { id: string; label: string; password: string; groups: readonly string[]; permissions: readonly string[] },
  shown: Record<string, unknown>,
): void {
  const { report, rows, names, options } = planning;
  report.added.memberships += row.groups.length;
  report.added.userPermissions += row.permissions.length;
  for (const name of row.permissions) names.add(name);
  const { isActive, isStaff, isSuperuser } = one;
  const imported: RememberedUser = {
    source: sourceValues(one),
    local: localValues(one, row.password),
    epoch: 1,
    ...{ isActive, isStaff, isSuperuser },
    flagScope: options.superusers,
    groups: [...row.groups].sort(),
    permissions: [...row.permissions].sort(),
  };
  const groups = row.groups.map((id) => planning.groupNames.get(id) ?? id);
  const origin = { import: report.importId, source: report.api };
  const after = { ...origin, ...shown, groups, permissions: row.permissions };
  rows.push({ kind: 'new-user', row: { ...row, key: one.key, digest: digestUser('made', one), imported, after } });
}
