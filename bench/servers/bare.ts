import { join } from 'node:path';
import { freePort, type Workspace } from '../workspace.ts';
import { type Server, startServer } from './server.ts';

/** What Fastify can do on this machine: one route with a schema, and nothing else. */
export async function startBare(workspace: Workspace): Promise<Server> {
  const port = await freePort();
  return startServer(workspace, {
    name: 'bare Fastify',
    args: [join(import.meta.dirname, 'programs/bare.mjs'), String(port)],
    env: { NODE_ENV: 'production' },
    port,
    readyPath: '/bare',
  });
}
