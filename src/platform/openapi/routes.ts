import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PublicDocument, publicDocument } from '../digest.ts';
import { type App, servePublic } from '../http/index.ts';

const file = join(import.meta.dirname, '../../../openapi.yaml');

/** The `servers` entry of the committed file: the origin it was fetched from. */
const SERVER = '\n  - url: /\n';

/** `/openapi.yaml`: the committed file, which a test compares with the routes, with the issuer's path. Read on the first request. */
export function openapiRoute(app: App, basePath: string): void {
  let document: PublicDocument | undefined;
  const schema = {
    operationId: 'getOpenapi',
    summary: 'This document',
    tags: ['documents'],
    security: [],
    response: { 200: { description: 'OpenAPI 3.1.', content: { 'application/yaml': { schema: {} } } } },
    problems: [],
  };
  servePublic(app, '/openapi.yaml', { type: 'application/yaml', maxAgeSeconds: 300, schema }, () => {
    document ??= publicDocument(
      Buffer.from(readFileSync(file, 'utf8').replace(SERVER, `\n  - url: ${basePath === '' ? '/' : basePath}\n`)),
    );
    return document;
  });
}
