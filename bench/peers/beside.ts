import { beside, type Plan } from '../figures.ts';
import type { PlannedRequest } from '../load/request.ts';
import { query } from '../postgresql.ts';
import type { Servers } from '../servers.ts';
import type { Peer, Task, Work } from './peer.ts';
import { CONNECTIONS } from './requests.ts';

/** The peers that do this work, and Signet's measurement `id` beside each of them. */
export async function besidePeers(
  servers: Servers,
  work: Work,
  titled: string,
  id: string,
  connections = CONNECTIONS,
): Promise<Plan> {
  const { peers, absent } = await servers.peers(work);
  const tasks = peers.flatMap((peer) => {
    const task = peer.tasks[work];
    return task === undefined ? [] : [{ peer, task, id: `${peer.id}.${work}` }];
  });
  return {
    notes: absent,
    measured: tasks.map(({ peer, task, id }) => {
      const title = `${peer.title}, ${titled}${task.but === undefined ? '' : `, ${task.but}`}`;
      const server = task.port === undefined ? peer.server : { ...peer.server, port: task.port };
      return servers.served(id, title, server, {
        connections,
        requests: () => prepared(peer, task),
        demand: task.demand,
      });
    }),
    comparisons: tasks.map((one) => beside(titled, one.peer.title, id, one.id)),
  };
}

/** What was filled beforehand is analysed, as Signet's tables are: autovacuum comes once a minute. */
async function prepared({ databaseUrl }: Peer, task: Task): Promise<readonly PlannedRequest[]> {
  const requests = await task.requests();
  if (databaseUrl !== undefined) await query(databaseUrl, 'analyze');
  return requests;
}
