import { digestGroup, digestUser, type Origin } from './digest.ts';
import type { Existing } from './existing.ts';
import { type ImportedGroup, type ImportedUser, shortDigest } from './imported-values.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoDump, DjangoGroup, DjangoUser, NamedRecord } from './reader/records.ts';

/** A record of an earlier run whose name is no longer valid. It keeps its local name. */
export interface Retained<T> {
  /** The record under its local name. */
  readonly one: T;
  readonly localName: string;
  readonly previous: PreviousImport;
  /** Whether the name in the source has not changed since the last import: then it is not reported. */
  readonly isSame: boolean;
}

export interface ResolvedDump extends DjangoDump {
  readonly retained: {
    readonly groups: readonly Retained<DjangoGroup>[];
    readonly users: readonly Retained<DjangoUser>[];
  };
}

/**
 * Resolves records with refused names. A record of an earlier run keeps its local name, and its other changes are applied, removals
 * included. Any other record is only reported.
 */
export function resolveRefusedNames(dump: DjangoDump, existing: Existing): ResolvedDump {
  const groups = retainedGroups(dump, existing);
  const withGroups = (user: DjangoUser): DjangoUser =>
    user.groups.some((group) => group.nameProblem !== null)
      ? {
          ...user,
          groups: user.groups.flatMap((one) => (one.nameProblem === null ? one : (groups.get(one)?.one ?? []))),
        }
      : user;
  const users = retainedUsers(dump, existing, withGroups);
  const retained = new Map<NamedRecord, Retained<NamedRecord>>([...groups, ...users]);
  const recordSet = (some: readonly NamedRecord[]) => new Set(some.map((one) => one.record));
  const dropped = recordSet([...dump.groups.refused, ...dump.users.refused].filter((one) => !retained.has(one)));
  const same = recordSet([...retained.values()].filter((one) => one.isSame).map(({ one }) => one));
  return {
    ...dump,
    users: { ...dump.users, records: dump.users.records.map(withGroups) },
    unmapped: dump.unmapped.flatMap((entry) => {
      const about = dump.refusedNameEntries.get(entry);
      const of = about && retained.get(about);
      if (of) return about.record === entry.record && !of.isSame ? { ...entry, keptName: of.localName } : [];
      return dropped.has(entry.record) && about?.record !== entry.record ? [] : entry;
    }),
    unkept: dump.unkept.filter((entry) => !dropped.has(entry.record)),
    renameCandidates: dump.renameCandidates.filter((one) => !same.has(one.record)),
    retained: { groups: [...groups.values()], users: [...users.values()] },
  };
}

function retainedGroups(
  dump: DjangoDump,
  { previousByKey, groups }: Existing,
): Map<NamedRecord, Retained<DjangoGroup>> {
  return new Map(
    dump.groups.refused.flatMap((refused) => {
      const previous = previousByKey.group.get(refused.key);
      const local = previous && groups.get(previous.localId);
      if (!previous || !local) return [];
      const one = { ...refused, name: local.name };
      const last = (previous.imported as ImportedGroup | null)?.source;
      const isSame = isSameName(one, previous, last, (form) => digestGroup(form, one));
      return [[refused, { one, localName: local.name, previous, isSame }] as const];
    }),
  );
}

function retainedUsers(
  dump: DjangoDump,
  { previousByKey, users }: Existing,
  withGroups: (user: DjangoUser) => DjangoUser,
): Map<NamedRecord, Retained<DjangoUser>> {
  return new Map(
    dump.users.refused.flatMap((refused) => {
      const previous = previousByKey.user.get(refused.key);
      const local = previous && users.get(previous.localId);
      if (!previous || !local) return [];
      const one = { ...withGroups(refused), username: local.username };
      const last = (previous.imported as ImportedUser | null)?.source.username;
      const isSame = isSameName(one, previous, last, (form) => digestUser(form, one));
      return [[refused, { one, localName: local.username, previous, isSame }] as const];
    }),
  );
}

/** `last` is the digest of the name; undefined if an earlier version imported the record, which stored a digest of the whole record only. */
function isSameName(
  { sourceName }: NamedRecord,
  { digest }: PreviousImport,
  last: string | undefined,
  digestAs: (form: Origin) => string,
): boolean {
  return last === undefined
    ? digest === digestAs('made') || digest === digestAs('joined')
    : shortDigest(sourceName) === last;
}
