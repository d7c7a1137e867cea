import { startJobs } from '../../src/platform/jobs/index.ts';
import t from '../support/tap.ts';

/** A job of which every run waits until the test lets it end. */
function slowJob() {
  const runs: { end: () => void; fail: (error: Error) => void; stopping: AbortSignal }[] = [];
  const run = (stopping: AbortSignal) => new Promise<void>((end, fail) => void runs.push({ end, fail, stopping }));
  return { runs, job: { name: 'slow', everySeconds: 3600, run } };
}

/** What was promised before is done. */
const turn = () => new Promise((done) => setImmediate(done));

t.test('jobs', async (t) => {
  const errors: unknown[] = [];
  const log = { error: (fields: unknown) => void errors.push(fields) } as never;

  await t.test('a job that is woken runs at once, and never twice at a time', async (t) => {
    const { runs, job } = slowJob();
    const jobs = startJobs([job], log);
    jobs.wake('another');
    t.equal(runs.length, 0);
    jobs.wake('slow');
    t.equal(runs.length, 1);
    jobs.wake('slow');
    jobs.wake('slow');
    t.equal(runs.length, 1);
    runs[0]?.end();
    await turn();
    t.equal(runs.length, 2, 'asked for meanwhile: once more, for something may have come too late for the first run');
    runs[1]?.end();
    await turn();
    t.equal(runs.length, 2);
    await jobs.stop();
  });

  await t.test('a run that fails is logged, and the next is none the worse', async (t) => {
    const { runs, job } = slowJob();
    const jobs = startJobs([job], log);
    jobs.wake('slow');
    runs[0]?.fail(new Error('the disk is full'));
    await turn();
    t.match(errors, [{ job: 'slow', err: { message: 'the disk is full' } }]);
    jobs.wake('slow');
    t.equal(runs.length, 2);
    runs[1]?.end();
    await jobs.stop();
  });

  await t.test('stopping tells the run under way, waits for it, and begins no other', async (t) => {
    const { runs, job } = slowJob();
    const jobs = startJobs([job], log);
    jobs.wake('slow');
    jobs.wake('slow');
    t.equal(runs[0]?.stopping.aborted, false);
    let isStopped = false;
    const stopped = jobs.stop().then(() => {
      isStopped = true;
    });
    t.equal(runs[0]?.stopping.aborted, true);
    await turn();
    t.equal(isStopped, false);
    runs[0]?.end();
    await stopped;
    jobs.wake('slow');
    t.equal(runs.length, 1);
  });
});
