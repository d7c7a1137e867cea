import { MAX_LABEL_LENGTH } from '../../../permissions/index.ts';
import { isStorable } from '../../../platform/casefold.ts';
import { type Note, note } from '../notes.ts';
import type { DumpBuilder } from './dump-builder.ts';
import { groupProblem, identifierProblem } from './fields.ts';
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
  const found: Found<ContentType> = isComplete ? { value: { app, model } } : { problem: 'reference_incomplete' };
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
  const read: ReadPermission =
    'problem' in type
      ? { note: note(type.problem, { field: 'content_type', reference: describeValue(reference) }) }
      : toPermission(raw, record, recordKey(keys), type.value);
  const name = 'value' in read ? read.value.name : toText(codename);
  if (!permissions.add(keys, 'value' in read ? read : { problem: 'reference_not_imported' })) {
    builder.addRepeated(PERMISSION, record, name);
    return;
  }
  if ('note' in read) {
    builder.addUnmapped(record, name, read.note);
    return;
  }
  if (!isLabel(label)) builder.addUnkept(record, name, note('label_invalid'));
  builder.permissions.push(read.value);
}

/** A permission, or why it cannot be imported. */
type ReadPermission = { readonly value: DjangoPermission } | { readonly note: Note };

/** Finds a content type. A natural key contains all of its fields, so the table may be missing. */
function findContentType(reference: unknown, types: Lookup<ContentType>): Found<ContentType> {
  if (!Array.isArray(reference)) return types.find(reference);
  const [app, model] = reference;
  if (reference.length !== 2 || typeof app !== 'string' || typeof model !== 'string')
    return { problem: 'reference_malformed' };
  return { value: { app, model } };
}

function toPermission(raw: RawRecord, record: string, key: string, type: ContentType): ReadPermission {
  const { codename, name: label } = raw.fields;
  if (typeof codename !== 'string') return { note: note('codename_missing') };
  for (const [part, text] of [
    ['codename', codename],
    ['app_label', type.app],
    ['model', type.model],
  ] as const) {
    const problem = identifierProblem(part, text);
    if (problem) return { note: problem };
  }
  const problem = keyProblem(raw.pk);
  if (problem) return { note: problem };
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
  const nameProblem = isNamed ? groupProblem(importName) : note('name_missing', { kind: 'group' });
  const problem = keyProblem(raw.pk);
  if (problem !== null) {
    if (!groups.add(keys, { problem: 'reference_not_imported' })) builder.addRepeated(GROUP, record, importName);
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
    builder.addRefusedName('group', group, nameProblem, isNamed);
  }
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
