import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { readGroupIds } from './compare-user.ts';
import { canonical, digestUser } from './digest.ts';
import type { ExistingUser, Flags } from './existing-rows.ts';
import {
  digests,
  FLAGS,
  type ImportedUser,
  importPassword,
  localValues,
  sourceValues,
  TEXT_FIELDS,
  type TextField,
} from './imported-values.ts';
import { note } from './notes.ts';
import { availablePermissions, type PlanState, reportPassword } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser, ThroughTable } from './reader/records.ts';
import { createEntry } from './report.ts';

/** The changes of one user by an update. */
export interface UserChange {
  /** Values of the user's columns by field name; a new `password` ends the user's sessions. */
  readonly set: Record<string, unknown>;
  /** The flags at the API; null if they do not change. */
  readonly role: Flags | null;
  readonly groupsGained: readonly string[];
  readonly groupsLost: readonly string[];
  readonly permissionsGained: readonly string[];
  readonly permissionsLost: readonly string[];
  /** Null if the values of the last import stay unknown, because an earlier version made it. */
  readonly imported: ImportedUser | null;
  readonly before: Record<string, unknown>;
  readonly after: Record<string, unknown>;
}

/** The result of a three-way comparison; lists are names of fields. */
export interface UserOutcome {
  /** Null if nothing is written. */
  readonly change: UserChange | null;
  readonly applied: readonly string[];
  /** Removed, even if Signet has changed them too. */
  readonly removed: readonly string[];
  /** Changed on both sides: Signet's value stays. */
  readonly conflicting: readonly string[];
  /** Changed in Signet only. */
  readonly own: readonly string[];
}

const FIELD_NAMES: Record<string, string> = {
  firstName: 'first_name',
  lastName: 'last_name',
  isActive: 'is_active',
  isStaff: 'is_staff',
  isSuperuser: 'is_superuser',
};
const fieldName = (field: string) => FIELD_NAMES[field] ?? field;

/** Returns the values of the last import; null if an earlier version made it and the source has changed since. */
export function lastImported(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  local: ExistingUser,
): ImportedUser | null {
  if (previous.imported) return previous.imported as unknown as ImportedUser;
  if (previous.digest !== digestUser('made', one)) return null;
  const { encoded, problem } = importPassword(one.password);
  // Flags that the source does not have were set in Signet.
  const isOwn = (one.isStaff || one.isSuperuser) && (local.own.isStaff || local.own.isSuperuser);
  const isGlobal = !local.role && (isOwn || state.options.superusers === 'global');
  return {
    source: sourceValues(one),
    local: localValues(one, problem === null ? encoded : local.password),
    epoch: 1,
    isActive: one.isActive,
    isStaff: one.isStaff,
    isSuperuser: one.isSuperuser,
    flagScope: isGlobal ? 'global' : 'api',
    groups: readGroupIds(state, one).sort(),
    permissions: one.permissions.filter((name) => state.available.has(name)).sort(),
  };
}

/**
 * Compares three values of each field: of the last import, of the source, and of Signet. A change in the source only is applied. For a change
 * on both sides Signet's value stays, except that removals are always applied.
 *
 * @param options.mayActivate false if the user was deactivated in Signet
 * @param options.isVerified whether a new address counts as verified
 */
export function compareThreeWays(
  state: PlanState,
  one: DjangoUser,
  local: ExistingUser,
  last: ImportedUser,
  { mayActivate, isVerified }: { readonly mayActivate: boolean; readonly isVerified: boolean },
): UserOutcome {
  const draft = new Draft(last);
  const password = importPassword(one.password);
  compareTexts(draft, state, one, local, { password: password.encoded, isVerified });
  compareActivity(draft, one, local, mayActivate);
  const role = compareFlags(draft, one, local, state.options.superusers === 'global');
  const groups = compareSets(readGroupIds(state, one), last.groups, local.groups);
  const sourcePermissions = availablePermissions(state, one, one.username, one.permissions);
  const permissions = compareSets(sourcePermissions, last.permissions, local.permissions);
  reportSilentField(state, 'groups', groups.lost);
  reportSilentField(state, 'user_permissions', permissions.lost);
  const names = (ids: readonly string[]) =>
    ids.map((id) => state.groupNames.get(id) ?? state.existing.groups.get(id)?.name ?? id);
  draft.applySets('groups', names(groups.gained), names(groups.lost));
  draft.applySets('user_permissions', permissions.gained, permissions.lost);
  if (groups.isOwn) draft.own.push('groups');
  if (permissions.isOwn) draft.own.push('user_permissions');
  if (draft.applied.includes('password')) reportPassword(state, one, password);
  const imported = {
    ...last,
    ...draft.imported(),
    groups: readGroupIds(state, one).sort(),
    permissions: [...sourcePermissions].sort(),
  };
  const isSame = canonical(imported) === canonical(last);
  const { set, before, after, applied, removed, conflicting, own } = draft;
  const change = {
    set,
    role,
    groupsGained: groups.gained,
    groupsLost: groups.lost,
    permissionsGained: permissions.gained,
    permissionsLost: permissions.lost,
    imported,
    before,
    after,
  };
  return { change: isSame && !draft.isChanged ? null : change, applied, removed, conflicting, own };
}

/** Reports a field that the dump lacks, once, before its absence is taken for a removal. */
function reportSilentField({ silent, report }: PlanState, field: ThroughTable['of'], lost: readonly string[]): void {
  if (lost.length === 0 || !silent.delete(field)) return;
  report.unmapped.push(createEntry(report.userModel, '', note('through_missing', { field })));
}

/** A change under construction. */
class Draft {
  readonly set: Record<string, unknown> = {};
  readonly before: Record<string, unknown> = {};
  readonly after: Record<string, unknown> = {};
  readonly applied: string[] = [];
  readonly removed: string[] = [];
  readonly conflicting: string[] = [];
  readonly own: string[] = [];
  readonly source: Record<TextField, string>;
  readonly local: Record<TextField, string>;
  readonly flags: Pick<ImportedUser, 'isActive' | 'isStaff' | 'isSuperuser'>;
  readonly flagScope: ImportedUser['flagScope'];
  epoch: number;

  constructor(last: ImportedUser) {
    this.source = { ...last.source };
    this.local = { ...last.local };
    this.flagScope = last.flagScope;
    this.epoch = last.epoch;
    this.flags = { isActive: last.isActive, isStaff: last.isStaff, isSuperuser: last.isSuperuser };
  }

  get isChanged(): boolean {
    return this.applied.length + this.removed.length > 0;
  }

  imported() {
    return { source: this.source, local: this.local, epoch: this.epoch, ...this.flags };
  }

  apply(field: string, before: unknown, after: unknown, kind: 'applied' | 'removed' = 'applied'): void {
    this[kind].push(fieldName(field));
    this.before[field] = before;
    this.after[field] = after;
  }

  applySets(field: string, gained: readonly string[], lost: readonly string[]): void {
    if (gained.length > 0) {
      this.applied.push(field);
      this.after[field] = gained;
    }
    for (const name of lost) this.removed.push(name);
    if (lost.length > 0) this.before[field] = lost;
  }
}

function compareTexts(
  draft: Draft,
  state: PlanState,
  one: DjangoUser,
  local: ExistingUser,
  { password, isVerified }: { password: string; isVerified: boolean },
): void {
  const now = sourceValues(one);
  const target = localValues(one, password);
  const localDigests = digests(local);
  for (const field of TEXT_FIELDS) {
    const isOwn = localDigests[field] !== draft.local[field];
    if (now[field] === draft.source[field]) {
      if (field === 'password' ? local.passwordEpoch !== draft.epoch : isOwn) draft.own.push(fieldName(field));
      continue;
    }
    const isRefused = field === 'username' && one.nameProblem !== null;
    if (isRefused || (isOwn && localDigests[field] !== target[field])) {
      draft.conflicting.push(fieldName(field));
      continue;
    }
    draft.source[field] = now[field];
    draft.local[field] = target[field];
    if (localDigests[field] === target[field]) continue;
    if (field === 'password') {
      draft.set['password'] = password;
      draft.epoch = local.passwordEpoch + 1;
      draft.applied.push('password');
      draft.after['password'] = 'changed';
    } else if (field === 'username') {
      const username = normalizeName(one.username);
      Object.assign(draft.set, { username, usernameKey: casefoldName(username) });
      draft.apply(field, local.username, username);
    } else if (field === 'email') {
      const emailVerifiedAt = isVerified ? state.now : null;
      Object.assign(draft.set, {
        email: one.email,
        emailKey: one.email === '' ? null : casefoldName(one.email),
        emailVerifiedAt,
      });
      draft.apply(field, local.email, one.email);
    } else {
      draft.set[field] = one[field];
      // Attributes are project-specific and may be long: the log has only their names.
      if (field === 'attributes') draft.apply(field, Object.keys(local.attributes), Object.keys(one.attributes));
      else draft.apply(field, local[field], one[field]);
    }
  }
}

function compareActivity(draft: Draft, one: DjangoUser, local: ExistingUser, mayActivate: boolean): void {
  if (one.isActive === draft.flags.isActive) {
    if (local.isActive !== one.isActive) draft.own.push('is_active');
    return;
  }
  if (one.isActive && !local.isActive && !mayActivate) {
    draft.conflicting.push('is_active');
    return;
  }
  Object.assign(draft.flags, { isActive: one.isActive });
  if (local.isActive === one.isActive) return;
  draft.set['isActive'] = one.isActive;
  draft.apply('isActive', local.isActive, one.isActive, one.isActive ? 'applied' : 'removed');
}

/**
 * Compares the flags in the scope of the first import: at the API or global. Returns null if those at the API do not change.
 *
 * @param maySetGlobal whether this run may set global flags; it may always remove them
 */
function compareFlags(draft: Draft, one: DjangoUser, local: ExistingUser, maySetGlobal: boolean): UserChange['role'] {
  const isGlobal = draft.flagScope === 'global';
  const current = isGlobal ? local.own : (local.role ?? { isStaff: false, isSuperuser: false });
  const next = { ...current };
  for (const flag of FLAGS) {
    if (one[flag] === draft.flags[flag]) {
      if (current[flag] !== one[flag]) draft.own.push(fieldName(flag));
      continue;
    }
    if (isGlobal && !maySetGlobal && one[flag] && !current[flag]) {
      draft.conflicting.push(fieldName(flag));
      continue;
    }
    Object.assign(draft.flags, { [flag]: one[flag] });
    if (current[flag] === one[flag]) continue;
    next[flag] = one[flag];
    if (isGlobal) draft.set[flag] = one[flag];
    draft.apply(flag, current[flag], one[flag], one[flag] ? 'applied' : 'removed');
  }
  const isChanged = FLAGS.some((flag) => next[flag] !== current[flag]);
  return isGlobal || !isChanged ? null : next;
}

/** Returns the gains and losses of a set; `isOwn` is true if Signet has changed it too. */
function compareSets(now: readonly string[], last: readonly string[], local: ReadonlySet<string>) {
  const [current, previous] = [new Set(now), new Set(last)];
  return {
    gained: now.filter((one) => !previous.has(one) && !local.has(one)),
    lost: last.filter((one) => !current.has(one) && local.has(one)),
    isOwn:
      now.some((one) => previous.has(one) && !local.has(one)) ||
      [...local].some((one) => !previous.has(one) && !current.has(one)),
  };
}
