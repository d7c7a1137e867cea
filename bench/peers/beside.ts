import type { Cast } from '../cast.ts';
import { beside, type Plan } from '../figures.ts';
import type { Work } from './peer.ts';
import { CONNECTIONS } from './requests.ts';

/** The peers that do this work, and Signet's measurement `id` beside each of them. */
export async function besidePeers(
  cast: Cast,
  work: Work,
  titled: string,
  id: string,
  connections = CONNECTIONS,
): Promise<Plan> {
  const { peers, absent } = await cast.peers(work);
  const tasks = peers.flatMap((peer) => {
    const task = peer.tasks[work];
    return task === undefined ? [] : [{ peer, task, id: `${peer.id}.${work}` }];
  });
  return {
    notes: absent,
    measured: tasks.map(({ peer, task, id }) => {
      const title = `${peer.title}, ${titled}${task.but === undefined ? '' : `, ${task.but}`}`;
      const server = task.port === undefined ? peer.server : { ...peer.server, port: task.port };
      return cast.served(id, title, server, {
        connections,
        requests: task.requests,
        demand: task.demand,
      });
    }),
    comparisons: tasks.map((one) => beside(titled, one.peer.title, id, one.id)),
  };
}
