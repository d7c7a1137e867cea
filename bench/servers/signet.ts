import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { cleanEnvironment, freePort, root, type Workspace } from '../workspace.ts';
import { type Server, startServer } from './server.ts';

export const launcher = join(root, 'bin/signet.mjs');

/** One Signet: its settings, its database, and how its commands are run. */
export interface Installation {
  readonly port: number;
  readonly env: Record<string, string>;
  readonly databaseUrl: string;
}

/** Throttles at the most that their settings take; they are never off. */
const raised = {
  SIGNET_THROTTLE_NAME: '100000',
  SIGNET_THROTTLE_NETWORK: '10000000',
  SIGNET_THROTTLE_ACCOUNT: '1000000',
  SIGNET_THROTTLE_AUTHORIZE: '10000000',
  SIGNET_THROTTLE_DEVICE: '10000000',
  SIGNET_THROTTLE_SIGNUP: '10000000',
};

export async function prepareInstallation(
  workspace: Workspace,
  name: string,
  databaseUrl: string,
  extra: Record<string, string> = {},
): Promise<Installation> {
  const port = await freePort();
  const env = {
    DATABASE_URL: databaseUrl,
    SIGNET_ISSUER: `http://127.0.0.1:${port}`,
    SIGNET_HOST: '127.0.0.1',
    SIGNET_PORT: String(port),
    SIGNET_KEYS_DIR: join(workspace.folder, name, 'keys'),
    SIGNET_DATA_DIR: join(workspace.folder, name, 'data'),
    ...raised,
    ...extra,
  };
  return { port, env, databaseUrl };
}

/** `signet start`: production mode, as an operator runs it. `profileTo` writes a CPU profile there when it stops. */
export function startSignet(
  workspace: Workspace,
  installation: Installation,
  options: { name?: string; words?: readonly string[]; profileTo?: string | undefined } = {},
): Promise<Server> {
  const { profileTo } = options;
  const profile: Record<string, string> =
    profileTo === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${JSON.stringify(profileTo)}` };
  return startServer(workspace, {
    name: options.name ?? 'Signet',
    args: [launcher, 'start', ...(options.words ?? [])],
    env: { ...installation.env, ...profile, NODE_ENV: 'production' },
    port: installation.port,
    readyPath: '/health/ready',
    isLaunched: true,
  });
}

/** `signet dev` on the embedded database in a folder of its own, as `npm start` runs it. */
export function startEmbedded(workspace: Workspace, port: number, folder: string): Promise<Server> {
  return startServer(workspace, {
    name: 'Signet embedded',
    args: [launcher, 'dev'],
    env: {
      SIGNET_PORT: String(port),
      SIGNET_KEYS_DIR: join(folder, 'keys'),
      SIGNET_DATA_DIR: join(folder, 'data'),
    },
    port,
    host: 'localhost',
    readyPath: '/health/ready',
    isLaunched: true,
  });
}

/** Raised by a command that this version of Signet does not know. */
export class NotYet extends Error {}

/** Runs a command with `--json`; answers what it printed. */
export function signet(installation: Installation, words: string[], stdin = ''): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [launcher, ...words, '--json'],
      { env: cleanEnvironment(installation.env), timeout: 300_000, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const said = `signet ${words.join(' ').slice(0, 200)}: ${(stderr || stdout || String(error)).slice(0, 1000)}`;
        if (error?.code === 2) reject(new NotYet(said));
        else if (error) reject(new Error(said));
        else resolve(JSON.parse(stdout || '{}'));
      },
    );
    child.stdin?.end(stdin);
  });
}

/** Whether a command's own help names an option. */
export function knows(words: string[], option: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [launcher, ...words, '--help'],
      { env: cleanEnvironment({}), timeout: 60_000 },
      (_error, stdout, stderr) => resolve(`${stdout}${stderr}`.includes(option)),
    );
  });
}
