import { pino } from 'pino';
import { readConfig } from '../../platform/config/index.ts';
import { type OpenapiDocument, openapiDocument, openapiYaml } from '../../platform/http/index.ts';
import { systemClock } from '../../platform/time.ts';
import { buildApp } from '../../server/compose.ts';
import type { RunLocally } from '../command.ts';
import { version } from '../version.ts';

export const openapi: RunLocally = async () => {
  const document = await describeService();
  return { data: document, text: (await openapiYaml(document)).trimEnd() };
};

/** Returns the OpenAPI document of the routes. Nothing is served: there is no database and no key. */
export async function describeService(): Promise<OpenapiDocument> {
  const issuer = 'https://id.example';
  const unused = undefined as never;
  const app = await buildApp({
    config: readConfig('production', { SIGNET_ISSUER: issuer }),
    issuer,
    db: unused,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    keys: unused,
    masterKey: Buffer.alloc(32),
    passwords: {} as never,
    openapiVersion: version,
  });
  await app.ready();
  return openapiDocument(app);
}
