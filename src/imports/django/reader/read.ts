import { Failure } from '../../../platform/errors.ts';
import { BATCH, type Steps } from '../batches.ts';
import type { Renames } from '../renames.ts';
import { Tally } from '../report.ts';
import { dumpError } from './command.ts';
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

/** The model label as dumps spell it. Failure: not of the form APP.MODEL. */
export function readUserModel(given: string): string {
  if (/^[a-z_]\w*\.[a-z_]\w*$/i.test(given)) return given.toLowerCase();
  throw new Failure('usage', `--user-model takes APP.MODEL, such as accounts.user; "${given}" is not of that form.`);
}

/** What the operator says of a dump. */
export interface ReadOptions {
  readonly file: string;
  readonly userModel: string;
  /** Django's `USERNAME_FIELD`. */
  readonly usernameField?: string | undefined;
  readonly renames: Renames;
}

/** Makes records of the entries of a dump, references resolved. Failures: a missing table, another user model, renames that meet nobody. */
export function* readDjango(raw: readonly RawRecord[], options: ReadOptions): Steps<DjangoDump> {
  const { file, userModel, renames } = options;
  const tables = sortByModel(raw);
  const of = (model: string) => tables.get(model) ?? [];
  const own = [CONTENT_TYPE, PERMISSION, GROUP, userModel];
  if (!own.some((model) => of(model).length > 0)) checkSomeUserModel(tables, file, userModel);
  else if (of(userModel).length === 0) checkUserModel(tables, file, userModel);
  else if (!areUsers(of(userModel))) throw noUserModel(file, userModel);
  const nameField = findUsernameField(of(userModel), tables.values(), userModel, file, options.usernameField);

  const builder = new DumpBuilder(renames);
  const missingTable = (model: string) => () =>
    dumpError(file, userModel, `refers to records of ${model} that it does not hold`);
  const types = new Lookup<ContentType>(missingTable(CONTENT_TYPE));
  const permissions = new Lookup<DjangoPermission>(missingTable(PERMISSION));
  const groups = new Lookup<DjangoGroup>(missingTable(GROUP));
  const users = new Lookup<null>(missingTable(userModel));
  const through = {
    groups: readThroughRows(tables, own, userModel, 'groups', builder),
    user_permissions: readThroughRows(tables, own, userModel, 'user_permissions', builder),
  };
  const side = {
    addresses: readAddresses(of(EMAIL_ADDRESS)),
    through: { groups: through.groups.rows, user_permissions: through.user_permissions.rows },
  };
  let done = 0;
  const stages: [string, (one: RawRecord) => void][] = [
    [CONTENT_TYPE, (one) => readContentType(one, types, builder)],
    [PERMISSION, (one) => readPermission(one, types, permissions, builder)],
    [GROUP, (one) => readGroup(one, permissions, groups, builder)],
    [userModel, (one) => readUser(one, { nameField, permissions, groups, users, ...side }, builder)],
  ];
  for (const [model, read] of stages) {
    for (const one of of(model)) {
      read(one);
      if (++done % BATCH === 0) yield done;
    }
  }
  renames.checkUsed();
  for (const one of [through.groups, through.user_permissions])
    for (const key of one.rows.left)
      builder.addUnmapped(one.table?.model ?? '', '', `its user ${key} is not in the dump`);
  const found = [through.groups.table, through.user_permissions.table].filter((one) => one !== null);
  const table = <T>(model: string, records: readonly T[]) => ({
    read: of(model).length,
    repeated: builder.repeatedCount(model),
    records,
  });
  return {
    source: { usernameField: nameField, through: found, otherAddresses: builder.otherAddresses },
    silent: (['groups', 'user_permissions'] as const).filter((field) => through[field].isSilent),
    userKeys: builder.userKeys,
    renameCandidates: builder.renameCandidates,
    byName: builder.byName,
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

/**
 * The rows of a table of the project's own, where no user has the field itself: Django leaves a field with `through` out of a
 * dump. Rights that may be somewhere else are not taken for none.
 */
function readThroughRows(
  tables: ReadonlyMap<string, RawRecord[]>,
  own: readonly string[],
  userModel: string,
  field: ThroughTable['of'],
  builder: DumpBuilder,
): { readonly table: ThroughTable | null; readonly rows: SideTable<unknown>; readonly isSilent: boolean } {
  const nothing = { table: null, rows: new SideTable<unknown>(), isSilent: false };
  const users = tables.get(userModel) ?? [];
  if (users.length === 0 || users.some((raw) => field in raw.fields)) return nothing;
  const found = findThrough(tables, [...own, EMAIL_ADDRESS], userModel, field);
  const [one, ...others] = found;
  if (one && others.length === 0) return { ...one, isSilent: false };
  const models = found.map((each) => each.table.model).join(', ');
  // A model with is_superuser has Django's PermissionsMixin, and with it both fields.
  const hasRights = users.some((raw) => 'is_superuser' in raw.fields);
  if (one)
    builder.addUnmapped(userModel, '', `its ${field} may be in any of ${models}: leave the others out of the dump`);
  else if (field === 'groups' && hasRights)
    builder.addUnmapped(userModel, '', 'it has no groups: if they go through a table of its own, add that to the dump');
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

function countOthers(tables: ReadonlyMap<string, RawRecord[]>, known: readonly string[]): Record<string, number> {
  const tally = new Tally();
  for (const [model, records] of tables) if (!known.includes(model)) for (const _ of records) tally.add(model);
  return tally.toRecord();
}

/** A dump without the user model is fine, unless it was named or another model holds the users. */
function checkUserModel(tables: ReadonlyMap<string, RawRecord[]>, file: string, userModel: string): void {
  const candidates = [...tables].filter(([, records]) => areUsers(records)).map(([model]) => model);
  if (candidates.length === 0 && userModel === DEFAULT_USER_MODEL) return;
  if (candidates.length === 0) throw dumpError(file, userModel, `holds no records of ${userModel}`);
  throw new Failure(
    'usage',
    `${file} holds no records of ${userModel}, but of ${candidates.join(', ')}. If that is the project's AUTH_USER_MODEL, add: --user-model ${candidates[0]}`,
    { candidates },
  );
}

function noUserModel(file: string, userModel: string): Failure {
  return new Failure(
    'usage',
    `${userModel} has no password and username in ${file}: it is not the project's user model (AUTH_USER_MODEL).`,
  );
}

function checkSomeUserModel(tables: ReadonlyMap<string, RawRecord[]>, file: string, userModel: string): void {
  checkUserModel(tables, file, userModel);
  throw dumpError(file, userModel, 'holds no users, groups or permissions');
}
