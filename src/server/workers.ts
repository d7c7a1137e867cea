import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';

/** Returns the index of this worker of `signet start --workers N`, from 0; null if this process is not a worker. */
export function workerIndex(environment: Record<string, string | undefined>): number | null {
  return cluster.isWorker ? Number(environment[INDEX_VARIABLE]) : null;
}

/** Not a setting: the first process passes it to its workers. */
const INDEX_VARIABLE = 'WORKER_INDEX';

/** Tells the first process that this worker serves. */
export function reportReady(): void {
  process.send?.('ready');
}

/** Delay before a worker that exited is restarted. */
const RESTART_MS = 1000;

/** Longer than a worker's drain (`untilSignal`). */
const STOP_MS = 25_000;

export interface WorkerOptions {
  readonly count: number;
  /** Called when every worker serves. */
  readonly onReady: () => void;
  readonly onStopping: () => void;
  /** Called when a worker has exited and will be restarted. */
  readonly onExit: (index: number, reason: string) => void;
}

/**
 * Starts workers that share one port, and waits until they have exited. The first one starts alone, so that a configuration error is
 * reported once; a later one that exits is restarted. SIGINT, SIGTERM and SIGHUP drain them all. Returns the exit code.
 */
export function superviseWorkers({ count, onReady, onStopping, onExit }: WorkerOptions): Promise<number> {
  cluster.setupPrimary({ exec: join(import.meta.dirname, '../main.ts') });
  const workers = new Map<number, Worker>();
  const serving = new Set<number>();
  let isForked = false;
  let isReady = false;
  let isStopping = false;
  let exitCode = 0;

  return new Promise((resolve) => {
    const stop = () => {
      if (isStopping) return;
      isStopping = true;
      if (workers.size === 0) return resolve(exitCode);
      for (const worker of workers.values()) worker.process.kill('SIGTERM');
      setTimeout(() => {
        for (const worker of workers.values()) worker.process.kill('SIGKILL');
      }, STOP_MS).unref();
    };
    const startWorker = (index: number) => {
      const worker = cluster.fork({ [INDEX_VARIABLE]: String(index) });
      workers.set(index, worker);
      let isServing = false;
      worker.on('message', (message) => {
        if (message !== 'ready') return;
        isServing = true;
        serving.add(index);
        if (!isForked) for (let next = 1; next < count; next++) startWorker(next);
        isForked = true;
        if (!isReady && serving.size === count) {
          isReady = true;
          onReady();
        }
      });
      worker.once('exit', (code, signal) => {
        workers.delete(index);
        serving.delete(index);
        if (isStopping) {
          if (code) exitCode = code;
          if (workers.size === 0) resolve(exitCode);
        } else if (!isServing && !isReady) {
          // The worker has reported the reason.
          exitCode = code || 1;
          stop();
        } else {
          onExit(index, signal ?? `exit code ${code}`);
          setTimeout(() => isStopping || startWorker(index), RESTART_MS);
        }
      });
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        if (!isStopping) onStopping();
        stop();
      });
    startWorker(0);
  });
}
