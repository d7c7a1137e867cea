import { parse, type YAMLParseError } from 'yaml';
import { isStorable } from '../platform/casefold.ts';
import type { ErrorParams, NoParams } from '../platform/errors.ts';
import { type ApiSettings, settingProblem, settingValues } from './apis.ts';
import { defaultPermissions, type PermissionSpec } from './catalogue.ts';
import { permissionError } from './errors.ts';

/**
 * An API as described by a file: `{audience, apps: {polls: {models: [question], permissions: {publish_poll: Can publish poll}}}}`,
 * with `name`, `token` and `catalogue` for settings that the file sets.
 */
export interface ApiFile {
  readonly audience: string;
  /** Only settings that the file contains. */
  readonly settings: ApiSettings;
  readonly permissions: PermissionSpec[];
}

/** What may be wrong at one place of a document, with what a message about it names. */
export interface IssueCodes {
  readonly missing: NoParams;
  readonly not_a_mapping: NoParams;
  readonly not_a_list: NoParams;
  readonly not_a_text: NoParams;
  readonly not_a_label: NoParams;
  readonly label_too_long: { readonly max: number };
  readonly not_a_choice: { readonly choices: readonly string[] };
  readonly out_of_range: { readonly from: number; readonly to: number };
  readonly unknown_field: { readonly name: string; readonly fields: readonly string[] };
  readonly app_label_invalid: NoParams;
  readonly codename_invalid: { readonly name: string };
  readonly model_name_invalid: { readonly name: string };
  readonly not_actions: NoParams;
  readonly too_many_permissions: { readonly max: number };
}

/** One error in a document. */
export interface DocumentIssue {
  readonly path: readonly (string | number)[];
  readonly code: keyof IssueCodes;
  readonly params: ErrorParams;
}

/** All errors in a document, in its order, so that they can be corrected at once. */
export class DocumentError extends Error {
  readonly issues: readonly DocumentIssue[];

  constructor(issues: readonly DocumentIssue[]) {
    super(`${issues.length} errors`);
    this.name = 'DocumentError';
    this.issues = issues;
  }
}

type Report = <Code extends keyof IssueCodes>(
  path: DocumentIssue['path'],
  code: Code,
  ...[params]: NoParams extends IssueCodes[Code] ? [params?: IssueCodes[Code]] : [params: IssueCodes[Code]]
) => void;

/** Runs `read` to the end, then throws DocumentError if it reported anything. */
function collectIssues<Result>(read: (report: Report) => Result): Result {
  const issues: DocumentIssue[] = [];
  const result = read((path, code, ...[params]) => void issues.push({ path, code, params: params ?? {} }));
  if (issues.length > 0) throw new DocumentError(issues);
  return result;
}

/** The maximum number of permissions in a file, a request and a catalogue. */
export const MAX_PERMISSIONS = 10_000;

const identifier = /^[a-z_][a-z0-9_]{0,99}$/;
const codename = /^[^\s\p{Cc}\p{Cs}]{1,100}$/u;
/** The length of Django's `Permission.name`. */
export const MAX_LABEL_LENGTH = 255;
/** The length of codenames, app labels and model names in Django's columns. */
export const MAX_CODENAME_LENGTH = 100;

/**
 * Reads the file of `signet api sync`, YAML or JSON. A model is a name, or `name: [actions]` with a list
 * that replaces add, change, delete and view. Throws DocumentError with every error and its path, and `document_unreadable` for another
 * syntax.
 */
export function readApiFile(text: string): ApiFile {
  const document = readYaml(text);
  return collectIssues((report) => readDocument(document, report));
}

function readYaml(text: string): unknown {
  const lines = text.trimEnd().split('\n').length;
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: true });
  } catch (error) {
    const { message, linePos } = error as Partial<YAMLParseError>;
    // The parser adds position and source below its sentence, and points behind the last line of a truncated file.
    const reason = String(message)
      .split('\n')[0]
      ?.replace(/ at line \d+, column \d+:?$/, '')
      .replace(/[.:]$/, '');
    throw permissionError('document_unreadable', {
      reason: reason ?? '',
      line: linePos ? Math.min(linePos[0].line, lines) : 0,
    });
  }
}

function readDocument(document: unknown, report: Report): ApiFile {
  const top = readFields(document, [], report, ['audience', 'name', 'apps', 'token', 'catalogue']);
  const { audience, name, catalogue } = top;
  const isMapping = typeof document === 'object' && document !== null && !Array.isArray(document);
  if (audience === undefined && isMapping) report(['audience'], 'missing');
  else if (audience !== undefined && typeof audience !== 'string') report(['audience'], 'not_a_text');
  if (name !== undefined && (typeof name !== 'string' || !isStorable(name))) report(['name'], 'not_a_text');
  const isPublic = readChoice(catalogue, ['catalogue'], settingValues.catalogue, report);
  const settings = {
    ...(name ? { name: name as string } : {}),
    ...readTokenSettings(top['token'] ?? {}, report),
    ...(isPublic === undefined ? {} : { isCataloguePublic: isPublic === 'public' }),
  };
  return { audience: audience as string, settings, permissions: readPermissionSpecs(top['apps'] ?? {}, report) };
}

const tokenFields = [
  'typ',
  'alg',
  'format',
  'ttl_seconds',
  'budget_bytes',
  'over_budget',
  'superseded',
  'username',
  'source_id',
];

function readTokenSettings(value: unknown, report: Report): ApiSettings {
  const token = readFields(value, ['token'], report, tokenFields);
  const at = (name: string) => ['token', name];
  const settings: ApiSettings = {
    typ: readChoice(token['typ'], at('typ'), settingValues.typ, report),
    alg: readChoice(token['alg'], at('alg'), settingValues.alg, report),
    format: readChoice(token['format'], at('format'), settingValues.format, report),
    ttlSeconds: token['ttl_seconds'] as number | undefined,
    budgetBytes: token['budget_bytes'] as number | undefined,
    overBudget: readChoice(token['over_budget'], at('over_budget'), settingValues.overBudget, report),
    withUsername: readSwitch(token['username'], at('username'), report),
    withSuperseded: readSwitch(token['superseded'], at('superseded'), report),
    withSourceId: readSwitch(token['source_id'], at('source_id'), report),
  } as ApiSettings;
  for (const one of [{ ttlSeconds: settings.ttlSeconds }, { budgetBytes: settings.budgetBytes }]) {
    const problem = settingProblem(one);
    if (problem) report(at('ttlSeconds' in one ? 'ttl_seconds' : 'budget_bytes'), 'out_of_range', problem);
  }
  return Object.fromEntries(Object.entries(settings).filter(([, one]) => one !== undefined));
}

function readChoice<const T extends string>(
  value: unknown,
  path: string[],
  choices: readonly T[],
  report: Report,
): T | undefined {
  if (value === undefined || (choices as readonly unknown[]).includes(value)) return value as T | undefined;
  report(path, 'not_a_choice', { choices });
  return undefined;
}

/** YAML 1.2 has true and false; `on` and `off`, as in the command's options, are strings there. */
function readSwitch(value: unknown, path: string[], report: Report): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  return readChoice(value, path, ['on', 'off', 'true', 'false'], report)?.match(/^(on|true)$/) !== null;
}

/** Returns the permissions of `apps`, without duplicates, in the order of the document. Throws DocumentError. */
export function readApps(apps: unknown): PermissionSpec[] {
  return collectIssues((report) => readPermissionSpecs(apps, report));
}

function readPermissionSpecs(apps: unknown, report: Report): PermissionSpec[] {
  const permissions: PermissionSpec[] = [];
  for (const [app, value] of Object.entries(readFields(apps, ['apps'], report))) {
    const path = ['apps', app];
    if (!identifier.test(app)) report(path, 'app_label_invalid');
    const parts = readFields(value ?? {}, path, report, ['models', 'permissions']);
    permissions.push(...readModels(parts['models'] ?? [], app, [...path, 'models'], report));
    permissions.push(...readPermissions(parts['permissions'] ?? {}, app, [...path, 'permissions'], report));
  }
  if (permissions.length > MAX_PERMISSIONS) report(['apps'], 'too_many_permissions', { max: MAX_PERMISSIONS });
  return permissions;
}

function readPermissions(value: unknown, app: string, path: string[], report: Report): PermissionSpec[] {
  return Object.entries(readFields(value, path, report)).map(([name, label]) => {
    if (!codename.test(name)) report(path, 'codename_invalid', { name });
    if (typeof label !== 'string') report([...path, name], 'not_a_label');
    else if (label.length > MAX_LABEL_LENGTH || !isStorable(label))
      report([...path, name], 'label_too_long', { max: MAX_LABEL_LENGTH });
    return { app, codename: name, label: label as string };
  });
}

function readModels(value: unknown, app: string, path: string[], report: Report): PermissionSpec[] {
  if (!Array.isArray(value)) {
    report(path, 'not_a_list');
    return [];
  }
  return value.flatMap((entry, index) => {
    const at = [...path, index];
    const pairs: [unknown, unknown][] =
      typeof entry === 'object' && entry !== null ? Object.entries(entry) : [[entry, undefined]];
    const [model, actions] = pairs.length === 1 ? (pairs[0] as [unknown, unknown]) : [undefined, undefined];
    if (typeof model !== 'string' || !identifier.test(model)) {
      report(at, 'model_name_invalid', { name: JSON.stringify(model) ?? '' });
      return [];
    }
    const isActions = Array.isArray(actions) && actions.every((one) => typeof one === 'string' && identifier.test(one));
    if (actions !== undefined && !isActions) {
      report([...at, model], 'not_actions');
      return [];
    }
    return defaultPermissions(app, model, actions as string[] | undefined);
  });
}

function readFields(
  value: unknown,
  path: readonly (string | number)[],
  report: Report,
  allowed?: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(path, 'not_a_mapping');
    return {};
  }
  for (const name of Object.keys(value))
    if (allowed && !allowed.includes(name)) report(path, 'unknown_field', { name, fields: allowed });
  return value as Record<string, unknown>;
}
