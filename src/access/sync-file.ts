import { parse } from 'yaml';
import { Failure } from '../platform/failure.ts';
import { isStorable } from '../platform/fold.ts';
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

/** What is not as it should be, and where. */
export class Misfit extends Error {
  readonly path: readonly (string | number)[];

  /** @param what continues a sentence that the place begins: "takes a list". */
  constructor(path: readonly (string | number)[], what: string) {
    super(what);
    this.name = 'Misfit';
    this.path = path;
  }
}

/** Permissions that a file, a request and a catalogue may have. */
export const MOST_PERMISSIONS = 10_000;

const identifier = /^[a-z_][a-z0-9_]{0,99}$/;
const codename = /^[^\s\p{Cc}\p{Cs}]{1,100}$/u;
/** Django's `Permission.name`. */
const LONGEST_LABEL = 255;

/**
 * Reads the file of `signet api sync`, YAML or JSON. A model is a name, or `name: [actions]` where it has its own list
 * instead of add, change, delete and view. Failure: what is wrong, with its place.
 */
export function readApiFile(text: string, file: string): ApiFile {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Failure('usage', `${file} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  try {
    return readDocument(document);
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    throw new Failure('usage', `${file}: ${error.path.join('.') || 'the document'} ${error.message}.`);
  }
}

function readDocument(document: unknown): ApiFile {
  const top = fields(document, [], ['audience', 'name', 'apps', 'token', 'catalogue']);
  const { audience, name, catalogue } = top;
  if (audience === undefined) throw new Misfit(['audience'], 'is missing');
  if (typeof audience !== 'string') throw new Misfit(['audience'], 'takes a text');
  if (name !== undefined && (typeof name !== 'string' || !isStorable(name))) throw new Misfit(['name'], 'takes a text');
  const isPublic = word(catalogue, ['catalogue'], settingWords.catalogue);
  const settings = {
    ...(name ? { name: name as string } : {}),
    ...readTokenSettings(top['token'] ?? {}),
    ...(isPublic === undefined ? {} : { isCataloguePublic: isPublic === 'public' }),
  };
  return { audience, settings, permissions: readApps(top['apps'] ?? {}) };
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

function readTokenSettings(value: unknown): ApiSettings {
  const given = fields(value, ['token'], tokenFields);
  const at = (name: string) => ['token', name];
  const settings: ApiSettings = {
    typ: word(given['typ'], at('typ'), settingWords.typ),
    alg: word(given['alg'], at('alg'), settingWords.alg),
    format: word(given['format'], at('format'), settingWords.format),
    ttlSeconds: given['ttl_seconds'] as number | undefined,
    budgetBytes: given['budget_bytes'] as number | undefined,
    overBudget: word(given['over_budget'], at('over_budget'), settingWords.overBudget),
    withUsername: onOff(given['username'], at('username')),
    withSuperseded: onOff(given['superseded'], at('superseded')),
    withSourceId: onOff(given['source_id'], at('source_id')),
  } as ApiSettings;
  const fault = settingFault(settings);
  if (fault) throw new Misfit(at(fault.setting === 'ttlSeconds' ? 'ttl_seconds' : 'budget_bytes'), fault.text);
  return Object.fromEntries(Object.entries(settings).filter(([, one]) => one !== undefined));
}

function word<const T extends string>(value: unknown, path: string[], words: readonly T[]): T | undefined {
  if (value === undefined || (words as readonly unknown[]).includes(value)) return value as T | undefined;
  throw new Misfit(path, `takes ${words.join(' or ')}`);
}

/** YAML 1.2 knows true and false; `on` and `off`, as the options have it, are texts there. */
function onOff(value: unknown, path: string[]): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  return word(value, path, ['on', 'off', 'true', 'false'])?.match(/^(on|true)$/) !== null;
}

/** The permissions of `apps`, each once, in the order of the document. Throws a Misfit. */
export function readApps(apps: unknown): PermissionSpec[] {
  const permissions: PermissionSpec[] = [];
  for (const [app, value] of Object.entries(fields(apps, ['apps']))) {
    const path = ['apps', app];
    if (!identifier.test(app)) throw new Misfit(path, 'is no app label (lower-case letters, digits and _)');
    const parts = fields(value ?? {}, path, ['models', 'permissions']);
    permissions.push(...readModels(parts['models'] ?? [], app, [...path, 'models']));
    permissions.push(...readPermissions(parts['permissions'] ?? {}, app, [...path, 'permissions']));
  }
  if (permissions.length > MOST_PERMISSIONS)
    throw new Misfit(['apps'], `holds more than ${MOST_PERMISSIONS} permissions`);
  return permissions;
}

function readPermissions(value: unknown, app: string, path: string[]): PermissionSpec[] {
  return Object.entries(fields(value, path)).map(([name, label]) => {
    if (!codename.test(name)) throw new Misfit(path, `has an unfit codename ${JSON.stringify(name)}`);
    if (typeof label !== 'string') throw new Misfit([...path, name], 'takes a text, such as "Can publish poll"');
    if (label.length > LONGEST_LABEL || !isStorable(label))
      throw new Misfit([...path, name], `takes a text of ${LONGEST_LABEL} characters at the most`);
    return { app, codename: name, label };
  });
}

function readModels(value: unknown, app: string, path: string[]): PermissionSpec[] {
  if (!Array.isArray(value)) throw new Misfit(path, 'takes a list');
  return value.flatMap((entry, place) => {
    const at = [...path, place];
    const pairs: [unknown, unknown][] =
      typeof entry === 'object' && entry !== null ? Object.entries(entry) : [[entry, undefined]];
    const [model, actions] = pairs.length === 1 ? (pairs[0] as [unknown, unknown]) : [undefined, undefined];
    if (typeof model !== 'string' || !identifier.test(model))
      throw new Misfit(at, `has an unfit name ${JSON.stringify(model)} (lower-case letters, digits and _)`);
    const isActions = Array.isArray(actions) && actions.every((one) => typeof one === 'string' && identifier.test(one));
    if (actions !== undefined && !isActions)
      throw new Misfit([...at, model], 'takes a list of actions, such as [view]');
    return defaultPermissions(app, model, actions as string[] | undefined);
  });
}

function fields(
  value: unknown,
  path: readonly (string | number)[],
  known?: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Misfit(path, 'takes a mapping');
  const unknown = Object.keys(value).find((name) => known && !known.includes(name));
  if (unknown !== undefined) throw new Misfit(path, `has an unknown field ${unknown}; it takes ${known?.join(', ')}`);
  return value as Record<string, unknown>;
}
