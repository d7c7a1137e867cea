import type { JsonSchema, OpenapiDocument } from './document.ts';

/**
 * Makes a named component of every schema that has a `title`: it stands once, under that name, and is referred to elsewhere.
 * Throws when two different schemas have the same title.
 */
export function nameComponents(document: OpenapiDocument): OpenapiDocument {
  const named: Record<string, JsonSchema> = {};
  const visit = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(visit);
    if (typeof schema !== 'object' || schema === null) return schema;
    const inner = Object.fromEntries(
      Object.entries(schema).map(([keyword, value]) => [keyword, within(keyword, value)]),
    );
    const name = inner['title'];
    if (typeof name !== 'string') return inner;
    if (named[name] && JSON.stringify(named[name]) !== JSON.stringify(inner))
      throw new Error(`Two different schemas have the title ${name}.`);
    named[name] = inner;
    return { $ref: `#/components/schemas/${name}` };
  };
  const within = (keyword: string, value: unknown): unknown => {
    if (['items', 'additionalProperties', 'not', 'anyOf', 'allOf', 'oneOf'].includes(keyword)) return visit(value);
    if (keyword !== 'properties') return value;
    return Object.fromEntries(Object.entries(value as object).map(([name, schema]) => [name, visit(schema)]));
  };
  const inContent = (content: Record<string, { schema: JsonSchema }> = {}) => {
    for (const media of Object.values(content)) media.schema = visit(media.schema) as JsonSchema;
  };
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    inContent(operation.requestBody?.content);
    for (const answer of Object.values(operation.responses)) inContent(answer.content);
  }
  const sorted = Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(sorted) } };
}
