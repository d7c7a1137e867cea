import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, servePublic } from '../http/index.ts';
import { type PublicDocument, publicDocument } from '../public-document.ts';

const file = join(import.meta.dirname, '../../../openapi.yaml');

/** `/openapi.yaml`: the committed file, which a test holds to the routes. Read once, when it is first asked for. */
export function openapiRoute(app: App): void {
  let document: PublicDocument | undefined;
  const schema = {
    operationId: 'getOpenapi',
    summary: 'This document',
    tags: ['documents'],
    security: [],
    response: { 200: { description: 'OpenAPI 3.1.', content: { 'application/yaml': { schema: { type: 'string' } } } } },
    problems: [],
  };
  servePublic(app, '/openapi.yaml', 'application/yaml', 300, schema, () => {
    document ??= publicDocument(readFileSync(file));
    return document;
  });
}
