/** `note`: nothing is wrong, and somebody may want to know. Only `fail` makes the exit code 1. */
export type Status = 'ok' | 'note' | 'warn' | 'fail';

/** One line of `signet doctor`. */
export interface Check {
  readonly name: string;
  readonly status: Status;
  readonly message: string;
  /** What to do about it; absent where nothing is to be done. */
  readonly remedy?: string;
}

export const ok = (name: string, message: string): Check => ({ name, status: 'ok', message });

export const note = (name: string, message: string, remedy?: string): Check => of('note', name, message, remedy);

export const warn = (name: string, message: string, remedy: string): Check => of('warn', name, message, remedy);

export const fail = (name: string, message: string, remedy: string): Check => of('fail', name, message, remedy);

function of(status: Status, name: string, message: string, remedy: string | undefined): Check {
  return { name, status, message, ...(remedy === undefined ? {} : { remedy }) };
}

/** A check that cannot be made is no reason for the others not to be: it becomes a line of its own. */
export async function runCheck(name: string, remedy: string, work: () => Promise<Check | Check[]>): Promise<Check[]> {
  try {
    return [await work()].flat();
  } catch (error) {
    return [fail(name, (error as Error).message.split('\n')[0] as string, remedy)];
  }
}
