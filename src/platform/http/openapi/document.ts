/** The part of JSON Schema (2020-12) that this room reads. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

type Content = Record<string, { schema: JsonSchema }>;

export interface ResponseObject {
  description: string;
  headers?: Record<string, { schema: JsonSchema }>;
  content?: Content;
}

export interface Operation {
  operationId?: string;
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema }[];
  requestBody?: { content: Content };
  responses: Record<string, ResponseObject>;
}

/** The part of OpenAPI 3.1 that Signet writes. */
export interface OpenapiDocument {
  openapi: string;
  info: object;
  servers: object[];
  tags: { name: string }[];
  /** By path, then by method in small letters. */
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}
