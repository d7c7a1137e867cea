import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { readGroupIds } from './compare-user.ts';
import { canonical, digestUser } from './digest.ts';
import type { ExistingUser } from './existing.ts';
import { importPassword } from './imported-password.ts';
import {
  digests,
  FLAGS,
  type ImportedUser,
  localValues,
  sourceValues,
  TEXT_FIELDS,
  type TextField,
} from './imported-values.ts';
import { availablePermissions, type PlanState, reportPassword } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoUser, ThroughTable } from './reader/records.ts';

/** What an update writes to one user. */
export interface UserChange {
  /** Columns of the user by the names of its fields; `password` ends what the user has. */
  readonly set: Record<string, unknown>;
  /** The flags at the API. */
  readonly role: { isStaff: boolean; isSuperuser: boolean } | null;
  readonly groupsGained: readonly string[];
  readonly groupsLost: readonly string[];
  readonly permissionsGained: readonly string[];
  readonly permissionsLost: readonly string[];
  /** Null: it stays unknown what an earlier version imported. */
  readonly imported: ImportedUser | null;
  readonly before: Record<string, unknown>;
  readonly after: Record<string, unknown>;
}

export interface Outcome {
  /** Null: nothing is written. */
  readonly change: UserChange | null;
  readonly applied: readonly string[];
  /** Taken away, whatever was changed in Signet. */
  readonly taken: readonly string[];
  /** Changed on both sides: what Signet has stays. */
  readonly kept: readonly string[];
  /** Changed in Signet alone. */
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

/** What was imported last; of an import by an earlier version only where nothing has changed in the source since. */
export function lastImported(
  state: PlanState,
  one: DjangoUser,
  previous: PreviousImport,
  local: ExistingUser,
): ImportedUser | null {
  if (previous.imported) return previous.imported as unknown as ImportedUser;
  if (previous.digest !== digestUser('made', one)) return null;
  const { encoded, problem } = importPassword(one.password);
  // Flags that the source does not have were given by Signet.
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
 * Three values of each field: what was imported last, what the source says now, what Signet has now. What changed in the source alone
 * is brought; what changed on both sides stays as it is here, but for what takes something away, which always counts.
 *
 * @param mayActivate false where Signet itself deactivated the user
 * @param isVerified whether a new address counts as verified
 */
export function compareThreeWays(
  state: PlanState,
  one: DjangoUser,
  local: ExistingUser,
  last: ImportedUser,
  mayActivate: boolean,
  isVerified: boolean,
): Outcome {
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
  draft.move('groups', names(groups.gained), names(groups.lost));
  draft.move('user_permissions', permissions.gained, permissions.lost);
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
  const { set, before, after, applied, taken, kept, own } = draft;
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
  return { change: isSame && !draft.isChanged ? null : change, applied, taken, kept, own };
}

/** What somebody would lose because the dump says nothing of it, is not taken for lost before that was asked. */
function reportSilentField({ silent, report }: PlanState, field: ThroughTable['of'], lost: readonly string[]): void {
  if (lost.length === 0 || !silent.delete(field)) return;
  const what = `it has no ${field} any more: if they go through a table of its own, add that to the dump`;
  report.unmapped.push({ record: report.userModel, name: '', what });
}

/** The change in the making. */
class Draft {
  readonly set: Record<string, unknown> = {};
  readonly before: Record<string, unknown> = {};
  readonly after: Record<string, unknown> = {};
  readonly applied: string[] = [];
  readonly taken: string[] = [];
  readonly kept: string[] = [];
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
    return this.applied.length + this.taken.length > 0;
  }

  imported() {
    return { source: this.source, local: this.local, epoch: this.epoch, ...this.flags };
  }

  apply(field: string, was: unknown, is: unknown, kind: 'applied' | 'taken' = 'applied'): void {
    this[kind].push(fieldName(field));
    this.before[field] = was;
    this.after[field] = is;
  }

  move(field: string, gained: readonly string[], lost: readonly string[]): void {
    if (gained.length > 0) {
      this.applied.push(field);
      this.after[field] = gained;
    }
    for (const name of lost) this.taken.push(name);
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
      draft.kept.push(fieldName(field));
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
      // Attributes are the project's own and may be long: the log names them.
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
    draft.kept.push('is_active');
    return;
  }
  Object.assign(draft.flags, { isActive: one.isActive });
  if (local.isActive === one.isActive) return;
  draft.set['isActive'] = one.isActive;
  draft.apply('isActive', local.isActive, one.isActive, one.isActive ? 'applied' : 'taken');
}

/**
 * The flags where they were put at the first import: at the API, or the user's own. Null: those at the API stay.
 *
 * @param mayRule whether this run may give those of Signet itself; what is lost is lost without it
 */
function compareFlags(draft: Draft, one: DjangoUser, local: ExistingUser, mayRule: boolean): UserChange['role'] {
  const isGlobal = draft.flagScope === 'global';
  const held = isGlobal ? local.own : (local.role ?? { isStaff: false, isSuperuser: false });
  const next = { ...held };
  for (const flag of FLAGS) {
    if (one[flag] === draft.flags[flag]) {
      if (held[flag] !== one[flag]) draft.own.push(fieldName(flag));
      continue;
    }
    if (isGlobal && !mayRule && one[flag] && !held[flag]) {
      draft.kept.push(fieldName(flag));
      continue;
    }
    Object.assign(draft.flags, { [flag]: one[flag] });
    if (held[flag] === one[flag]) continue;
    next[flag] = one[flag];
    if (isGlobal) draft.set[flag] = one[flag];
    draft.apply(flag, held[flag], one[flag], one[flag] ? 'applied' : 'taken');
  }
  const isChanged = FLAGS.some((flag) => next[flag] !== held[flag]);
  return isGlobal || !isChanged ? null : next;
}

/** What a set gains and loses; `isOwn`: Signet has changed it by itself. */
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
