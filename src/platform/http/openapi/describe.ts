import { STATUS_CODES } from 'node:http';
import type {} from '@fastify/swagger';
import type { App } from '../server.ts';
import { nameComponents } from './components.ts';
import type { OpenapiDocument } from './document.ts';
import { withErrorResponses } from './error-responses.ts';

/** What the document says beyond the routes. */
export interface OpenapiTexts {
  readonly info: object;
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly securitySchemes: Readonly<Record<string, object>>;
}

/** Lets a server describe itself. Call it before its routes are mounted; a server that only serves does not need it. */
export async function describeRoutes(app: App, version: string, texts: OpenapiTexts): Promise<void> {
  const { info, tags, securitySchemes } = texts;
  const { default: swagger } = await import('@fastify/swagger');
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...info, version } as never,
      servers: [{ url: '/', description: 'The issuer.' }],
      tags: [...tags],
      components: { securitySchemes: securitySchemes as never },
    },
    convertConstToEnum: false,
    transform: ({ schema, url, route }) => ({
      schema: withErrorResponses(schema ?? {}, [route.method].flat()[0] as string, app.problemWords),
      url,
    }),
    transformObject: (generated) =>
      finish((generated as unknown as { openapiObject: OpenapiDocument }).openapiObject) as never,
  });
}

/** Returns the document of a described server that is ready. */
export function openapiDocument(app: App): OpenapiDocument {
  return app.swagger() as unknown as OpenapiDocument;
}

/** Returns the document as YAML, as in openapi.yaml. */
export async function openapiYaml(document: OpenapiDocument): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(document, { lineWidth: 120, aliasDuplicateObjects: false });
}

function finish(document: OpenapiDocument): OpenapiDocument {
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path)))
    for (const [status, response] of Object.entries(operation.responses))
      if (response.description === 'Default Response') response.description = `${STATUS_CODES[status]}.`;
  const { openapi, info, servers, tags, paths, components } = nameComponents(document);
  return { openapi, info, servers, tags, paths, components };
}
