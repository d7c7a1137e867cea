import type { Logger } from 'pino';
import { safeError } from '../telemetry/index.ts';

/** Something that is done again and again while the server runs. One that fails is logged and done again next time. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  /** `stopping` is aborted when the server stops, which waits for what is under way: a long run ends soon then. */
  run(stopping: AbortSignal): Promise<void>;
}

export interface Jobs {
  /** Runs a job at once; one that is under way runs once more after it. */
  wake(name: string): void;
  /** Waits for those under way. */
  stop(): Promise<void>;
}

export function startJobs(jobs: readonly Job[], log: Logger): Jobs {
  const stopping = new AbortController();
  const running = new Map<Job, Promise<void>>();
  const asked = new Set<Job>();

  const start = (job: Job) => {
    if (stopping.signal.aborted || running.has(job)) return;
    asked.delete(job);
    const done = job
      .run(stopping.signal)
      .catch((error: Error) => log.error({ job: job.name, err: safeError(error) }, 'a job failed'))
      .finally(() => {
        running.delete(job);
        if (asked.has(job)) start(job);
      });
    running.set(job, done);
  };
  const timers = jobs.map((job) => {
    const timer = setInterval(start, job.everySeconds * 1000, job);
    timer.unref();
    return timer;
  });
  return {
    wake(name) {
      for (const job of jobs.filter((one) => one.name === name)) {
        asked.add(job);
        start(job);
      }
    },
    async stop() {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}
