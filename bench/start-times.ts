import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { Measured, Plan } from './figures.ts';
import type { Postgresql } from './postgresql.ts';
import { residentMiB } from './proc.ts';
import type { Server } from './servers/server.ts';
import { preparePlace, signet, startEmbedded, startSignet } from './servers/signet.ts';
import { freePort, type Stage } from './stage.ts';

/** From the command to the first 200 of GET /health/ready. */
export async function startTimes(stage: Stage, postgresql: Postgresql): Promise<Plan> {
  const place = await preparePlace(stage, 'start', await postgresql.createDatabase('signet_start'));
  await signet(place, ['migrate']);
  let folder = stage.folder;
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
  const embedded = async () => startEmbedded(stage, await freePort(), folder);
  const seconds = (id: string, against: string, atMost: number) => ({
    work: 'start',
    against,
    unit: 's' as const,
    target: { atMost },
    value: (round: ReadonlyMap<string, { seconds?: number }>) => round.get(id)?.seconds,
  });
  return {
    notes: [],
    measured: [
      timed('start.postgresql', 'start on PostgreSQL', () => startSignet(stage, place)),
      timed('start.embedded.first', 'first start, embedded (npm start)', () => {
        folder = mkdtempSync(join(stage.folder, 'embedded-'));
        return embedded();
      }),
      timed('start.embedded.later', 'later start, embedded (npm start)', embedded),
    ],
    comparisons: [
      seconds('start.postgresql', 'PostgreSQL', 1.5),
      seconds('start.embedded.first', 'embedded, first', 8),
      seconds('start.embedded.later', 'embedded, later', 2.5),
    ],
  };
}
