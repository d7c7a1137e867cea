import { Failure } from '../../../platform/failure.ts';
import { Tally } from '../report.ts';
import { type InTurns, TURN } from '../turns.ts';
import { refuse } from './command.ts';
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
import { Reading } from './reading.ts';
import type { DjangoDump, DjangoGroup, DjangoPermission } from './records.ts';
import { Lookup } from './references.ts';
import { readUser, usernameField } from './users.ts';

export const DEFAULT_USER_MODEL = 'auth.user';

/** The model label as dumps spell it. Failure: not of the form APP.MODEL. */
export function readUserModel(given: string): string {
  if (/^[a-z_]\w*\.[a-z_]\w*$/i.test(given)) return given.toLowerCase();
  throw new Failure('usage', `--user-model takes APP.MODEL, such as accounts.user; "${given}" is not of that form.`);
}

/** Makes records of the entries of a dump, references resolved. Failures: a missing table, another user model. */
export function* readDjango(raw: readonly RawRecord[], file: string, userModel: string): InTurns<DjangoDump> {
  const tables = sortByModel(raw);
  const of = (model: string) => tables.get(model) ?? [];
  const known = [CONTENT_TYPE, PERMISSION, GROUP, userModel];
  if (!known.some((model) => of(model).length > 0)) checkSomeUserModel(tables, file, userModel);
  else if (of(userModel).length === 0) checkUserModel(tables, file, userModel);
  const nameField = of(userModel).length === 0 ? 'username' : usernameField(of(userModel));
  if (nameField === undefined)
    throw new Failure(
      'usage',
      `${userModel} has no password and username in ${file}: it is not the project's user model (AUTH_USER_MODEL).`,
    );

  const reading = new Reading();
  const lacking = (model: string) => () =>
    refuse(file, userModel, `refers to records of ${model} that it does not hold`);
  const types = new Lookup<ContentType>(lacking(CONTENT_TYPE));
  const permissions = new Lookup<DjangoPermission>(lacking(PERMISSION));
  const groups = new Lookup<DjangoGroup>(lacking(GROUP));
  const users = new Lookup<null>(lacking(userModel));
  let done = 0;
  const stages: [string, (one: RawRecord) => void][] = [
    [CONTENT_TYPE, (one) => readContentType(one, types, reading)],
    [PERMISSION, (one) => readPermission(one, types, permissions, reading)],
    [GROUP, (one) => readGroup(one, permissions, groups, reading)],
    [userModel, (one) => readUser(one, { nameField, permissions, groups, users }, reading)],
  ];
  for (const [model, read] of stages) {
    for (const one of of(model)) {
      read(one);
      if (++done % TURN === 0) yield done;
    }
  }
  const table = <T>(model: string, records: readonly T[]) => ({
    read: of(model).length,
    repeated: reading.repeatedOf(model),
    records,
  });
  return {
    permissions: table(PERMISSION, reading.permissions),
    groups: table(GROUP, reading.groups),
    users: table(userModel, reading.users),
    unmapped: reading.unmapped,
    repeated: reading.repeated,
    unknownModels: countOthers(tables, known),
    datesWithoutZone: reading.datesWithoutZone,
  };
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
  const candidates = [...tables].filter(([, records]) => usernameField(records) !== undefined).map(([model]) => model);
  if (candidates.length === 0 && userModel === DEFAULT_USER_MODEL) return;
  if (candidates.length === 0) throw refuse(file, userModel, `holds no records of ${userModel}`);
  throw new Failure(
    'usage',
    `${file} holds no records of ${userModel}, but of ${candidates.join(', ')}. If that is the project's AUTH_USER_MODEL, add: --user-model ${candidates[0]}`,
    { candidates },
  );
}

function checkSomeUserModel(tables: ReadonlyMap<string, RawRecord[]>, file: string, userModel: string): void {
  checkUserModel(tables, file, userModel);
  throw refuse(file, userModel, 'holds no users, groups or permissions');
}
