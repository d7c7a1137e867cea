import type { JsonSchema, OpenapiDocument } from './document.ts';

/**
 * Turns every schema that has a `title` into a named component, which other places reference. Throws if two different schemas have the same
 * title.
 */
export function nameComponents(document: OpenapiDocument): OpenapiDocument {
  const components: Record<string, JsonSchema> = {};
  const visit = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(visit);
    if (typeof schema !== 'object' || schema === null) return schema;
    const resolved = Object.fromEntries(
      Object.entries(schema).map(([keyword, value]) => [keyword, visitKeyword(keyword, value)]),
    );
    const name = resolved['title'];
    if (typeof name !== 'string') return resolved;
    if (components[name] && JSON.stringify(components[name]) !== JSON.stringify(resolved))
      throw new Error(`Two different schemas have the title ${name}.`);
    components[name] = resolved;
    return { $ref: `#/components/schemas/${name}` };
  };
  const visitKeyword = (keyword: string, value: unknown): unknown => {
    if (['items', 'additionalProperties', 'not', 'anyOf', 'allOf', 'oneOf'].includes(keyword)) return visit(value);
    if (keyword !== 'properties') return value;
    return Object.fromEntries(Object.entries(value as object).map(([name, schema]) => [name, visit(schema)]));
  };
  const visitContent = (content: Record<string, { schema: JsonSchema }> = {}) => {
    for (const media of Object.values(content)) media.schema = visit(media.schema) as JsonSchema;
  };
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    visitContent(operation.requestBody?.content);
    for (const response of Object.values(operation.responses)) visitContent(response.content);
  }
  const sorted = Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(sorted) } };
}
