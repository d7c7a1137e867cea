import fc from 'fast-check';
import type { JsonSchema } from '../../src/platform/http/index.ts';

/** Values that mean something to the server, by the name of the field that they fit. */
export type Known = Readonly<Record<string, readonly string[]>>;

/** Names that a careless assignment would take for something. */
export const hostileNames = [
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
  'is_superuser',
  'is_staff',
  'id',
  'sub',
  '',
];
const oddTexts = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '\u202ealice',
  'ALICE',
  'ａlice',
  'alice\u0301',
  'a\r\nSet-Cookie: x=1',
  "' or 1=1 --",
  '{{7*7}}',
  '<img src=x>',
  '../../etc/passwd',
  '__proto__',
  'x'.repeat(300),
  'x'.repeat(5000),
];
const oddValues = [null, true, 0, -1, 2 ** 53, 1e308, [], [[]], {}, { $ne: null }, ['a', 'a'], ...oddTexts];

export const oddText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(...oddTexts),
);

/** What a schema takes, with known values where a field has some. `name` is the field's. */
export function fitting(schema: JsonSchema, known: Known, name = ''): fc.Arbitrary<unknown> {
  const one = schema as JsonSchema & {
    anyOf?: JsonSchema[];
    enum?: unknown[];
    properties?: Record<string, JsonSchema>;
  };
  if ('const' in one) return fc.constant(one['const']);
  if (one.enum) return fc.constantFrom(...one.enum);
  if (one.anyOf) return fc.oneof(...one.anyOf.map((inner) => fitting(inner, known, name)));
  switch (one['type']) {
    case 'string': {
      if (one['format'] === 'uuid')
        return fc.oneof(fc.uuid(), { weight: 3, arbitrary: fc.constantFrom(...(known[name] ?? ['x'])) });
      const [min, max] = [Number(one['minLength'] ?? 0), Math.min(Number(one['maxLength'] ?? 60), 60)];
      const typed = fc.string({ minLength: min, maxLength: max });
      return known[name] ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...known[name]) }, typed) : typed;
    }
    case 'integer':
      return fc.integer();
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fitting(one['items'] as JsonSchema, known, name), { maxLength: 5 });
    default: {
      const fields = Object.entries(one.properties ?? {}).map(
        ([key, inner]) => [key, fitting(inner, known, key)] as const,
      );
      const required = (one['required'] ?? []) as string[];
      const least = fields.filter(([key]) => required.includes(key));
      return fc.oneof(
        fc.record(Object.fromEntries(least)),
        fc.record(Object.fromEntries(fields), { requiredKeys: required }),
      );
    }
  }
}

/** One thing about a document made otherwise: a field more, less, or of another kind, at any depth. */
export function mutated(document: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const value = fc.oneof(fc.constantFrom(...oddValues), fc.jsonValue({ maxDepth: 3 }), oddText);
  return fc
    .tuple(
      document,
      fc.nat(),
      fc.constantFrom('drop', 'add', 'replace', 'wrap'),
      fc.constantFrom(...hostileNames),
      value,
    )
    .map(([original, at, how, name, odd]) => {
      if (how === 'wrap') return JSON.stringify([original]);
      if (typeof original !== 'object' || original === null) return JSON.stringify(odd);
      const entries = Object.entries(original);
      const chosen = entries[at % Math.max(1, entries.length)]?.[0];
      const kept = how === 'drop' ? entries.filter(([key]) => key !== chosen) : entries;
      const changed = kept.map(([key, inner]) => (how === 'replace' && key === chosen ? [key, odd] : [key, inner]));
      if (how === 'add') changed.push([name, odd]);
      // Written by hand, since `__proto__` in a literal would not be a field.
      return `{${changed.map(([key, inner]) => `${JSON.stringify(key)}:${JSON.stringify(inner) ?? 'null'}`).join(',')}}`;
    });
}

/** A text cut, doubled, or with a byte changed. */
export function damaged(whole: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(whole, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('cut', 'double', 'byte'))
    .map(([one, at, byte, how]) => {
      const bytes = Buffer.from(one);
      const place = at % Math.max(1, bytes.length);
      if (how === 'cut') return bytes.subarray(0, place);
      if (how === 'double') return Buffer.concat([bytes, bytes]);
      if (bytes.length > 0) bytes[place] = byte;
      return bytes;
    });
}
