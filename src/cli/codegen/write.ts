import { byEight, byHalves, camel, pascal, quoted, scopeOfNames, splitWords, upper } from './names.ts';

/** What constants are made of: live permissions in the order of their indexes. */
export interface Constants {
  readonly audience: string;
  readonly version: number;
  readonly hash: string;
  readonly permissions: readonly { readonly index: number; readonly name: string }[];
}

export const languages = ['ts', 'python', 'go', 'java'] as const;
export type Language = (typeof languages)[number];

/** A source file with a constant for every permission. */
export function writeConstants(catalogue: Constants, language: Language): string {
  return writers[language](catalogue);
}

const writers: Record<Language, (catalogue: Constants) => string> = { ts, python, go, java };

interface App {
  /** In the spelling of types. */
  readonly type: string;
  readonly members: readonly { readonly index: number; readonly name: string; readonly value: string }[];
}

/** The apps of a catalogue with names for everything; `member` spells the constants. */
function groupByApp(
  { permissions }: Constants,
  member: (words: readonly string[]) => string,
  reserved: { readonly types: readonly string[]; readonly members: readonly string[] },
): App[] {
  const typeName = scopeOfNames(reserved.types);
  const byApp = Map.groupBy(permissions, ({ name }) => name.slice(0, name.indexOf('.')));
  return [...byApp].map(([app, some]) => {
    const memberName = scopeOfNames(reserved.members);
    const first = some[0]?.index ?? 0;
    return {
      type: typeName(pascal(splitWords(app)) || 'App', first),
      members: some.map(({ index, name }) => ({
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
    `${comment} API ${quoted(audience, astral)}, catalogue version ${version}, hash ${hash}`,
  ];
}

function ts(catalogue: Constants): string {
  const apps = groupByApp(catalogue, camel, { types: ['Permission'], members: [] });
  const lines = apps.flatMap(({ type, members }) => [
    '',
    `export const ${type} = {`,
    ...members.map(({ name, value }) => `  ${name}: ${quoted(value, byHalves)},`),
    '} as const;',
    `export type ${type}Permission = (typeof ${type})[keyof typeof ${type}];`,
  ]);
  const all = apps.map(({ type }) => `${type}Permission`).join(' | ') || 'never';
  return [...header(catalogue, '//', byHalves), ...lines, '', `export type Permission = ${all};`].join('\n');
}

function python(catalogue: Constants): string {
  // The only keywords with a capital.
  const apps = groupByApp(catalogue, upper, { types: ['None', 'True', 'False', 'Final'], members: [] });
  const lines = apps.flatMap(({ type, members }) => [
    '',
    '',
    `class ${type}:`,
    ...members.map(({ name, value }) => `    ${name}: Final = ${quoted(value, byEight)}`),
  ]);
  return [...header(catalogue, '#', byEight), 'from typing import Final', ...lines].join('\n');
}

function go(catalogue: Constants): string {
  const apps = groupByApp(catalogue, pascal, { types: [], members: [] });
  const constant = scopeOfNames(['Permission']);
  const rows = apps.flatMap(({ type, members }) =>
    members.map(({ index, name, value }) => [constant(type + name, index), quoted(value, byEight)] as const),
  );
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const block = rows.map(([name, value]) => `\t${name.padEnd(width)} Permission = ${value}`);
  return [
    ...header(catalogue, '//', byEight),
    '',
    'package permissions',
    '',
    '// Permission is the name of a permission, as tokens have it.',
    'type Permission string',
    ...(block.length > 0 ? ['', 'const (', ...block, ')'] : []),
  ].join('\n');
}

function java(catalogue: Constants): string {
  const outer = `${scopeOfNames()(pascal(splitWords(catalogue.audience)) || 'Api', 0)}Permissions`;
  const apps = groupByApp(catalogue, upper, { types: [outer, 'String'], members: [] });
  const classes = apps.flatMap(({ type, members }) => [
    '',
    `    public static final class ${type} {`,
    ...members.map(({ name, value }) => `        public static final String ${name} = ${quoted(value, byHalves)};`),
    '',
    `        private ${type}() {}`,
    '    }',
  ]);
  return [
    ...header(catalogue, '//', byHalves),
    `// Belongs in ${outer}.java, below your package.`,
    '',
    `public final class ${outer} {`,
    `    private ${outer}() {}`,
    ...classes,
    '}',
  ].join('\n');
}
