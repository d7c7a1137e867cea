import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PublicDocument, publicDocument } from '../digest.ts';
import { type App, servePublic } from '../http/index.ts';

const file = join(import.meta.dirname, '../../../openapi.yaml');

/** The server of the committed file: where it came from. */
const SERVER = '\n  - url: /\n';

/** `/openapi.yaml`: the committed file, which a test holds to the routes, with the issuer's path. Read once, when it is first asked for. */
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
  servePublic(app, '/openapi.yaml', 'application/yaml', 300, schema, () => {
    document ??= publicDocument(
      Buffer.from(readFileSync(file, 'utf8').replace(SERVER, `\n  - url: ${basePath === '' ? '/' : basePath}\n`)),
    );
    return document;
  });
}
