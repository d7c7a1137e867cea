import { camel, longEscape, pascal, splitWords, stringLiteral, surrogateEscape, uniqueNames, upper } from './names.ts';

/** The input of the generator: live permissions in the order of their indexes. */
export interface Constants {
  readonly audience: string;
  readonly version: number;
  readonly hash: string;
  readonly permissions: readonly { readonly index: number; readonly name: string }[];
}

export const languages = ['ts', 'python', 'go', 'java'] as const;
export type Language = (typeof languages)[number];

/** Returns a source file with a constant for every permission. */
export function writeConstants(catalogue: Constants, language: Language): string {
  return writers[language](catalogue);
}

const writers: Record<Language, (catalogue: Constants) => string> = { ts, python, go, java };

interface App {
  /** The name as a type name. */
  readonly type: string;
  readonly members: readonly { readonly index: number; readonly name: string; readonly value: string }[];
}

/** Groups the permissions by app and names the constants; `member` formats their names. */
function groupByApp(
  { permissions }: Constants,
  member: (words: readonly string[]) => string,
  reserved: { readonly types: readonly string[]; readonly members: readonly string[] },
): App[] {
  const typeName = uniqueNames(reserved.types);
  const byApp = Map.groupBy(permissions, ({ name }) => name.slice(0, name.indexOf('.')));
  return [...byApp].map(([app, appPermissions]) => {
    const memberName = uniqueNames(reserved.members);
    const first = appPermissions[0]?.index ?? 0;
    return {
      type: typeName(pascal(splitWords(app)) || 'App', first),
      members: appPermissions.map(({ index, name }) => ({
        index,
        name: memberName(member(splitWords(name.slice(app.length + 1))) || `P${index}`, index),
        value: name,
      })),
    };
  });
}

function header({ audience, version, hash }: Constants, comment: string, astral: (codePoint: number) => string) {
  return [
    `${comment} Made by: signet api constants. Do not edit.`,
    `${comment} API ${stringLiteral(audience, astral)}, catalogue version ${version}, hash ${hash}`,
  ];
}

function ts(catalogue: Constants): string {
  const apps = groupByApp(catalogue, camel, { types: ['Permission'], members: [] });
  const lines = apps.flatMap(({ type, members }) => [
    '',
    `export const ${type} = {`,
    ...members.map(({ name, value }) => `  ${name}: ${stringLiteral(value, surrogateEscape)},`),
    '} as const;',
    `export type ${type}Permission = (typeof ${type})[keyof typeof ${type}];`,
  ]);
  const all = apps.map(({ type }) => `${type}Permission`).join(' | ') || 'never';
  return [...header(catalogue, '//', surrogateEscape), ...lines, '', `export type Permission = ${all};`].join('\n');
}

function python(catalogue: Constants): string {
  // The only keywords with a capital letter.
  const apps = groupByApp(catalogue, upper, { types: ['None', 'True', 'False', 'Final'], members: [] });
  const lines = apps.flatMap(({ type, members }) => [
    '',
    '',
    `class ${type}:`,
    ...members.map(({ name, value }) => `    ${name}: Final = ${stringLiteral(value, longEscape)}`),
  ]);
  return [...header(catalogue, '#', longEscape), 'from typing import Final', ...lines].join('\n');
}

function go(catalogue: Constants): string {
  const apps = groupByApp(catalogue, pascal, { types: [], members: [] });
  const constant = uniqueNames(['Permission']);
  const rows = apps.flatMap(({ type, members }) =>
    members.map(({ index, name, value }) => [constant(type + name, index), stringLiteral(value, longEscape)] as const),
  );
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const block = rows.map(([name, value]) => `\t${name.padEnd(width)} Permission = ${value}`);
  return [
    ...header(catalogue, '//', longEscape),
    '',
    'package permissions',
    '',
    '// Permission is the name of a permission, as tokens have it.',
    'type Permission string',
    ...(block.length > 0 ? ['', 'const (', ...block, ')'] : []),
  ].join('\n');
}

function java(catalogue: Constants): string {
  const outer = `${uniqueNames()(pascal(splitWords(catalogue.audience)) || 'Api', 0)}Permissions`;
  const apps = groupByApp(catalogue, upper, { types: [outer, 'String'], members: [] });
  const classes = apps.flatMap(({ type, members }) => [
    '',
    `    public static final class ${type} {`,
    ...members.map(
      ({ name, value }) => `        public static final String ${name} = ${stringLiteral(value, surrogateEscape)};`,
    ),
    '',
    `        private ${type}() {}`,
    '    }',
  ]);
  return [
    ...header(catalogue, '//', surrogateEscape),
    `// Belongs in ${outer}.java, below your package.`,
    '',
    `public final class ${outer} {`,
    `    private ${outer}() {}`,
    ...classes,
    '}',
  ].join('\n');
}
