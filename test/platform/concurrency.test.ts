import { oneAtATime, singleFlight } from '../../src/platform/concurrency.ts';
import t from '../support/tap.ts';

/** A function of which every run waits until the test lets it end. */
function slowFunction() {
  const runs: PromiseWithResolvers<void>[] = [];
  const run = () => {
    const one = Promise.withResolvers<void>();
    runs.push(one);
    return one.promise;
  };
  return { runs, run };
}

/** What was promised before is done. */
const turn = () => new Promise((done) => setImmediate(done));

t.test('docs/architecture.md: one run at a time, and once more if a change came meanwhile', async (t) => {
  await t.test('a call during a run is served by the next run, which all such calls share', async (t) => {
    const slow = slowFunction();
    const { run } = oneAtATime(slow.run);
    const first = run();
    t.equal(slow.runs.length, 1, 'it begins in the call');
    const second = run();
    t.equal(run(), second);
    t.equal(slow.runs.length, 1);
    slow.runs[0]?.resolve();
    await first;
    t.equal(run(), second, 'a call between the two runs begins no third one');
    await turn();
    t.equal(slow.runs.length, 2);
    slow.runs[1]?.resolve();
    await second;
    await turn();
    t.equal(slow.runs.length, 2, 'nothing more is due');
    void run();
    t.equal(slow.runs.length, 3);
    slow.runs[2]?.resolve();
  });

  await t.test('a run that fails rejects its own calls, and the next begins', async (t) => {
    const slow = slowFunction();
    const { run } = oneAtATime(slow.run);
    const [first, second] = [run(), run()];
    slow.runs[0]?.reject(new Error('no'));
    await t.rejects(first, { message: 'no' });
    await turn();
    slow.runs[1]?.resolve();
    await second;
    t.equal(slow.runs.length, 2);
  });

  await t.test('idle waits for the run in progress and for the next one, whether they fail or not', async (t) => {
    const slow = slowFunction();
    const { run, idle } = oneAtATime(slow.run);
    await idle();
    const calls = [run(), run()];
    let isIdle = false;
    const isOver = idle().then(() => {
      isIdle = true;
    });
    slow.runs[0]?.resolve();
    await turn();
    t.equal(isIdle, false);
    slow.runs[1]?.reject(new Error('no'));
    await t.rejects(calls[1] as Promise<void>, { message: 'no' });
    await isOver;
    t.equal(isIdle, true);
  });
});

t.test('docs/decisions/0014: calls with one key at the same time get one answer; nothing is kept', async (t) => {
  const share = singleFlight<number>();
  let count = 0;
  const run = async () => ++count;
  t.same(await Promise.all([share('a', run), share('a', run), share('b', run)]), [1, 1, 2]);
  t.equal(await share('a', run), 3);
});
