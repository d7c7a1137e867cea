import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Measured, Plan } from './figures.ts';
import type { Postgresql } from './postgresql.ts';
import { residentMiB } from './proc.ts';
import type { Server } from './servers/server.ts';
import {
  type Installation,
  launcher,
  prepareInstallation,
  signet,
  startEmbedded,
  startSignet,
} from './servers/signet.ts';
import { cleanEnvironment, freePort, type Workspace } from './workspace.ts';

/** From the command to the first 200 of GET /health/ready. */
export async function startTimes(workspace: Workspace, postgresql: Postgresql): Promise<Plan> {
  const installation = await prepareInstallation(workspace, 'start', await postgresql.createDatabase('signet_start'));
  await signet(installation, ['migrate']);
  let folder = workspace.folder;
  const timed = (id: string, title: string, start: () => Promise<Server>): Measured => ({
    id,
    title,
    async measure() {
      const server = await start();
      const rssMiB = residentMiB(server.pid);
      await server.stop();
      return { seconds: server.startSeconds, rssMiB };
    },
  });
  const embedded = async () => startEmbedded(workspace, await freePort(), folder);
  const seconds = (id: string, against: string) => ({
    work: 'start',
    against,
    unit: 's' as const,
    value: (round: ReadonlyMap<string, { seconds?: number }>) => round.get(id)?.seconds,
  });
  return {
    notes: [],
    measured: [
      timed('start.postgresql', 'start on PostgreSQL', () => startSignet(workspace, installation)),
      timed('start.embedded.first', 'first start, embedded (npm start)', () => {
        folder = mkdtempSync(join(workspace.folder, 'embedded-'));
        return embedded();
      }),
      timed('start.embedded.later', 'later start, embedded (npm start)', embedded),
      command(installation),
    ],
    comparisons: [
      seconds('start.postgresql', 'PostgreSQL'),
      seconds('start.embedded.first', 'embedded, first'),
      seconds('start.embedded.later', 'embedded, later'),
      seconds('start.command', 'a command without the ORM'),
    ],
  };
}

/** A command that asks no database. */
function command(installation: Installation): Measured {
  return {
    id: 'start.command',
    title: 'signet help',
    async measure() {
      const began = performance.now();
      await run(process.execPath, [launcher, 'help'], { env: cleanEnvironment(installation.env) });
      return { seconds: (performance.now() - began) / 1000 };
    },
  };
}

const run = promisify(execFile);
