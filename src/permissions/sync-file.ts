import { parse, type YAMLParseError } from 'yaml';
import { isStorable } from '../platform/casefold.ts';
import { Failure } from '../platform/errors.ts';
import { type ApiSettings, settingProblem, settingValues } from './apis.ts';
import { defaultPermissions, type PermissionSpec } from './catalogue.ts';

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

/** One error in a document: `message` completes a sentence that begins with the path ("takes a list"). */
export interface DocumentIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** All errors in a document, in its order, so that they can be corrected at once. */
export class DocumentError extends Error {
  readonly issues: readonly DocumentIssue[];

  constructor(issues: readonly DocumentIssue[]) {
    super(`${issues.length} misfits`);
    this.name = 'DocumentError';
    this.issues = issues;
  }
}

type Report = (path: DocumentIssue['path'], message: string) => void;

/** Runs `read` to the end, then throws DocumentError if it reported anything. */
function collectIssues<Result>(read: (report: Report) => Result): Result {
  const issues: DocumentIssue[] = [];
  const result = read((path, message) => issues.push({ path, message }));
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
 * that replaces add, change, delete and view. Throws Failure with every error and its path.
 */
export function readApiFile(text: string, file: string): ApiFile {
  const document = readYaml(text, file);
  try {
    return collectIssues((report) => readDocument(document, report));
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    const lines = error.issues.map(({ path, message }) => `${path.join('.') || 'the document'} ${message}.`);
    throw new Failure('usage', `${file}: ${lines.slice(0, MAX_LINES).join('\n  ')}${andMore(lines.length)}`);
  }
}

const MAX_LINES = 20;

function andMore(count: number): string {
  return count > MAX_LINES ? `\n  and ${count - MAX_LINES} more` : '';
}

function readYaml(text: string, file: string): unknown {
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
    const position = linePos ? ` (line ${Math.min(linePos[0].line, lines)})` : '';
    throw new Failure('usage', `${file} is neither YAML nor JSON: ${reason}${position}.`);
  }
}

function readDocument(document: unknown, report: Report): ApiFile {
  const top = readFields(document, [], report, ['audience', 'name', 'apps', 'token', 'catalogue']);
  const { audience, name, catalogue } = top;
  const isMapping = typeof document === 'object' && document !== null && !Array.isArray(document);
  if (audience === undefined && isMapping) report(['audience'], 'is missing');
  else if (audience !== undefined && typeof audience !== 'string') report(['audience'], 'takes a text');
  if (name !== undefined && (typeof name !== 'string' || !isStorable(name))) report(['name'], 'takes a text');
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
    if (problem) report(at('ttlSeconds' in one ? 'ttl_seconds' : 'budget_bytes'), problem.text);
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
  report(path, `takes ${choices.join(' or ')}`);
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
    if (!identifier.test(app)) report(path, 'is not an app label (lower-case letters, digits and _)');
    const parts = readFields(value ?? {}, path, report, ['models', 'permissions']);
    permissions.push(...readModels(parts['models'] ?? [], app, [...path, 'models'], report));
    permissions.push(...readPermissions(parts['permissions'] ?? {}, app, [...path, 'permissions'], report));
  }
  if (permissions.length > MAX_PERMISSIONS) report(['apps'], `holds more than ${MAX_PERMISSIONS} permissions`);
  return permissions;
}

function readPermissions(value: unknown, app: string, path: string[], report: Report): PermissionSpec[] {
  return Object.entries(readFields(value, path, report)).map(([name, label]) => {
    if (!codename.test(name)) report(path, `has an unfit codename ${JSON.stringify(name)}`);
    if (typeof label !== 'string') report([...path, name], 'takes a text, such as "Can publish poll"');
    else if (label.length > MAX_LABEL_LENGTH || !isStorable(label))
      report([...path, name], `takes a text of ${MAX_LABEL_LENGTH} characters at most`);
    return { app, codename: name, label: label as string };
  });
}

function readModels(value: unknown, app: string, path: string[], report: Report): PermissionSpec[] {
  if (!Array.isArray(value)) {
    report(path, 'takes a list');
    return [];
  }
  return value.flatMap((entry, index) => {
    const at = [...path, index];
    const pairs: [unknown, unknown][] =
      typeof entry === 'object' && entry !== null ? Object.entries(entry) : [[entry, undefined]];
    const [model, actions] = pairs.length === 1 ? (pairs[0] as [unknown, unknown]) : [undefined, undefined];
    if (typeof model !== 'string' || !identifier.test(model)) {
      report(at, `has an unfit name ${JSON.stringify(model)} (lower-case letters, digits and _)`);
      return [];
    }
    const isActions = Array.isArray(actions) && actions.every((one) => typeof one === 'string' && identifier.test(one));
    if (actions !== undefined && !isActions) {
      report([...at, model], 'takes a list of actions, such as [view]');
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
    report(path, 'takes a mapping');
    return {};
  }
  for (const name of Object.keys(value))
    if (allowed && !allowed.includes(name))
      report(path, `has an unknown field ${name}; it takes ${allowed.join(', ')}`);
  return value as Record<string, unknown>;
}
