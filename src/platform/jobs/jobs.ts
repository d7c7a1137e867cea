import type { Logger } from 'pino';
import { safeError } from '../telemetry/index.ts';

/** Something that is done again and again while the server runs. One that fails is logged and done again next time. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  run(): Promise<void>;
}

/** Starts the jobs; answers how to stop them, which waits for the one under way. */
export function startJobs(jobs: readonly Job[], log: Logger): () => Promise<void> {
  const running = new Set<Promise<void>>();
  const timers = jobs.map((job) => {
    let isRunning = false;
    const timer = setInterval(() => {
      if (isRunning) return;
      isRunning = true;
      const done = job
        .run()
        .catch((error: Error) => log.error({ job: job.name, err: safeError(error) }, 'a job failed'))
        .finally(() => {
          isRunning = false;
          running.delete(done);
        });
      running.add(done);
    }, job.everySeconds * 1000);
    timer.unref();
    return timer;
  });
  return async () => {
    for (const timer of timers) clearInterval(timer);
    await Promise.all(running);
  };
}
