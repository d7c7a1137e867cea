import { join } from 'node:path';
import { freePort, type Workspace } from '../workspace.ts';
import { type Server, startServer } from './server.ts';

/** Better Auth with its PostgreSQL adapter, e-mail and password, and its plugin for JWTs. It makes its own tables. */
export async function startBetterAuth(workspace: Workspace, databaseUrl: string): Promise<Server> {
  const port = await freePort();
  return startServer(workspace, {
    name: 'Better Auth',
    args: [join(import.meta.dirname, 'programs/better-auth.mjs'), String(port)],
    env: { NODE_ENV: 'production', DATABASE_URL: databaseUrl, BETTER_AUTH_TELEMETRY: '0' },
    port,
    readyPath: '/api/auth/ok',
  });
}
