import { groupNameProblem, MAX_LABEL_LENGTH } from '../../../permissions/index.ts';
import { isStorable } from '../../../platform/casefold.ts';
import type { DumpBuilder } from './dump-builder.ts';
import { identifierProblem } from './fields.ts';
import type { RawRecord } from './json.ts';
import type { DjangoGroup, DjangoPermission } from './records.ts';
import { describeValue, type Found, keyProblem, type Lookup, recordKey, recordKeys, recordName } from './references.ts';

export const CONTENT_TYPE = 'contenttypes.contenttype';
export const PERMISSION = 'auth.permission';
export const GROUP = 'auth.group';

export interface ContentType {
  readonly app: string;
  readonly model: string;
}

export function readContentType(raw: RawRecord, types: Lookup<ContentType>, builder: DumpBuilder): void {
  const { app_label: app, model } = raw.fields;
  const natural = [app, model];
  const isComplete = typeof app === 'string' && typeof model === 'string';
  const found = isComplete ? { value: { app, model } } : { problem: 'has no app label or model' };
  if (!types.add(recordKeys(raw.pk, natural), found))
    builder.addRepeated(CONTENT_TYPE, recordName(CONTENT_TYPE, raw.pk, natural), '');
}

export function readPermission(
  raw: RawRecord,
  types: Lookup<ContentType>,
  permissions: Lookup<DjangoPermission>,
  builder: DumpBuilder,
): void {
  const { codename, name: label, content_type: reference } = raw.fields;
  const type = findContentType(reference, types);
  const natural = [codename, ...('value' in type ? [type.value.app, type.value.model] : [])];
  const keys = recordKeys(raw.pk, natural);
  const record = recordName(PERMISSION, raw.pk, natural);
  const found: Found<DjangoPermission> =
    'problem' in type
      ? { problem: `its content type ${describeValue(reference)} ${type.problem}` }
      : toPermission(raw, record, recordKey(keys), type.value);
  const name = 'value' in found ? found.value.name : toText(codename);
  if (!permissions.add(keys, 'value' in found ? found : { problem: 'could not be mapped' })) {
    builder.addRepeated(PERMISSION, record, name);
    return;
  }
  if ('problem' in found) {
    builder.addUnmapped(record, name, found.problem);
    return;
  }
  if (!isLabel(label)) builder.addUnkept(record, name, 'its label cannot be kept: its codename is the label');
  builder.permissions.push(found.value);
}

/** Finds a content type. A natural key contains all of its fields, so the table may be missing. */
function findContentType(reference: unknown, types: Lookup<ContentType>): Found<ContentType> {
  if (!Array.isArray(reference)) return types.find(reference);
  const [app, model] = reference;
  if (reference.length !== 2 || typeof app !== 'string' || typeof model !== 'string')
    return { problem: 'is no reference' };
  return { value: { app, model } };
}

function toPermission(raw: RawRecord, record: string, key: string, type: ContentType): Found<DjangoPermission> {
  const { codename, name: label } = raw.fields;
  if (typeof codename !== 'string') return { problem: 'it has no codename' };
  for (const [what, text] of [
    ['codename', codename],
    ['app label', type.app],
    ['model', type.model],
  ] as const) {
    const problem = identifierProblem(text);
    if (problem) return { problem: `its ${what} ${problem}` };
  }
  const problem = keyProblem(raw.pk);
  if (problem) return { problem };
  const name = `${type.app}.${codename}`;
  return {
    value: { record, key, name, app: type.app, codename, model: type.model, label: isLabel(label) ? label : codename },
  };
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && isStorable(value) && value.length <= MAX_LABEL_LENGTH;
}

export function readGroup(
  raw: RawRecord,
  permissions: Lookup<DjangoPermission>,
  groups: Lookup<DjangoGroup>,
  builder: DumpBuilder,
): void {
  const { name: sourceName } = raw.fields;
  const natural = [sourceName];
  const keys = recordKeys(raw.pk, natural);
  const record = recordName(GROUP, raw.pk, natural);
  const isNamed = typeof sourceName === 'string';
  const importName = isNamed ? builder.nameFor(record, sourceName) : '';
  const nameProblem = isNamed ? (groupNameProblem(importName)?.message ?? null) : 'it has no name';
  const problem = keyProblem(raw.pk);
  if (problem !== undefined) {
    if (!groups.add(keys, { problem: 'could not be mapped' })) builder.addRepeated(GROUP, record, importName);
    else builder.addUnmapped(record, toText(sourceName), nameProblem ?? problem);
    return;
  }
  const name = nameProblem === null ? importName : '';
  const references = builder
    .resolveReferences(raw.fields['permissions'], permissions, record, name, 'permission')
    .map((one) => one.name);
  const permissionNames = [...new Set(references)];
  const names = { name, sourceName: toText(sourceName), nameProblem };
  const group = { record, key: recordKey(keys), ...names, permissions: permissionNames };
  if (!groups.add(keys, { value: group })) {
    builder.addRepeated(GROUP, record, importName);
    return;
  }
  if (nameProblem === null) builder.groups.push(group);
  else {
    builder.refused.groups.push(group);
    builder.addRefusedName('group', group, isNamed);
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
