import type { Api } from '../../permissions/index.ts';
import type { RowQuery } from '../../platform/database/index.ts';
import type { PlannedRow } from './plan-state.ts';

/** The staged rows of an import: all, or those between two ordinals. */
export interface StagedRange {
  readonly importId: string;
  readonly ordinals?: readonly [number, number];
}

type Kind = PlannedRow['kind'];

interface StagedOptions {
  /** Values of the placeholders in the columns. */
  readonly values?: readonly unknown[];
  /** The name of a list of texts: the query has a row for each of them, `one.value`. */
  readonly list?: string;
  readonly where?: string;
  readonly isOrdered?: boolean;
}

/**
 * Returns a query of columns of staged rows `s`. There are no joins: the database has no statistics of the staged rows, and would choose
 * plans that take minutes.
 */
export function stagedRows(
  { importId, ordinals }: StagedRange,
  kinds: readonly Kind[],
  columns: string,
  { values = [], list, where, isOrdered = false }: StagedOptions = {},
): RowQuery {
  const lines = [
    `select ${columns} from imports_staged_row s`,
    ...(list === undefined ? [] : [`cross join lateral jsonb_array_elements_text(s.row->'${list}') as one(value)`]),
    `where s.import_id = ? and s.kind in (${kinds.map((kind) => `'${kind}'`).join(', ')})`,
    ...(ordinals ? ['and s.ordinal between ? and ?'] : []),
    ...(where === undefined ? [] : [`and ${where}`]),
    ...(isOrdered ? ['order by s.ordinal'] : []),
  ];
  return { sql: lines.join('\n'), values: [...values, importId, ...(ordinals ?? [])] };
}

export const ROW_ID = "(s.row->>'id')::uuid";

/** The permission of a name, by a JSON object of ids: a name that is not in it violates `not null`. */
const PERMISSION_ID = '(?::jsonb->>one.value)::uuid';

/** Returns the pairs of groups and permissions from a list of names. `ids` is a JSON object of permission ids by name. */
export function groupPermissions(range: StagedRange, kind: Kind, list: string, ids: string): RowQuery {
  const columns = `${ROW_ID} as group_id, ${PERMISSION_ID} as permission_id`;
  return stagedRows(range, [kind], columns, { list, values: [ids] });
}

/** The same of users. */
export function assignments(range: StagedRange, kind: Kind, list: string, ids: string): RowQuery {
  const columns = `${ROW_ID} as principal_id, ${PERMISSION_ID} as permission_id`;
  return stagedRows(range, [kind], columns, { list, values: [ids] });
}

/** Returns the pairs of users and groups from a list of group ids. */
export function memberships(range: StagedRange, kind: Kind, list: string): RowQuery {
  return stagedRows(range, [kind], `${ROW_ID} as principal_id, one.value::uuid as group_id`, { list });
}

/** Returns the flags of users at the API. */
export function roles(range: StagedRange, kind: Kind, api: Pick<Api, 'id'>): RowQuery {
  const columns = `${ROW_ID} as principal_id, ?::uuid as api_id,
    (s.row->'role'->>'isStaff')::boolean as is_staff, (s.row->'role'->>'isSuperuser')::boolean as is_superuser`;
  return stagedRows(range, [kind], columns, { values: [api.id], where: "jsonb_typeof(s.row->'role') = 'object'" });
}
