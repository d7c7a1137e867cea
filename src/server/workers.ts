import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';

/** This process's place among the workers of one `signet start --workers N`, from 0; null when it is none. */
export function workerPlace(environment: Record<string, string | undefined>): number | null {
  return cluster.isWorker ? Number(environment[PLACE]) : null;
}

/** Not a setting: passed from the first process to its workers. */
const PLACE = 'WORKER_PLACE';

/** Said by a worker when it serves. */
export function sayReady(): void {
  process.send?.('ready');
}

/** Before a worker that ended by itself is started anew. */
const AGAIN_MS = 1000;

/** Longer than a worker's own drain (`untilSignal`). */
const STOP_MS = 25_000;

export interface Supervision {
  readonly count: number;
  /** Every worker serves. */
  readonly ready: () => void;
  readonly stopping: () => void;
  /** A worker ended by itself, and is started anew. */
  readonly lost: (place: number, how: string) => void;
}

/**
 * Starts workers that share one port and waits for their end. The first starts alone, so that what is wrong with the settings is
 * told once; a later one that ends by itself is started anew. SIGINT, SIGTERM and SIGHUP drain them all. Answers the exit code.
 */
export function superviseWorkers({ count, ready, stopping, lost }: Supervision): Promise<number> {
  cluster.setupPrimary({ exec: join(import.meta.dirname, '../main.ts') });
  const live = new Map<number, Worker>();
  const serving = new Set<number>();
  let isForked = false;
  let isReady = false;
  let isStopping = false;
  let exitCode = 0;

  return new Promise((resolve) => {
    const stop = () => {
      if (isStopping) return;
      isStopping = true;
      if (live.size === 0) return resolve(exitCode);
      for (const worker of live.values()) worker.process.kill('SIGTERM');
      setTimeout(() => {
        for (const worker of live.values()) worker.process.kill('SIGKILL');
      }, STOP_MS).unref();
    };
    const begin = (place: number) => {
      const worker = cluster.fork({ [PLACE]: String(place) });
      live.set(place, worker);
      let isServing = false;
      worker.on('message', (message) => {
        if (message !== 'ready') return;
        isServing = true;
        serving.add(place);
        if (!isForked) for (let next = 1; next < count; next++) begin(next);
        isForked = true;
        if (!isReady && serving.size === count) {
          isReady = true;
          ready();
        }
      });
      worker.once('exit', (code, signal) => {
        live.delete(place);
        serving.delete(place);
        if (isStopping) {
          if (code) exitCode = code;
          if (live.size === 0) resolve(exitCode);
        } else if (!isServing && !isReady) {
          // It has said why.
          exitCode = code || 1;
          stop();
        } else {
          lost(place, signal ?? `exit code ${code}`);
          setTimeout(() => isStopping || begin(place), AGAIN_MS);
        }
      });
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        if (!isStopping) stopping();
        stop();
      });
    begin(0);
  });
}
