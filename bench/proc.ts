import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second (`getconf CLK_TCK`), on every platform that Node runs on. */
const TICK_MICROS = 10_000;

function fields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command's name may hold spaces and brackets.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** The process and all below it that live now. */
export function tree(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(tree)];
  } catch {
    return [];
  }
}

/** Processor time, user and system, of a process tree so far, those that ended within it included. */
export function cpuMicros(pid: number): number {
  let ticks = 0;
  for (const one of tree(pid)) {
    try {
      const [user, system, childUser, childSystem] = fields(one).slice(11, 15).map(Number) as [
        number,
        number,
        number,
        number,
      ];
      ticks += user + system + childUser + childSystem;
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks * TICK_MICROS;
}

/** Resident memory of a process tree. */
export function residentMiB(pid: number): number {
  let kibibytes = 0;
  for (const one of tree(pid)) {
    try {
      kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1] ?? 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return kibibytes / 1024;
}
