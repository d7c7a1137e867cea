import { BATCH, type Steps } from '../batches.ts';
import { importError } from '../errors.ts';
import { note } from '../notes.ts';
import type { Renames } from '../renames.ts';
import { Tally } from '../report.ts';
import { DumpBuilder } from './dump-builder.ts';
import type { RawRecord } from './json.ts';
import {
  CONTENT_TYPE,
  type ContentType,
  GROUP,
  PERMISSION,
  readContentType,
  readGroup,
  readPermission,
} from './permissions.ts';
import type { DjangoDump, DjangoGroup, DjangoPermission, ThroughTable } from './records.ts';
import { Lookup } from './references.ts';
import { EMAIL_ADDRESS, findThrough, readAddresses, SideTable } from './side-tables.ts';
import { areUsers, findUsernameField } from './username-field.ts';
import { readUser } from './users.ts';

export const DEFAULT_USER_MODEL = 'auth.user';

/** Returns a model label as spelled in dumps. Throws `user_model_malformed` if it does not have the form APP.MODEL. */
export function readUserModel(label: string): string {
  if (/^[a-z_]\w*\.[a-z_]\w*$/i.test(label)) return label.toLowerCase();
  throw importError('user_model_malformed', { label });
}

/** Options of the operator for reading a dump. */
export interface ReadOptions {
  readonly file: string;
  readonly userModel: string;
  /** Django's `USERNAME_FIELD`. */
  readonly usernameField?: string | undefined;
  readonly renames: Renames;
}

/** Reads the records of a dump and resolves references. Throws DomainError for a missing table, another user model, and renames without a record. */
export function* readDjango(raw: readonly RawRecord[], options: ReadOptions): Steps<DjangoDump> {
  const { file, userModel, renames } = options;
  const tables = sortByModel(raw);
  const readTable = (model: string) => tables.get(model) ?? [];
  const own = [CONTENT_TYPE, PERMISSION, GROUP, userModel];
  if (!own.some((model) => readTable(model).length > 0)) checkSomeUserModel(tables, file, userModel);
  else if (readTable(userModel).length === 0) checkUserModel(tables, file, userModel);
  else if (!areUsers(readTable(userModel))) throw importError('user_model_invalid', { file, userModel });
  const nameField = findUsernameField(readTable(userModel), tables.values(), userModel, file, options.usernameField);

  const builder = new DumpBuilder(renames);
  const lookups = createLookups(file, userModel);
  const { types, permissions, groups } = lookups;
  const through = {
    groups: readThroughRows(tables, own, userModel, 'groups', builder),
    user_permissions: readThroughRows(tables, own, userModel, 'user_permissions', builder),
  };
  const side = {
    addresses: readAddresses(readTable(EMAIL_ADDRESS)),
    through: { groups: through.groups.rows, user_permissions: through.user_permissions.rows },
  };
  let done = 0;
  const stages: [string, (one: RawRecord) => void][] = [
    [CONTENT_TYPE, (one) => readContentType(one, types, builder)],
    [PERMISSION, (one) => readPermission(one, types, permissions, builder)],
    [GROUP, (one) => readGroup(one, permissions, groups, builder)],
    [userModel, (one) => readUser(one, { nameField, ...lookups, ...side }, builder)],
  ];
  for (const [model, read] of stages) {
    for (const one of readTable(model)) {
      read(one);
      if (++done % BATCH === 0) yield done;
    }
  }
  renames.checkUsed();
  return createDump(tables, builder, { own, userModel, nameField, through });
}

function createLookups(file: string, userModel: string) {
  const missingTable = (model: string) => () => importError('dump_table_missing', { file, userModel, model });
  return {
    types: new Lookup<ContentType>(missingTable(CONTENT_TYPE)),
    permissions: new Lookup<DjangoPermission>(missingTable(PERMISSION)),
    groups: new Lookup<DjangoGroup>(missingTable(GROUP)),
    users: new Lookup<null>(missingTable(userModel)),
  };
}

interface DumpSource {
  readonly own: readonly string[];
  readonly userModel: string;
  readonly nameField: string;
  readonly through: Readonly<Record<ThroughTable['of'], ThroughField>>;
}

function createDump(
  tables: ReadonlyMap<string, RawRecord[]>,
  builder: DumpBuilder,
  { own, userModel, nameField, through }: DumpSource,
): DjangoDump {
  for (const one of [through.groups, through.user_permissions])
    for (const key of one.rows.remainingKeys)
      builder.addUnmapped(one.table?.model ?? '', '', note('reference_not_in_dump', { field: 'user', reference: key }));
  const found = [through.groups.table, through.user_permissions.table].filter((one) => one !== null);
  const table = <T>(model: string, records: readonly T[]) => ({
    read: tables.get(model)?.length ?? 0,
    repeated: builder.repeatedCount(model),
    records,
  });
  return {
    source: { usernameField: nameField, through: found, otherAddresses: builder.otherAddresses },
    silent: (['groups', 'user_permissions'] as const).filter((field) => through[field].isSilent),
    userKeys: builder.userKeys,
    renameCandidates: builder.renameCandidates,
    refusedNameEntries: builder.refusedNameEntries,
    permissions: table(PERMISSION, builder.permissions),
    groups: { ...table(GROUP, builder.groups), refused: builder.refused.groups },
    users: { ...table(userModel, builder.users), refused: builder.refused.users },
    unmapped: builder.unmapped,
    unkept: builder.unkept,
    repeated: builder.repeated,
    unknownModels: countOthers(tables, [...own, EMAIL_ADDRESS, ...found.map((one) => one.model)]),
    datesWithoutZone: builder.datesWithoutZone,
  };
}

interface ThroughField {
  readonly table: ThroughTable | null;
  readonly rows: SideTable<unknown>;
  /** Whether the dump has no such table either, which is reported if users would lose rights. */
  readonly isSilent: boolean;
}

/**
 * Reads the rows of a project's own table, if no user has the field itself: Django leaves fields with `through` out of a
 * dump. A missing field is not read as the absence of rights.
 */
function readThroughRows(
  tables: ReadonlyMap<string, RawRecord[]>,
  own: readonly string[],
  userModel: string,
  field: ThroughTable['of'],
  builder: DumpBuilder,
): ThroughField {
  const nothing = { table: null, rows: new SideTable<unknown>(), isSilent: false };
  const users = tables.get(userModel) ?? [];
  if (users.length === 0 || users.some((raw) => field in raw.fields)) return nothing;
  const found = findThrough(tables, [...own, EMAIL_ADDRESS], userModel, field);
  const [one, ...others] = found;
  if (one && others.length === 0) return { ...one, isSilent: false };
  // A model with is_superuser has Django's PermissionsMixin, and with it both fields.
  const hasRights = users.some((raw) => 'is_superuser' in raw.fields);
  const models = found.map((each) => each.table.model);
  if (one) builder.addUnmapped(userModel, '', note('through_ambiguous', { field, models }));
  else if (field === 'groups' && hasRights) builder.addUnmapped(userModel, '', note('through_missing', { field }));
  else return { ...nothing, isSilent: true };
  return nothing;
}

function sortByModel(raw: readonly RawRecord[]): Map<string, RawRecord[]> {
  const tables = new Map<string, RawRecord[]>();
  for (const one of raw) {
    const table = tables.get(one.model);
    if (table) table.push(one);
    else tables.set(one.model, [one]);
  }
  return tables;
}

function countOthers(tables: ReadonlyMap<string, RawRecord[]>, models: readonly string[]): Record<string, number> {
  const tally = new Tally();
  for (const [model, records] of tables) if (!models.includes(model)) for (const _ of records) tally.add(model);
  return tally.toRecord();
}

/** Throws DomainError for a dump without the user model, if the operator named the model or another model has users. */
function checkUserModel(tables: ReadonlyMap<string, RawRecord[]>, file: string, userModel: string): void {
  const candidates = [...tables].filter(([, records]) => areUsers(records)).map(([model]) => model);
  if (candidates.length === 0 && userModel === DEFAULT_USER_MODEL) return;
  if (candidates.length === 0) throw importError('dump_without_users', { file, userModel });
  throw importError('user_model_not_in_dump', { file, userModel, candidates });
}

function checkSomeUserModel(tables: ReadonlyMap<string, RawRecord[]>, file: string, userModel: string): void {
  checkUserModel(tables, file, userModel);
  throw importError('dump_without_records', { file, userModel });
}
