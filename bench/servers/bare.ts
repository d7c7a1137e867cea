import { join } from 'node:path';
import { freePort, type Stage } from '../stage.ts';
import { type Server, startServer } from './server.ts';

/** What Fastify can do on this machine: one route with a schema, and nothing else. */
export async function startBare(stage: Stage): Promise<Server> {
  const port = await freePort();
  return startServer(stage, {
    name: 'bare Fastify',
    args: [join(import.meta.dirname, 'programs/bare.mjs'), String(port)],
    env: { NODE_ENV: 'production' },
    port,
    readyPath: '/bare',
  });
}
