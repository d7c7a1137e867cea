import { casefoldName, normalizeName } from '../../platform/casefold.ts';
import { readGroupIds } from './compare-user.ts';
import { canonical, digestUser } from './digest.ts';
import { importPassword } from './imported-password.ts';
import type { Known } from './known.ts';
import { givenNames, notePassword, type Planning } from './planning.ts';
import type { PresentUser } from './present.ts';
import type { DjangoUser, ThroughTable } from './reader/records.ts';
import {
  digests,
  FLAGS,
  localValues,
  type RememberedUser,
  sourceValues,
  TEXT_FIELDS,
  type TextField,
} from './remembered.ts';

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
  readonly remembered: RememberedUser | null;
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

const WORDS: Record<string, string> = {
  firstName: 'first_name',
  lastName: 'last_name',
  isActive: 'is_active',
  isStaff: 'is_staff',
  isSuperuser: 'is_superuser',
};
const wordFor = (field: string) => WORDS[field] ?? field;

/** What was imported last; of an import by an earlier version only where nothing has changed in the source since. */
export function lastImported(
  planning: Planning,
  one: DjangoUser,
  before: Known,
  here: PresentUser,
): RememberedUser | null {
  if (before.imported) return before.imported as unknown as RememberedUser;
  if (before.digest !== digestUser('made', one)) return null;
  const { encoded, problem } = importPassword(one.password);
  // Flags that the source does not have were given by Signet.
  const isOwn = (one.isStaff || one.isSuperuser) && (here.own.isStaff || here.own.isSuperuser);
  const isGlobal = !here.role && (isOwn || planning.options.superusers === 'global');
  return {
    source: sourceValues(one),
    local: localValues(one, problem === null ? encoded : here.password),
    epoch: 1,
    isActive: one.isActive,
    isStaff: one.isStaff,
    isSuperuser: one.isSuperuser,
    flagScope: isGlobal ? 'global' : 'api',
    groups: readGroupIds(planning, one).sort(),
    permissions: one.permissions.filter((name) => planning.available.has(name)).sort(),
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
  planning: Planning,
  one: DjangoUser,
  here: PresentUser,
  last: RememberedUser,
  mayActivate: boolean,
  isVerified: boolean,
): Outcome {
  const draft = new Draft(last);
  const password = importPassword(one.password);
  texts(draft, planning, one, here, { password: password.encoded, isVerified });
  activity(draft, one, here, mayActivate);
  const role = flags(draft, one, here, planning.options.superusers === 'global');
  const groups = members(readGroupIds(planning, one), last.groups, here.groups);
  const wanted = givenNames(planning, one, one.username, one.permissions);
  const permissions = members(wanted, last.permissions, here.permissions);
  noteSilence(planning, 'groups', groups.lost);
  noteSilence(planning, 'user_permissions', permissions.lost);
  const names = (ids: readonly string[]) =>
    ids.map((id) => planning.groupNames.get(id) ?? planning.present.groups.get(id)?.name ?? id);
  draft.move('groups', names(groups.gained), names(groups.lost));
  draft.move('user_permissions', permissions.gained, permissions.lost);
  if (groups.isOwn) draft.own.push('groups');
  if (permissions.isOwn) draft.own.push('user_permissions');
  if (draft.applied.includes('password')) notePassword(planning, one, password);
  const remembered = {
    ...last,
    ...draft.remembered(),
    groups: readGroupIds(planning, one).sort(),
    permissions: [...wanted].sort(),
  };
  const isSame = canonical(remembered) === canonical(last);
  const { set, before, after, applied, taken, kept, own } = draft;
  const change = {
    set,
    role,
    groupsGained: groups.gained,
    groupsLost: groups.lost,
    permissionsGained: permissions.gained,
    permissionsLost: permissions.lost,
    remembered,
    before,
    after,
  };
  return { change: isSame && !draft.isChanged ? null : change, applied, taken, kept, own };
}

/** What somebody would lose because the dump says nothing of it, is not taken for lost before that was asked. */
function noteSilence({ silent, report }: Planning, field: ThroughTable['of'], lost: readonly string[]): void {
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
  readonly flags: Pick<RememberedUser, 'isActive' | 'isStaff' | 'isSuperuser'>;
  readonly flagScope: RememberedUser['flagScope'];
  epoch: number;

  constructor(last: RememberedUser) {
    this.source = { ...last.source };
    this.local = { ...last.local };
    this.flagScope = last.flagScope;
    this.epoch = last.epoch;
    this.flags = { isActive: last.isActive, isStaff: last.isStaff, isSuperuser: last.isSuperuser };
  }

  get isChanged(): boolean {
    return this.applied.length + this.taken.length > 0;
  }

  remembered() {
    return { source: this.source, local: this.local, epoch: this.epoch, ...this.flags };
  }

  apply(field: string, was: unknown, is: unknown, kind: 'applied' | 'taken' = 'applied'): void {
    this[kind].push(wordFor(field));
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

function texts(
  draft: Draft,
  planning: Planning,
  one: DjangoUser,
  here: PresentUser,
  { password, isVerified }: { password: string; isVerified: boolean },
): void {
  const now = sourceValues(one);
  const target = localValues(one, password);
  const local = digests(here);
  for (const field of TEXT_FIELDS) {
    const isOwn = local[field] !== draft.local[field];
    if (now[field] === draft.source[field]) {
      if (field === 'password' ? here.passwordEpoch !== draft.epoch : isOwn) draft.own.push(wordFor(field));
      continue;
    }
    const isRefused = field === 'username' && one.nameProblem !== null;
    if (isRefused || (isOwn && local[field] !== target[field])) {
      draft.kept.push(wordFor(field));
      continue;
    }
    draft.source[field] = now[field];
    draft.local[field] = target[field];
    if (local[field] === target[field]) continue;
    if (field === 'password') {
      draft.set['password'] = password;
      draft.epoch = here.passwordEpoch + 1;
      draft.applied.push('password');
      draft.after['password'] = 'changed';
    } else if (field === 'username') {
      const username = normalizeName(one.username);
      Object.assign(draft.set, { username, usernameKey: casefoldName(username) });
      draft.apply(field, here.username, username);
    } else if (field === 'email') {
      const emailVerifiedAt = isVerified ? planning.now : null;
      Object.assign(draft.set, {
        email: one.email,
        emailKey: one.email === '' ? null : casefoldName(one.email),
        emailVerifiedAt,
      });
      draft.apply(field, here.email, one.email);
    } else {
      draft.set[field] = one[field];
      // Attributes are the project's own and may be long: the log names them.
      if (field === 'attributes') draft.apply(field, Object.keys(here.attributes), Object.keys(one.attributes));
      else draft.apply(field, here[field], one[field]);
    }
  }
}

function activity(draft: Draft, one: DjangoUser, here: PresentUser, mayActivate: boolean): void {
  if (one.isActive === draft.flags.isActive) {
    if (here.isActive !== one.isActive) draft.own.push('is_active');
    return;
  }
  if (one.isActive && !here.isActive && !mayActivate) {
    draft.kept.push('is_active');
    return;
  }
  Object.assign(draft.flags, { isActive: one.isActive });
  if (here.isActive === one.isActive) return;
  draft.set['isActive'] = one.isActive;
  draft.apply('isActive', here.isActive, one.isActive, one.isActive ? 'applied' : 'taken');
}

/**
 * The flags where they were put at the first import: at the API, or the user's own. Null: those at the API stay.
 *
 * @param mayRule whether this run may give those of Signet itself; what is lost is lost without it
 */
function flags(draft: Draft, one: DjangoUser, here: PresentUser, mayRule: boolean): UserChange['role'] {
  const isGlobal = draft.flagScope === 'global';
  const held = isGlobal ? here.own : (here.role ?? { isStaff: false, isSuperuser: false });
  const next = { ...held };
  for (const flag of FLAGS) {
    if (one[flag] === draft.flags[flag]) {
      if (held[flag] !== one[flag]) draft.own.push(wordFor(flag));
      continue;
    }
    if (isGlobal && !mayRule && one[flag] && !held[flag]) {
      draft.kept.push(wordFor(flag));
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
function members(now: readonly string[], last: readonly string[], here: ReadonlySet<string>) {
  const [wanted, before] = [new Set(now), new Set(last)];
  return {
    gained: now.filter((one) => !before.has(one) && !here.has(one)),
    lost: last.filter((one) => !wanted.has(one) && here.has(one)),
    isOwn:
      now.some((one) => before.has(one) && !here.has(one)) ||
      [...here].some((one) => !before.has(one) && !wanted.has(one)),
  };
}
