import { digestGroup, digestUser, type Form } from './digest.ts';
import type { Known } from './known.ts';
import type { Present } from './present.ts';
import type { DjangoDump, DjangoGroup, DjangoUser, NamedRecord } from './reader/records.ts';
import { type RememberedGroup, type RememberedUser, shortDigest } from './remembered.ts';
import type { Entry } from './report.ts';

/** A record that cannot have its name here, and that an earlier run imported. */
export interface Kept<T> {
  /** By the name that it has here. */
  readonly one: T;
  readonly nameHere: string;
  readonly before: Known;
  /** Whether the source calls it as it did when it was imported last: then there is nothing to say of its name. */
  readonly isSame: boolean;
}

export interface SettledDump extends DjangoDump {
  readonly kept: { readonly groups: readonly Kept<DjangoGroup>[]; readonly users: readonly Kept<DjangoUser>[] };
}

/**
 * Tells records whose name is refused apart. One that an earlier run imported keeps the name that it has here, and all else of it
 * counts: what Django took from it is taken. Of one that is nothing here, nothing is left but the note of it.
 */
export function settle(dump: DjangoDump, present: Present): SettledDump {
  const groups = keptGroups(dump, present);
  const withGroups = (user: DjangoUser): DjangoUser =>
    user.groups.some((group) => group.nameProblem !== null)
      ? {
          ...user,
          groups: user.groups.flatMap((one) => (one.nameProblem === null ? one : (groups.get(one)?.one ?? []))),
        }
      : user;
  const users = keptUsers(dump, present, withGroups);
  const kept = new Map<NamedRecord, Kept<NamedRecord>>([...groups, ...users]);
  const recordSet = (some: readonly NamedRecord[]) => new Set(some.map((one) => one.record));
  const gone = recordSet([...dump.groups.refused, ...dump.users.refused].filter((one) => !kept.has(one)));
  const same = recordSet([...kept.values()].filter((one) => one.isSame).map(({ one }) => one));
  return {
    ...dump,
    users: { ...dump.users, records: dump.users.records.map(withGroups) },
    unmapped: dump.unmapped.flatMap((entry) => {
      const about = dump.byName.get(entry);
      const of = about && kept.get(about);
      if (of) return about.record === entry.record && !of.isSame ? staysAs(entry, of) : [];
      return gone.has(entry.record) && about?.record !== entry.record ? [] : entry;
    }),
    unkept: dump.unkept.filter((entry) => !gone.has(entry.record)),
    misnamed: dump.misnamed.filter((one) => !same.has(one.record)),
    kept: { groups: [...groups.values()], users: [...users.values()] },
  };
}

function staysAs(entry: Entry, { nameHere }: Kept<NamedRecord>): Entry {
  return { ...entry, what: `${entry.what.replace(/\.$/, '')}: it stays ${JSON.stringify(nameHere)} here` };
}

function keptGroups(dump: DjangoDump, { known, groups }: Present): Map<NamedRecord, Kept<DjangoGroup>> {
  return new Map(
    dump.groups.refused.flatMap((refused) => {
      const before = known.group.get(refused.key);
      const here = before && groups.get(before.localId);
      if (!before || !here) return [];
      const one = { ...refused, name: here.name };
      const last = (before.imported as RememberedGroup | null)?.source;
      const isSame = isSameName(one, before, last, (form) => digestGroup(form, one));
      return [[refused, { one, nameHere: here.name, before, isSame }] as const];
    }),
  );
}

function keptUsers(
  dump: DjangoDump,
  { known, users }: Present,
  withGroups: (user: DjangoUser) => DjangoUser,
): Map<NamedRecord, Kept<DjangoUser>> {
  return new Map(
    dump.users.refused.flatMap((refused) => {
      const before = known.user.get(refused.key);
      const here = before && users.get(before.localId);
      if (!before || !here) return [];
      const one = { ...withGroups(refused), username: here.username };
      const last = (before.imported as RememberedUser | null)?.source.username;
      const isSame = isSameName(one, before, last, (form) => digestUser(form, one));
      return [[refused, { one, nameHere: here.username, before, isSame }] as const];
    }),
  );
}

/** `last`: a digest of the name; undefined where an earlier version imported it, which kept one of the whole record only. */
function isSameName(
  { sourceName }: NamedRecord,
  { digest }: Known,
  last: string | undefined,
  digestAs: (form: Form) => string,
): boolean {
  return last === undefined
    ? digest === digestAs('made') || digest === digestAs('joined')
    : shortDigest(sourceName) === last;
}
