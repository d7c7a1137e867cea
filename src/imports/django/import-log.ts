import type { SqlEntityManager } from '@mikro-orm/sql';
import { auditEntryView } from '../../audit/index.ts';
import { groupView } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { anyText } from '../../platform/database/index.ts';
import { inBatches } from './batches.ts';
import type { PreviousImport } from './previous-imports.ts';

/** The rights that imports from a source have assigned to a user or group and not removed since. */
export interface LoggedState {
  /** Flags are undefined if no import has set them. */
  isActive?: boolean;
  isStaff?: boolean;
  isSuperuser?: boolean;
  flagScope?: 'api' | 'global';
  /** Ids. */
  readonly groups: Set<string>;
  /** Names. */
  readonly permissions: Set<string>;
}

/** The edit log's entries of records that an earlier version imported, by local id. Records without an entry are absent. */
export interface ImportLog {
  readonly users: ReadonlyMap<string, LoggedState>;
  readonly groups: ReadonlyMap<string, LoggedState>;
  /** Ids of all groups that were imported from this source. */
  readonly groupIds: ReadonlySet<string>;
}

/**
 * Reads the edit log for records that an earlier version imported without storing their values (`imported-values.ts`). Every import
 * wrote its additions and removals to the log, which is never purged.
 */
export async function readImportLog(
  em: SqlEntityManager,
  source: string,
  users: Iterable<PreviousImport>,
  groups: Iterable<PreviousImport>,
): Promise<ImportLog> {
  const [userIds, groupIds] = [idsWithoutValues(users), idsWithoutValues(groups)];
  const names = userIds.length > 0 ? await readNames(em, source) : new Map<string, Set<string>>();
  return {
    users: await readLog(em, source, 'user', userIds, names),
    groups: await readLog(em, source, 'group', groupIds, names),
    groupIds: new Set([...names.values()].flatMap((ids) => [...ids])),
  };
}

function idsWithoutValues(previousImports: Iterable<PreviousImport>): string[] {
  return [...previousImports].filter((one) => one.imported === null).map((one) => one.localId);
}

/** Returns the ids of the source's groups by every folded name they ever had, because the log has the names of that time. */
async function readNames(em: SqlEntityManager, source: string): Promise<Map<string, Set<string>>> {
  const rows = await em.execute<{ id: string; name: string | null }[]>(
    `with imported as materialized (select local_id from imports_record where source = ? and kind = 'group')
     select g.id::text as id, g.name from ${groupView('g')} where g.id in (select local_id from imported)
     union select object_id, coalesce("after"->>'name', "before"->>'name') from ${auditEntryView('e')}
       where object_kind = 'group' and object_id in (select local_id::text from imported)
     union select object_id, "before"->>'name' from ${auditEntryView('e')}
       where object_kind = 'group' and object_id in (select local_id::text from imported)`,
    [source],
  );
  const names = new Map<string, Set<string>>();
  const add = (name: string, id: string) => names.set(name, (names.get(name) ?? new Set()).add(id));
  for (const { id, name } of rows) {
    add(id, id);
    if (name !== null) add(casefoldName(name), id);
  }
  return names;
}

async function readLog(
  em: SqlEntityManager,
  source: string,
  kind: 'user' | 'group',
  ids: readonly string[],
  groups: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Map<string, LoggedState>> {
  const found = new Map<string, LoggedState>();
  await inBatches(ids, async (batch) => {
    const rows = await em.execute<{ id: string; before: string | null; after: string }[]>(
      `select e.object_id as id, e."before"::text as before, e."after"::text as after from ${auditEntryView('e')}
       where e.object_kind = ? and e.action = 'import' and e."after"->>'source' = ? and e.object_id = ${anyText} order by e.id`,
      [kind, source, JSON.stringify(batch)],
    );
    for (const { id, before, after } of rows) {
      const state = found.get(id) ?? { groups: new Set(), permissions: new Set() };
      found.set(id, state);
      addEntry(state, JSON.parse(after) as LogValues, before === null ? {} : (JSON.parse(before) as LogValues), groups);
    }
  });
  return found;
}

type LogValues = Readonly<Record<string, unknown>>;

/** Applies one entry of the log to the state of earlier entries. */
function addEntry(
  state: LoggedState,
  after: LogValues,
  before: LogValues,
  groups: ReadonlyMap<string, ReadonlySet<string>>,
): void {
  for (const flag of ['isActive', 'isStaff', 'isSuperuser'] as const) {
    const value = after[flag];
    if (typeof value === 'boolean') state[flag] = value;
  }
  const { flagScope } = after;
  if (flagScope === 'api' || flagScope === 'global') state.flagScope = flagScope;
  const toIds = (values: LogValues) =>
    readTexts(values['groups']).flatMap((name) => [...(groups.get(casefoldName(name)) ?? [])]);
  for (const id of toIds(before)) state.groups.delete(id);
  for (const id of toIds(after)) state.groups.add(id);
  const permissionNames = (values: LogValues) => [
    ...readTexts(values['permissions']),
    ...readTexts(values['user_permissions']),
  ];
  for (const name of permissionNames(before)) state.permissions.delete(name);
  for (const name of permissionNames(after)) state.permissions.add(name);
}

function readTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
