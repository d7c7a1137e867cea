import type { Logger } from 'pino';
import { safeError } from '../telemetry/index.ts';

/** Periodic work. A run that fails is logged, and the next one follows as scheduled. */
export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  /** `stopping` is aborted when the server stops, which waits for runs in progress: a long run should end soon after. */
  run(stopping: AbortSignal): Promise<void>;
}

export interface Jobs {
  /** Runs a job now; a job in progress runs once more afterwards. */
  wake(name: string): void;
  /** Waits for runs in progress. */
  stop(): Promise<void>;
}

export function startJobs(jobs: readonly Job[], log: Logger): Jobs {
  const stopping = new AbortController();
  const running = new Map<Job, Promise<void>>();
  const pending = new Set<Job>();

  const start = (job: Job) => {
    if (stopping.signal.aborted || running.has(job)) return;
    pending.delete(job);
    const run = job
      .run(stopping.signal)
      .catch((error: Error) => log.error({ job: job.name, err: safeError(error) }, 'a job failed'))
      .finally(() => {
        running.delete(job);
        if (pending.has(job)) start(job);
      });
    running.set(job, run);
  };
  const timers = jobs.map((job) => {
    const timer = setInterval(start, job.everySeconds * 1000, job);
    timer.unref();
    return timer;
  });
  return {
    wake(name) {
      for (const job of jobs.filter((one) => one.name === name)) {
        pending.add(job);
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
