import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { superviseWorkers } from '../../src/server/workers.ts';
import t, { type Test } from '../support/tap.ts';

// In what order workers say that they serve, and end, is nobody's to choose: so no processes here. With them: test/server/workers.e2e.test.ts.

/** Workers that do what the test says. */
function stand(t: Test) {
  const forked: { place: number; worker: EventEmitter }[] = [];
  t.intercept(cluster, 'setupPrimary', { value: () => undefined });
  const fork = (environment: Record<string, string>) => {
    const worker = new EventEmitter();
    Object.assign(worker, { process: { kill: () => worker.emit('exit', 0, null) } });
    forked.push({ place: Number(Object.values(environment)[0]), worker });
    return worker as Worker;
  };
  t.intercept(cluster, 'fork', { value: fork });
  const said: string[] = [];
  const ended = superviseWorkers({
    count: 3,
    onReady: () => said.push('ready'),
    onStopping: () => said.push('stopping'),
    onExit: (place) => said.push(`lost ${place}`),
  });
  const last = (place: number) => forked.findLast((one) => one.place === place)?.worker as EventEmitter;
  return {
    said,
    ended,
    places: () => forked.map((one) => one.place),
    serves: (place: number) => last(place).emit('message', 'ready'),
    ends: (place: number, code: number) => last(place).emit('exit', code, null),
  };
}

async function until(is: () => boolean): Promise<void> {
  for (let tries = 0; !is() && tries < 100; tries++) await new Promise((done) => setTimeout(done, 50));
}

t.test('docs/commands.md: ready is said when every worker serves, in whatever order', async (t) => {
  const { said, places, serves } = stand(t);
  t.same(places(), [0], 'the first starts alone');
  serves(0);
  t.same(places(), [0, 1, 2]);
  serves(2);
  t.same(said, [], 'the second does not serve yet');
  serves(1);
  t.same(said, ['ready']);
});

t.test('docs/commands.md: the first that ends before the others serve is started anew, and they are not', async (t) => {
  const { said, ended, places, serves, ends } = stand(t);
  serves(0);
  ends(0, 1);
  t.same(said, ['lost 0']);
  await until(() => places().length > 3);
  serves(0);
  t.same(places(), [0, 1, 2, 0]);
  serves(2);
  t.same(said, ['lost 0'], 'the second does not serve yet');
  ends(1, 5);
  t.equal(await ended, 5, 'one that never served before all did ends them all');
});
