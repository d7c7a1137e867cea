import { type Job, startJobs } from '../../src/platform/jobs/index.ts';
import t from '../support/tap.ts';

const everySeconds = 0.005;

/** A job of which every run waits until the test lets it end. */
function slowJob() {
  const runs: { end: () => void; fail: (error: Error) => void; stopping: AbortSignal }[] = [];
  const run = (stopping: AbortSignal) => new Promise<void>((end, fail) => void runs.push({ end, fail, stopping }));
  return { runs, job: { name: 'slow', everySeconds, run } };
}

/** A job that only counts: by its count another one of the same interval was due as often. */
function quickJob() {
  const count = { runs: 0 };
  const job: Job = { name: 'quick', everySeconds, run: async () => void count.runs++ };
  return { count, job };
}

/** Waits for something that happens by itself; fails when it does not within a minute. */
async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; tries < 60_000 && !what(); tries++) await new Promise((done) => setTimeout(done, 1));
  if (!what()) throw new Error('it did not happen');
}

t.test('jobs', async (t) => {
  const errors: unknown[] = [];
  const log = { error: (fields: unknown) => void errors.push(fields) } as never;

  await t.test('a job runs at its interval, and never twice at a time', async (t) => {
    const { runs, job } = slowJob();
    const quick = quickJob();
    const stop = startJobs([job, quick.job], log);
    t.equal(runs.length, 0);
    await until(() => quick.count.runs >= 4);
    t.equal(runs.length, 1);
    runs[0]?.end();
    await until(() => runs.length === 2);
    runs[1]?.end();
    await stop();
  });

  await t.test('a run that fails is logged, and the next is none the worse', async (t) => {
    const { runs, job } = slowJob();
    const stop = startJobs([job], log);
    await until(() => runs.length === 1);
    runs[0]?.fail(new Error('the disk is full'));
    await until(() => runs.length === 2);
    t.match(errors, [{ job: 'slow', err: { message: 'the disk is full' } }]);
    runs[1]?.end();
    await stop();
  });

  await t.test('stopping tells the run under way, waits for it, and begins no other', async (t) => {
    const { runs, job } = slowJob();
    const stop = startJobs([job], log);
    await until(() => runs.length === 1);
    t.equal(runs[0]?.stopping.aborted, false);
    let isStopped = false;
    const stopped = stop().then(() => {
      isStopped = true;
    });
    t.equal(runs[0]?.stopping.aborted, true);
    await new Promise((done) => setImmediate(done));
    t.equal(isStopped, false);
    runs[0]?.end();
    await stopped;
    // As long as a job of the same interval takes for some runs.
    const quick = quickJob();
    const stopQuick = startJobs([quick.job], log);
    await until(() => quick.count.runs >= 4);
    t.equal(runs.length, 1);
    await stopQuick();
  });
});
