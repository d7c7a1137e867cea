import { ScanError, scanFolder } from '../../../kits/permission-lint/src/scan.ts';
import { Failure } from '../../platform/errors.ts';
import { systemClock } from '../../platform/time.ts';
import type { Input } from '../command.ts';

const PROGRESS_DELAY_MS = 2000;
const PROGRESS_INTERVAL_MS = 500;

/** Reads the sources for `api check`, on the caller's side; returns the input with the permissions that they name. */
export async function readSources(input: Input, progress: (line: string) => void): Promise<Input> {
  const folder = input.positionals[1] as string;
  let nextProgress = systemClock.now().getTime() + PROGRESS_DELAY_MS;
  const onFile = (files: number) => {
    const now = systemClock.now().getTime();
    if (now < nextProgress) return;
    nextProgress = now + PROGRESS_INTERVAL_MS;
    progress(`check: ${files} files read`);
  };
  const scan = await scanFolder(folder, onFile).catch((error) => {
    if (!(error instanceof ScanError)) throw error;
    throw new Failure(error.code === 'ENOENT' ? 'notFound' : 'failed', error.message);
  });
  return { ...input, file: { name: folder, text: JSON.stringify(scan) } };
}
