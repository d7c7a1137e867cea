import { parse, type YAMLParseError } from 'yaml';
import { isStorable } from '../platform/casefold.ts';
import { Failure } from '../platform/errors.ts';
import { type ApiSettings, settingFault, settingWords } from './apis.ts';
import { defaultPermissions, type PermissionSpec } from './catalogue.ts';

/**
 * An API as a file describes it: `{audience, apps: {polls: {models: [question], permissions: {publish_poll: Can publish poll}}}}`,
 * with `name`, `token` and `catalogue` where its settings are to be those of the file.
 */
export interface ApiFile {
  readonly audience: string;
  /** Only what the file names. */
  readonly settings: ApiSettings;
  readonly permissions: PermissionSpec[];
}

/** One thing that is not as it should be: `message` continues a sentence that the place begins ("takes a list"). */
export interface Misfit {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Everything that is not as it should be, in the order of the document, so that it can be mended in one go. */
export class Misfits extends Error {
  readonly all: readonly Misfit[];

  constructor(all: readonly Misfit[]) {
    super(`${all.length} misfits`);
    this.name = 'Misfits';
    this.all = all;
  }
}

type Report = (path: Misfit['path'], message: string) => void;

/** Reads to the end, then throws what was reported, if anything was. */
function reading<Result>(read: (report: Report) => Result): Result {
  const all: Misfit[] = [];
  const result = read((path, message) => all.push({ path, message }));
  if (all.length > 0) throw new Misfits(all);
  return result;
}

/** Permissions that a file, a request and a catalogue may have. */
export const MOST_PERMISSIONS = 10_000;

const identifier = /^[a-z_][a-z0-9_]{0,99}$/;
const codename = /^[^\s\p{Cc}\p{Cs}]{1,100}$/u;
/** Characters of Django's `Permission.name`. */
export const LONGEST_LABEL = 255;
/** Characters of a codename, of an app and of a model: Django's columns. */
export const LONGEST_CODENAME = 100;

/**
 * Reads the file of `signet api sync`, YAML or JSON. A model is a name, or `name: [actions]` where it has its own list
 * instead of add, change, delete and view. Failure: everything that is wrong, each with its place.
 */
export function readApiFile(text: string, file: string): ApiFile {
  const document = readYaml(text, file);
  try {
    return reading((report) => readDocument(document, report));
  } catch (error) {
    if (!(error instanceof Misfits)) throw error;
    const lines = error.all.map(({ path, message }) => `${path.join('.') || 'the document'} ${message}.`);
    throw new Failure('usage', `${file}: ${lines.slice(0, MOST_SHOWN).join('\n  ')}${moreThan(lines.length)}`);
  }
}

const MOST_SHOWN = 20;

function moreThan(count: number): string {
  return count > MOST_SHOWN ? `\n  and ${count - MOST_SHOWN} more` : '';
}

function readYaml(text: string, file: string): unknown {
  const lines = text.trimEnd().split('\n').length;
  try {
    return parse(text, { maxAliasCount: 0, prettyErrors: true });
  } catch (error) {
    const { message, linePos } = error as Partial<YAMLParseError>;
    // The parser adds the place and the source below its sentence, and points behind the last line of a file that breaks off.
    const what = String(message)
      .split('\n')[0]
      ?.replace(/ at line \d+, column \d+:?$/, '')
      .replace(/[.:]$/, '');
    const place = linePos ? ` (line ${Math.min(linePos[0].line, lines)})` : '';
    throw new Failure('usage', `${file} is neither YAML nor JSON: ${what}${place}.`);
  }
}

function readDocument(document: unknown, report: Report): ApiFile {
  const top = fields(document, [], report, ['audience', 'name', 'apps', 'token', 'catalogue']);
  const { audience, name, catalogue } = top;
  const isMapping = typeof document === 'object' && document !== null && !Array.isArray(document);
  if (audience === undefined && isMapping) report(['audience'], 'is missing');
  else if (audience !== undefined && typeof audience !== 'string') report(['audience'], 'takes a text');
  if (name !== undefined && (typeof name !== 'string' || !isStorable(name))) report(['name'], 'takes a text');
  const isPublic = word(catalogue, ['catalogue'], settingWords.catalogue, report);
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
  const given = fields(value, ['token'], report, tokenFields);
  const at = (name: string) => ['token', name];
  const settings: ApiSettings = {
    typ: word(given['typ'], at('typ'), settingWords.typ, report),
    alg: word(given['alg'], at('alg'), settingWords.alg, report),
    format: word(given['format'], at('format'), settingWords.format, report),
    ttlSeconds: given['ttl_seconds'] as number | undefined,
    budgetBytes: given['budget_bytes'] as number | undefined,
    overBudget: word(given['over_budget'], at('over_budget'), settingWords.overBudget, report),
    withUsername: onOff(given['username'], at('username'), report),
    withSuperseded: onOff(given['superseded'], at('superseded'), report),
    withSourceId: onOff(given['source_id'], at('source_id'), report),
  } as ApiSettings;
  for (const one of [{ ttlSeconds: settings.ttlSeconds }, { budgetBytes: settings.budgetBytes }]) {
    const fault = settingFault(one);
    if (fault) report(at('ttlSeconds' in one ? 'ttl_seconds' : 'budget_bytes'), fault.text);
  }
  return Object.fromEntries(Object.entries(settings).filter(([, one]) => one !== undefined));
}

function word<const T extends string>(
  value: unknown,
  path: string[],
  words: readonly T[],
  report: Report,
): T | undefined {
  if (value === undefined || (words as readonly unknown[]).includes(value)) return value as T | undefined;
  report(path, `takes ${words.join(' or ')}`);
  return undefined;
}

/** YAML 1.2 knows true and false; `on` and `off`, as the options have it, are texts there. */
function onOff(value: unknown, path: string[], report: Report): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  return word(value, path, ['on', 'off', 'true', 'false'], report)?.match(/^(on|true)$/) !== null;
}

/** The permissions of `apps`, each once, in the order of the document. Throws Misfits. */
export function readApps(apps: unknown): PermissionSpec[] {
  return reading((report) => readPermissionSpecs(apps, report));
}

function readPermissionSpecs(apps: unknown, report: Report): PermissionSpec[] {
  const permissions: PermissionSpec[] = [];
  for (const [app, value] of Object.entries(fields(apps, ['apps'], report))) {
    const path = ['apps', app];
    if (!identifier.test(app)) report(path, 'is not an app label (lower-case letters, digits and _)');
    const parts = fields(value ?? {}, path, report, ['models', 'permissions']);
    permissions.push(...readModels(parts['models'] ?? [], app, [...path, 'models'], report));
    permissions.push(...readPermissions(parts['permissions'] ?? {}, app, [...path, 'permissions'], report));
  }
  if (permissions.length > MOST_PERMISSIONS) report(['apps'], `holds more than ${MOST_PERMISSIONS} permissions`);
  return permissions;
}

function readPermissions(value: unknown, app: string, path: string[], report: Report): PermissionSpec[] {
  return Object.entries(fields(value, path, report)).map(([name, label]) => {
    if (!codename.test(name)) report(path, `has an unfit codename ${JSON.stringify(name)}`);
    if (typeof label !== 'string') report([...path, name], 'takes a text, such as "Can publish poll"');
    else if (label.length > LONGEST_LABEL || !isStorable(label))
      report([...path, name], `takes a text of ${LONGEST_LABEL} characters at most`);
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

function fields(
  value: unknown,
  path: readonly (string | number)[],
  report: Report,
  known?: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(path, 'takes a mapping');
    return {};
  }
  for (const name of Object.keys(value))
    if (known && !known.includes(name)) report(path, `has an unknown field ${name}; it takes ${known.join(', ')}`);
  return value as Record<string, unknown>;
}
