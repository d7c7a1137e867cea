import { parse } from 'yaml';
import { Failure } from '../platform/failure.ts';
import { defaultPermissions, type PermissionSpec } from './catalogue.ts';

/** An API as a file describes it: `{audience, apps: {polls: {models: [question], permissions: {publish_poll: Can publish poll}}}}`. */
export interface ApiFile {
  readonly audience: string;
  readonly name?: string;
  readonly permissions: PermissionSpec[];
}

const identifier = /^[a-z_][a-z0-9_]{0,99}$/;
const codename = /^[^\s\p{Cc}]{1,100}$/u;

/**
 * Reads the file of `signet api sync`, YAML or JSON. A model is a name, or `name: [actions]` where it has its own list
 * instead of add, change, delete and view. Failure: what is wrong, with its place.
 */
export function readApiFile(text: string, file: string): ApiFile {
  const wrong = (place: string, what: string) => new Failure('usage', `${file}: ${place} ${what}.`);
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Failure('usage', `${file} is neither YAML nor JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  const top = fields(document, ['audience', 'name', 'apps'], (what) => wrong('the document', what));
  if (typeof top['audience'] !== 'string') throw wrong('audience', 'is missing');
  if (top['name'] !== undefined && typeof top['name'] !== 'string') throw wrong('name', 'takes a text');
  const permissions: PermissionSpec[] = [];
  for (const [app, value] of Object.entries(fields(top['apps'] ?? {}, undefined, (what) => wrong('apps', what)))) {
    if (!identifier.test(app)) throw wrong(`apps.${app}`, 'is no app label (lower-case letters, digits and _)');
    const parts = fields(value ?? {}, ['models', 'permissions'], (what) => wrong(`apps.${app}`, what));
    permissions.push(...readModels(parts['models'] ?? [], app, wrong));
    const custom = fields(parts['permissions'] ?? {}, undefined, (what) => wrong(`apps.${app}.permissions`, what));
    for (const [name, label] of Object.entries(custom)) {
      if (!codename.test(name)) throw wrong(`apps.${app}.permissions`, `has an unfit codename ${JSON.stringify(name)}`);
      if (typeof label !== 'string')
        throw wrong(`apps.${app}.permissions.${name}`, 'takes a text, such as "Can publish poll"');
      permissions.push({ app, codename: name, label });
    }
  }
  return { audience: top['audience'], ...(top['name'] ? { name: top['name'] as string } : {}), permissions };
}

function readModels(value: unknown, app: string, wrong: (place: string, what: string) => Failure): PermissionSpec[] {
  const place = `apps.${app}.models`;
  if (!Array.isArray(value)) throw wrong(place, 'takes a list');
  return value.flatMap((entry) => {
    const [model, actions] =
      typeof entry === 'object' && entry !== null ? (Object.entries(entry)[0] ?? []) : [entry, undefined];
    if (typeof model !== 'string' || !identifier.test(model))
      throw wrong(place, `has an unfit name ${JSON.stringify(model)} (lower-case letters, digits and _)`);
    if (
      actions !== undefined &&
      !(Array.isArray(actions) && actions.every((one) => typeof one === 'string' && identifier.test(one)))
    )
      throw wrong(`${place}.${model}`, 'takes a list of actions, such as [view]');
    return defaultPermissions(app, model, actions as string[] | undefined);
  });
}

function fields(
  value: unknown,
  known: string[] | undefined,
  wrong: (what: string) => Failure,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('takes a mapping');
  const unknown = Object.keys(value).find((name) => known && !known.includes(name));
  if (unknown !== undefined) throw wrong(`has an unknown field ${unknown}; it takes ${known?.join(', ')}`);
  return value as Record<string, unknown>;
}
