import type { Logger } from 'pino';
import { safeError } from '../telemetry/index.ts';

/** Periodic work. A run that fails is logged, and the next one follows as scheduled. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  /** `stopping` is aborted when the server stops, which waits for runs in progress: a long run should end soon after. */
  run(stopping: AbortSignal): Promise<void>;
}

/** Starts each job at its interval, unless it is still running. Returns a function that stops them and waits for runs in progress. */
export function startJobs(jobs: readonly Job[], log: Logger): () => Promise<void> {
  const stopping = new AbortController();
  const running = new Map<Job, Promise<void>>();

  const start = (job: Job) => {
    if (running.has(job)) return;
    const run = job
      .run(stopping.signal)
      .catch((error: Error) => log.error({ job: job.name, err: safeError(error) }, 'a job failed'))
      .finally(() => running.delete(job));
    running.set(job, run);
  };
  const timers = jobs.map((job) => {
    const timer = setInterval(start, job.everySeconds * 1000, job);
    timer.unref();
    return timer;
  });
  return async () => {
    stopping.abort();
    for (const timer of timers) clearInterval(timer);
    await Promise.all(running.values());
  };
}
