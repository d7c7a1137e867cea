/** A JSON Schema (2020-12), as far as this room looks into one. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

type Content = Record<string, { schema: JsonSchema }>;

export interface Answer {
  description: string;
  headers?: Record<string, { schema: JsonSchema }>;
  content?: Content;
}

export interface Operation {
  operationId?: string;
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema }[];
  requestBody?: { content: Content };
  responses: Record<string, Answer>;
}

/** OpenAPI 3.1, as far as Signet writes it. */
export interface OpenapiDocument {
  openapi: string;
  info: object;
  servers: object[];
  tags: { name: string }[];
  /** By path, then by method in small letters. */
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}
