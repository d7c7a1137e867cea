import { execFileSync } from 'node:child_process';

export interface Python {
  readonly path: string;
  /** The version of PyJWT. */
  readonly version: string;
}

/** Finds a Python that has PyJWT with cryptography, which RS256 needs; null if there is none. */
export function findPython(): Python | null {
  for (const path of ['/usr/bin/python3', 'python3'])
    try {
      const probe = 'import cryptography, jwt; jwt.PyJWKClient; print(jwt.__version__)';
      const version = execFileSync(path, ['-c', probe], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 });
      return { path, version: version.toString().trim() };
    } catch {
      // Not this one.
    }
  return null;
}

export const NO_PYTHON = 'neither /usr/bin/python3 nor python3 has PyJWT with cryptography';
