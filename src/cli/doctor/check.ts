import { errorLine } from '../messages.ts';

/** `note`: not an error, but worth knowing. Only `fail` sets the exit code to 1. */
export type Status = 'ok' | 'note' | 'warn' | 'fail';

/** One line of `signet doctor`. */
export interface Check {
  readonly name: string;
  readonly status: Status;
  readonly message: string;
  /** What to do about it; absent if nothing is to be done. */
  readonly remedy?: string;
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message });

export const note = (name: string, message: string, remedy?: string): Check =>
  createCheck('note', name, message, remedy);

export const warn = (name: string, message: string, remedy: string): Check =>
  createCheck('warn', name, message, remedy);

export const fail = (name: string, message: string, remedy: string): Check =>
  createCheck('fail', name, message, remedy);

function createCheck(status: Status, name: string, message: string, remedy: string | undefined): Check {
  return { name, status, message, ...(remedy === undefined ? {} : { remedy }) };
}

/** Runs a check. One that throws becomes a failed line, and the others still run. */
export async function runCheck(name: string, remedy: string, work: () => Promise<Check | Check[]>): Promise<Check[]> {
  try {
    return [await work()].flat();
  } catch (error) {
    return [fail(name, errorLine(error), remedy)];
  }
}
