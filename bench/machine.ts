import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly postgresql: string;
  /** Before the run: others at work make every figure worse, and the ratios less sure. */
  readonly loadBefore: number;
}

export function describeMachine(postgresql: string, loadBefore: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version.slice(1),
    postgresql: postgresql.split(' ')[0] as string,
    loadBefore,
  };
}

export const loadNow = () => Number((loadavg()[0] as number).toFixed(2));
