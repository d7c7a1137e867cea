import { randomUUIDv7 } from 'node:crypto';
import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { BATCH, type Steps } from './batches.ts';
import { readGroupIds } from './compare-user.ts';
import { digestUser } from './digest.ts';
import type { ExistingUser } from './existing-rows.ts';
import { type ImportedUser, importPassword, localValues, sourceValues } from './imported-values.ts';
import { type Note, note } from './notes.ts';
import { changesName, findRenamed, planImportedUser } from './plan-imported-user.ts';
import {
  availablePermissions,
  findPrevious,
  groupByName,
  type PlanState,
  reportEntry,
  reportPassword,
  reportSpelling,
} from './plan-state.ts';
import type { DjangoUser } from './reader/records.ts';
import { Tally } from './report.ts';

export function* planUsers(state: PlanState): Steps<void> {
  const { dump, existing, report } = state;
  const emails = groupByName(
    [...dump.users.records, ...dump.retained.users.map(({ one }) => one)].filter((one) => one.email !== ''),
    (one) => casefoldName(one.email),
  );
  findRenamed(state);
  const tallies = { algorithms: new Tally(), attributes: new Tally() };
  let done = 0;
  for (const [usernameKey, records] of groupByName(dump.users.records, (one) => casefoldName(one.username))) {
    const localId = existing.userIds.get(usernameKey);
    const namesake = localId === undefined || records.length > 1 ? undefined : existing.previousById.user.get(localId);
    const previousImports = records.map((one) => findPrevious(one, existing.previousByKey.user, namesake));
    const keeper = mostRecentlyActive(records);
    for (const [index, one] of records.entries()) {
      const previous = previousImports[index];
      const other = records.find((another) => another !== one);
      const local = previous && existing.users.get(previous.localId);
      const isFree = localId === undefined || localId === previous?.localId || state.renamed.has(localId);
      const isMove = previous && local && state.options.existing === 'update' && changesName(one, previous, local);
      if (previous && !(isMove && (other || !isFree))) {
        planImportedUser(state, one, previous, isUniqueAddress(state, one, emails, previous.localId));
      } else if (other) {
        planConflict(state, one, note('name_repeated', { record: other.record, name: other.username }));
        if (one !== keeper || localId !== undefined) addRenameCandidate(state, one);
      } else if (localId !== undefined) planExisting(state, one, existing.users.get(localId) as ExistingUser);
      else planNew(state, one, usernameKey, emails, tallies);
      if (++done % BATCH === 0) yield done;
    }
  }
  for (const { one, previous } of dump.retained.users) {
    planImportedUser(state, one, previous, isUniqueAddress(state, one, emails, previous.localId));
    if (++done % BATCH === 0) yield done;
  }
  report.passwords.byAlgorithm = tallies.algorithms.toRecord();
  report.attributes = tallies.attributes.toRecord();
}

function planConflict(state: PlanState, one: DjangoUser, about: Note): void {
  state.report.users.conflicts++;
  state.report.conflicts.push(reportEntry(one, one.username, about));
}

function addRenameCandidate({ renameCandidates }: PlanState, { record, sourceName: name }: DjangoUser): void {
  renameCandidates.push({ kind: 'user', record, name });
}

/** Returns the user who most likely still uses the name, of several with one folded name. */
function mostRecentlyActive(records: readonly DjangoUser[]): DjangoUser | undefined {
  const activity = (one: DjangoUser) => (one.isActive ? 1 : -1) * ((one.lastLogin?.getTime() ?? 0) + 1);
  return records.reduce<DjangoUser | undefined>(
    (best, one) => (best && activity(best) >= activity(one) ? best : one),
    undefined,
  );
}

/** Plans a record whose name a local user from elsewhere has. An equal name does not prove that they are the same person. */
function planExisting(state: PlanState, one: DjangoUser, local: ExistingUser): void {
  const { report, options } = state;
  const about = note('name_taken', { kind: 'user', name: local.username });
  if (options.existing === 'skip') {
    report.users.skipped++;
    report.skipped.push(reportEntry(one, one.username, about));
    return;
  }
  planConflict(state, one, about);
  addRenameCandidate(state, one);
}

function readRights(state: PlanState, one: DjangoUser): { groups: string[]; permissions: string[] } {
  for (const group of one.groups) {
    const local = state.groups.get(group);
    if (local && 'problem' in local && local.problem !== null)
      state.report[local.problem === 'group_skipped' ? 'skipped' : 'unmapped'].push(
        reportEntry(one, one.username, note(local.problem, { group: group.name })),
      );
  }
  return {
    groups: readGroupIds(state, one),
    permissions: availablePermissions(state, one, one.username, one.permissions),
  };
}

interface Tallies {
  readonly algorithms: Tally;
  readonly attributes: Tally;
}

function planNew(state: PlanState, one: DjangoUser, usernameKey: string, emails: Emails, tallies: Tallies): void {
  const { report, now, options } = state;
  const id = randomUUIDv7();
  report.users.created++;
  reportName(state, one, usernameKey, emails);
  const password = importPassword(one.password);
  tallies.algorithms.add(password.algorithm);
  reportPassword(state, one, password);
  for (const field of Object.keys(one.attributes)) tallies.attributes.add(field);
  const { isActive, isStaff, isSuperuser } = one;
  if (isSuperuser) report.superusers.names.push(one.username);
  if (isStaff) report.staff.names.push(one.username);
  const username = normalizeName(one.username);
  const isVerified = countAddress(state, one, emails);
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
    ...readRights(state, one),
  };
  stage(state, one, row, {
    ...fields,
    flagScope: options.superusers,
    attributes: Object.keys(one.attributes),
  });
}

/** Reports names that look like addresses: a login prefers a username to another user's address. */
function reportName(state: PlanState, one: DjangoUser, usernameKey: string, emails: Emails): void {
  reportSpelling(state, one, one.username);
  if (!usernameKey.includes('@')) return;
  const other = emails.get(usernameKey)?.find((another) => another !== one);
  const add = (about: Note) => state.report.addressLikeNames.push(reportEntry(one, one.username, about));
  if (other) add(note('username_is_email', { record: other.record }));
  else if (state.existing.emailKeys.has(usernameKey)) add(note('username_is_email', { record: null }));
  else if (casefoldName(one.email) !== usernameKey) add(note('username_like_email'));
}

type Emails = ReadonlyMap<string, readonly DjangoUser[]>;

/** Returns whether no other user has the address, in the dump and in Signet. */
function isUniqueAddress({ existing }: PlanState, one: DjangoUser, emails: Emails, localId?: string): boolean {
  const key = casefoldName(one.email);
  const others = emails.get(key)?.some((another) => another !== one) ?? false;
  return one.email !== '' && !others && !(existing.emailKeys.get(key)?.some((id) => id !== localId) ?? false);
}

/** Returns whether an address counts as verified: if allauth or the operator says so and no other user has it. Counts it in the report. */
function countAddress(state: PlanState, one: DjangoUser, emails: Emails): boolean {
  if (one.email === '') return false;
  const { report, options } = state;
  const isTrusted = options.trustEmails || one.isEmailVerified;
  const isUnique = isUniqueAddress(state, one, emails);
  const isVerified = isTrusted && isUnique;
  report.emails[isVerified ? 'verified' : 'unverified']++;
  const other = emails.get(casefoldName(one.email))?.find((another) => another !== one);
  if (isTrusted && !isUnique)
    report.emails.notUnique.push(
      reportEntry(one, one.username, note('email_not_unique', { record: other?.record ?? null })),
    );
  return isVerified;
}

/** Adds the row of a new user to the plan, with the values for later comparisons. */
function stage(
  state: PlanState,
  one: DjangoUser,
  row: { id: string; label: string; password: string; groups: readonly string[]; permissions: readonly string[] },
  logged: Record<string, unknown>,
): void {
  const { report, rows, names, options } = state;
  report.added.memberships += row.groups.length;
  report.added.userPermissions += row.permissions.length;
  for (const name of row.permissions) names.add(name);
  const { isActive, isStaff, isSuperuser } = one;
  const imported: ImportedUser = {
    source: sourceValues(one),
    local: localValues(one, row.password),
    epoch: 1,
    ...{ isActive, isStaff, isSuperuser },
    flagScope: options.superusers,
    groups: [...row.groups].sort(),
    permissions: [...row.permissions].sort(),
  };
  const groups = row.groups.map((id) => state.groupNames.get(id) ?? id);
  const origin = { import: report.importId, source: report.api };
  const after = { ...origin, ...logged, groups, permissions: row.permissions };
  rows.push({ kind: 'new-user', row: { ...row, key: one.key, digest: digestUser('made', one), imported, after } });
}
