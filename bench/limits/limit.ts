import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Workspace } from '../workspace.ts';
import type { LimitResult } from './result.ts';

export type Limit =
  | 'RS256'
  | 'ES256'
  | 'EdDSA'
  | 'argon2'
  | 'select'
  | 'session'
  | 'token-state'
  | 'verifier'
  | 'update';

/** Measures one of the machine's own limits, in a process of its own. */
export function measureLimit(workspace: Workspace, what: Limit, seconds: number, parameter = ''): Promise<LimitResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [join(import.meta.dirname, 'program.ts'), what, String(seconds), parameter],
      { timeout: (seconds + 60) * 1000 },
      (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))),
    );
    workspace.atEnd(() => child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'));
  });
}
